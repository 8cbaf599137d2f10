"""The commands of both servers: `serve`, and `worker`, which `serve` starts."""

import gc
import sys
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

import click

from server import logs
from server.envoy.launch import Arguments, Programs, check_certificate, find_programs, worker_program
from server.metric_files import use_slot_files
from server.settings import WORKERS_MAX, FrontChoice, ServerSettings, check, read_settings
from server.spawning import Assignment, Prepare, Program
from server.supervisor import supervise
from server.tokens import read_tokens

Settings = TypeVar("Settings", bound=ServerSettings)
Run = Callable[[Settings, int | None], int]
"""Serves in this process, with settings and a tether; returns the exit status."""


class Hosting(NamedTuple, Generic[Settings]):
    """How a service is hosted by Envoy."""

    application: str
    """The ASGI application that Envoy loads, as module:attribute."""
    choice: Callable[[Settings], FrontChoice]
    """Returns which front the settings choose."""


def add_serving(
    group: click.Group,
    *,
    name: str,
    settings: type[Settings],
    load: Callable[[], Run[Settings]],
    hosting: Hosting[Settings] | None = None,
) -> None:
    """Add `serve` and `worker` to a command line.

    `name` is the service's, as in CHARGING_PORT; `load` imports the worker's code, which the supervisor never needs.
    Without `hosting` the front is gRPC's own server.
    """
    package = name.lower()

    @group.command()
    @click.option(
        "--workers", type=click.IntRange(1, WORKERS_MAX), help="Processes side by side; else WORKERS, else 1."
    )
    @click.option("--insecure", is_flag=True, help="Serve beyond loopback without TLS.")
    def serve(workers: int | None, *, insecure: bool) -> None:
        """Serve until SIGTERM or Ctrl-C."""
        loaded = read_settings(settings)
        if workers is not None:
            loaded = loaded.model_copy(update={"workers": workers})
        check(loaded, insecure=insecure)
        read_tokens(loaded.token_file)
        logs.configure(loaded.log_format, process=f"{package} supervisor")
        prepare_worker = _python(package, insecure=insecure)
        if hosting is not None and (programs := find_programs(hosting.choice(loaded))) is not None:
            check_certificate(loaded)
            prepare_worker = _envoy(programs, loaded, hosting.application, insecure=insecure)
        sys.exit(supervise(prepare_worker, loaded, name=name))

    @group.command(hidden=True)
    @click.option("--port", "ports", multiple=True, required=True)
    @click.option("--slot", type=int, required=True)
    @click.option("--tether", type=int, required=True)
    @click.option("--insecure", is_flag=True)
    def worker(ports: tuple[str, ...], slot: int, tether: int, *, insecure: bool) -> None:
        """Serve in one process, for a supervisor, on the ports that it keeps: port=50052, http_port=8081."""
        gc.disable()  # Until it serves: the collector would traverse all that is imported, again and again.
        kept = {field: int(port) for field, _, port in (each.partition("=") for each in ports)}
        loaded = read_settings(settings).model_copy(update=kept)
        check(loaded, insecure=insecure)
        prepare(loaded, package, slot)
        sys.exit(load()(loaded, tether))


def _python(package: str, *, insecure: bool) -> Prepare:
    """Return what prepares a worker in a Python of its own: the command `worker`."""

    def prepared(assignment: Assignment) -> Program:
        ports = [word for field, port in assignment.ports.items() for word in ("--port", f"{field}={port}")]
        place = ["--slot", str(assignment.slot), "--tether", str(assignment.tether)]
        options = ["--insecure"] if insecure else []
        return Program([sys.executable, "-m", package, "worker", *ports, *place, *options])

    return prepared


def _envoy(programs: Programs, settings: ServerSettings, application: str, *, insecure: bool) -> Prepare:
    """Return what prepares a worker in Envoy. There is no Python before it, which would take a third of the start."""

    def prepared(assignment: Assignment) -> Program:
        ports = dict(assignment.ports)
        arguments = Arguments(ports, assignment.slot, assignment.tether, insecure, assignment.folder)
        return worker_program(programs, settings.model_copy(update=ports), application, arguments)

    return prepared


def prepare(settings: ServerSettings, package: str, slot: int) -> None:
    """Configure the logs and metrics of a worker, before any metric is made."""
    logs.configure(settings.log_format, process=f"{package} worker {slot}")
    use_slot_files(slot)
