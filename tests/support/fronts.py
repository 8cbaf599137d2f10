"""The fronts of charging: a test that is marked with ON_BOTH_FRONTS runs on each of them.

It asks for the fixture `front`, or for what is served by it. The default front is what `make run` serves with.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from devstack import Server, Stack
from devstack.ports import free_port
from devstack.process import Child
from server.envoy.launch import find_programs
from server.settings import FrontChoice, Misconfigured
from tests.support.clients import Clients

FRONTS = (FrontChoice.ENVOY.value, FrontChoice.GRPC.value)
ON_BOTH_FRONTS = pytest.mark.parametrize("front", FRONTS, indirect=True)


def default_front(environment: Mapping[str, str]) -> str:
    """Return the front that charging has in an environment."""
    choice = FrontChoice(environment.get("CHARGING_FRONT") or FrontChoice.AUTO)
    return (FrontChoice.GRPC if find_programs(choice) is None else FrontChoice.ENVOY).value


def on_each_front(rows: Mapping[str, Any], *, both: Callable[[Any], bool]) -> list[Any]:
    """Return parameters for `front` and another argument: those that `both` holds for with both, others with one."""
    default = default_front(os.environ)
    return [
        pytest.param(front, row, id=what if front == default else f"{what}, {front}")
        for front in (default, *(front for front in FRONTS if front != default))
        for what, row in rows.items()
        if front == default or both(row)
    ]


def require(front: str) -> None:
    """Skip the test if a front cannot serve here; fail it where all of them must be tested."""
    try:
        find_programs(FrontChoice(front))
    except Misconfigured as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))


@contextmanager
def serving(stack: Stack, package: str, directory: Path, *options: str, **environment: str) -> Iterator[Server]:
    """One more server on the stack's stores, with settings of its own."""
    port, metrics_port = free_port(), free_port()
    name = package.upper()
    child = Child(
        name=package,
        command=[sys.executable, "-m", package, "serve", *options],
        environment={
            **stack.environment(),
            "WORKERS": "1",
            f"{name}_PORT": str(port),
            f"{name}_METRICS_PORT": str(metrics_port),
            "ADMIN_HTTP_PORT": str(free_port()),
            **environment,
        },
        log_path=directory / f"{package}.log",
        working_directory=Path.cwd(),
    )
    server = Server(child, port, metrics_port)
    try:
        server.start()
        yield server
    finally:
        server.stop()


class Fronts:
    """The gateways' servers of one stack: its own, and one with the other front from when a test first asks for it."""

    def __init__(self, stack: Stack, directory: Path, *, workers: int = 1) -> None:
        """Serve with so many workers; use as a context manager."""
        self._stack = stack
        self._directory = directory
        self._workers = workers
        self._servers = {default_front(stack.environment()): stack.charging}
        self._clients: dict[str, Clients] = {}
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def server(self, front: str) -> Server:
        """Return the gateways' server with a front."""
        if front not in self._servers:
            environment = {"CHARGING_FRONT": front, "WORKERS": str(self._workers)}
            another = serving(self._stack, "charging", self._directory, **environment)
            self._servers[front] = self._exit.enter_context(another)
        return self._servers[front]

    def clients(self, front: str) -> Clients:
        """Return clients of that server and of the back office, the same every time."""
        if front not in self._clients:
            self._clients[front] = self._exit.enter_context(self.connect(front))
        return self._clients[front]

    def connect(self, front: str) -> Clients:
        """Return clients with connections of their own."""
        return Clients(self.server(front).address, self._stack.admin_address, self._stack.token)
