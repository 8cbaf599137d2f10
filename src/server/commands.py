"""The command lines that both servers have: `serve`, and `worker`, which `serve` starts."""

import sys
from collections.abc import Callable
from typing import TypeVar

import click

from server import logs
from server.metric_files import keep_figures
from server.settings import WORKERS_MAX, ServerSettings, check, read_settings
from server.supervisor import supervise
from server.tokens import read_tokens

Settings = TypeVar("Settings", bound=ServerSettings)
Run = Callable[[Settings, int | None], int]
"""Serves in this process: settings, tether → exit status."""


def add_serving(group: click.Group, *, name: str, settings: type[Settings], load: Callable[[], Run[Settings]]) -> None:
    """Add `serve` and `worker` to a command line.

    `name` is the service's, as in CHARGING_PORT; `load` imports what a worker runs, which the supervisor never needs.
    """
    package = name.lower()

    @group.command()
    @click.option(
        "--workers", type=click.IntRange(1, WORKERS_MAX), help="Processes side by side; else WORKERS, else 1."
    )
    @click.option("--insecure", is_flag=True, help="Serve beyond loopback without TLS.")
    def serve(workers: int | None, *, insecure: bool) -> None:
        """Serve until SIGTERM or Ctrl-C."""
        told = read_settings(settings)
        if workers is not None:
            told = told.model_copy(update={"workers": workers})
        check(told, insecure=insecure)
        read_tokens(told.token_file)
        logs.configure(told.log_format, process=f"{package} supervisor")
        command = [sys.executable, "-m", package, "worker", *(["--insecure"] if insecure else [])]
        sys.exit(supervise(command, told, name=name))

    @group.command(hidden=True)
    @click.option("--port", "ports", multiple=True, required=True)
    @click.option("--slot", type=int, required=True)
    @click.option("--tether", type=int, required=True)
    @click.option("--insecure", is_flag=True)
    def worker(ports: tuple[str, ...], slot: int, tether: int, *, insecure: bool) -> None:
        """Serve in one process, for a supervisor, on the ports that it keeps: port=50052, http_port=8081."""
        kept = {field: int(port) for field, _, port in (each.partition("=") for each in ports)}
        told = read_settings(settings).model_copy(update=kept)
        check(told, insecure=insecure)
        logs.configure(told.log_format, process=f"{package} worker {slot}")
        keep_figures(slot)
        sys.exit(load()(told, tether))
