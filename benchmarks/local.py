"""Servers that a benchmark starts on this machine, all on loopback."""

import importlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import devstack
from benchmarks.http2.endpoint import Endpoint, Target
from benchmarks.loadgen.cpu import Processes
from benchmarks.servers import Server, ServerRole, Service
from benchmarks.stores import settings_of, versions_of
from devstack import Ports, Stack
from devstack.ports import LOOPBACK, free_port
from devstack.process import Child
from server.envoy.launch import find_programs
from server.settings import FrontChoice

READY_SECONDS_MAX = 20.0


@contextmanager
def started_here(directory: Path, *, workers: int, with_workers2: bool) -> Iterator[Service]:
    """Start the service with its own durable stores, and its peers.

    Postgres has production settings. Redis keeps no files: nothing is acknowledged before Postgres has
    committed, so no promise depends on them.
    """
    stack = Stack(directory, ports=Ports.free(), workers=workers, appendonly=False)
    with stack, ExitStack() as more:
        stores = {"postgres": stack.postgres.pid, "valkey": stack.valkey.pid}
        echo, echo_pid = more.enter_context(echo_server(directory))
        charging = Server(
            _endpoint(stack.charging_address, stack), Processes({"charging": stack.charging.pid, **stores})
        )
        servers = {
            ServerRole.CHARGING: charging,
            ServerRole.PRICED: charging,
            ServerRole.ADMIN: Server(_endpoint(stack.admin_address, stack), Processes({"admin": stack.admin.pid})),
            ServerRole.ECHO: Server(Endpoint((echo,), stack.token), Processes({"echo": echo_pid})),
        }
        has_envoy = find_programs(FrontChoice(os.environ.get("CHARGING_FRONT") or FrontChoice.AUTO)) is not None
        if has_envoy:
            behind_envoy, envoy_pid = more.enter_context(echo_server(directory, module="benchmarks.echo_envoy"))
            servers[ServerRole.ECHO_ENVOY] = Server(
                Endpoint((behind_envoy,), stack.token), Processes({"echo": envoy_pid})
            )
            grpc = more.enter_context(_with_grpc_front(directory, stack, workers))
            servers[ServerRole.GRPC] = Server(
                _endpoint(grpc.address, stack), Processes({"charging": grpc.pid, **stores})
            )
        if with_workers2:
            second = more.enter_context(_second_stack(directory / "workers2", stack))
            servers[ServerRole.WORKERS2] = Server(
                _endpoint(second.charging_address, stack), Processes({"charging": second.charging.pid, **stores})
            )
        peer = _peer()
        if peer is not None:
            naive, naive_pid = more.enter_context(peer.naive_server(directory, stack.database_url, stack.token))
            servers[ServerRole.NAIVE] = Server(
                Endpoint((naive,), stack.token), Processes({"naive": naive_pid, "postgres": stack.postgres.pid})
            )
        yield Service(
            servers=servers,
            on_companies_created=lambda: peer.prepare(stack.database_url) if peer is not None else None,
            is_temporary=True,
            redis_url=stack.redis_url,
            versions=versions_of(stack.database_url, stack.redis_url),
            settings={
                **settings_of(stack.database_url, stack.redis_url),
                "workers": str(workers),
                "front": "envoy" if has_envoy else "grpc",
                "client": "on the same cores",
            },
        )


@contextmanager
def echo_server(directory: Path, *, module: str = "benchmarks.echo_server") -> Iterator[tuple[Target, int]]:
    """Run a bare handler; yield its address and its process id."""
    target = Target(LOOPBACK, free_port())
    folder = tempfile.TemporaryDirectory(prefix="echo-")  # A short path: it may have a socket in it.
    child = Child(
        name=module.rpartition(".")[2],
        command=(sys.executable, "-m", module, str(target.port), folder.name),
        environment=os.environ,
        log_path=directory / f"{module}.log",
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
        folder.cleanup()


@contextmanager
def _with_grpc_front(directory: Path, stack: Stack, workers: int) -> Iterator[devstack.Server]:
    """Serve the gateways once more, on the stack's stores, with gRPC's own server as the front."""
    port, metrics_port = free_port(), free_port()
    child = Child(
        name="charging-grpc",
        command=(sys.executable, "-m", "charging", "serve", "--workers", str(workers)),
        environment={
            **stack.environment(),
            "CHARGING_FRONT": "grpc",
            "CHARGING_PORT": str(port),
            "CHARGING_METRICS_PORT": str(metrics_port),
        },
        log_path=directory / "charging-grpc.log",
        working_directory=Path.cwd(),
    )
    server = devstack.Server(child, port, metrics_port)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _second_stack(directory: Path, first: Stack) -> Stack:
    """Return the same service on the same stores, with the same token and two worker processes."""
    second = Stack(directory, workers=2, database_url=first.database_url, redis_url=first.redis_url)
    second.token_path.parent.mkdir(parents=True)
    second.token_path.touch(mode=0o600)
    second.token_path.write_text(f"{first.token}\n")
    return second


def _peer() -> Any:
    """Return the module that starts the peer; None if this checkout has none."""
    try:
        return importlib.import_module("benchmarks.peers.local")
    except ImportError:
        return None


def _endpoint(address: str, stack: Stack) -> Endpoint:
    return Endpoint((Target.parse(address),), stack.token)
