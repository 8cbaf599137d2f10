"""The servers that a benchmark starts on this machine, all on loopback."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.loadgen.client import Target
from devstack import Stack
from devstack.ports import LOOPBACK, free_port
from devstack.process import Child

READY_SECONDS_MAX = 20.0


@contextmanager
def echo_server(directory: Path) -> Iterator[tuple[Target, int]]:
    """Run the bare server; yields where it listens and its process id."""
    target = Target(LOOPBACK, free_port())
    child = Child(
        name="echo",
        command=(sys.executable, "-m", "benchmarks.echo_server", str(target.port)),
        environment=os.environ,
        log_path=directory / "echo.log",
        working_directory=Path.cwd(),
    )

    def is_listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(target) == 0

    try:
        child.start()
        child.wait_ready(is_listening, READY_SECONDS_MAX)
        yield target, child.pid
    finally:
        child.stop()


def service_pids(stack: Stack) -> dict[str, int]:
    """Name the processes that work on a charge."""
    return {"charging": stack.charging.pid, "postgres": stack.postgres.pid, "valkey": stack.valkey.pid}
