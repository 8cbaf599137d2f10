"""The servers that a benchmark talks to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from benchmarks.http2.endpoint import Endpoint
from benchmarks.loadgen.cpu import Processes


class ServerRole(StrEnum):
    """The role of a server."""

    CHARGING = "charging"
    ADMIN = "admin"
    ECHO = "echo"
    """The bare handler: `echo_server`."""
    ECHO_ENVOY = "echo_envoy"
    """The bare handler behind Envoy: `echo_envoy`."""
    GRPC = "grpc"
    """The charging service once more, on the same stores, with gRPC's own server as its front; only where the front of
    CHARGING is Envoy."""
    NAIVE = "naive"
    """The same API on Postgres alone: `peers`."""
    PRICED = "priced"
    """The charging service with a rate card: cards cannot be deleted, so on temporary services only."""
    WORKERS2 = "workers2"
    """The charging service once more, on the same stores, with two worker processes."""

    @property
    def uses_ledger(self) -> bool:
        """Whether its acknowledged charges must be in the service's ledger."""
        return self not in {ServerRole.ECHO, ServerRole.ECHO_ENVOY, ServerRole.NAIVE}


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is measured."""

    endpoint: Endpoint
    processes: Processes = field(default_factory=Processes)
    """The processes that serve its requests, if they run on this machine."""


@dataclass(frozen=True, slots=True)
class Service:
    """The servers of a benchmark. Scenarios with a role that is missing are skipped."""

    servers: Mapping[ServerRole, Server]
    """At least CHARGING and ADMIN."""
    on_companies_created: Callable[[], None] = lambda: None
    """Called after companies are created and before any charge, so that peers copy them."""
    is_temporary: bool = False
    """Whether it is deleted afterwards; otherwise the benchmark's companies are closed at the end."""
    redis_url: str | None = None
    """The URL of its Redis, if the benchmark may read it."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of its stores, as far as they are known."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Settings on which its metrics depend, as far as they are known."""
