"""The servers that a benchmark talks to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from benchmarks.http2.endpoint import Endpoint
from benchmarks.loadgen.cpu import Processes


class Place(StrEnum):
    """Where a load goes."""

    CHARGING = "charging"
    ADMIN = "admin"
    ECHO = "echo"
    """The bare handler: `echo_server`."""
    NAIVE = "naive"
    """The same API on Postgres alone: `peers`."""
    PRICED = "priced"
    """The charging service where companies may be given a rate card: cards stay, so not on one that is kept."""
    WORKERS2 = "workers2"
    """The charging service once more, on the same stores, with two worker processes."""

    @property
    def is_ours(self) -> bool:
        """Whether what it acknowledges must be in our ledger."""
        return self not in {Place.ECHO, Place.NAIVE}


@dataclass(frozen=True, slots=True)
class Server:
    """One of them."""

    endpoint: Endpoint
    processes: Processes = field(default_factory=Processes)
    """Those that work on its requests, where they run on this machine."""


@dataclass(frozen=True, slots=True)
class Service:
    """What is measured, and what it is compared with. Scenarios of places that are not there are left out."""

    servers: Mapping[Place, Server]
    """At least CHARGING and ADMIN."""
    companies_made: Callable[[], None] = lambda: None
    """To be called when there are companies, before anything is charged: peers take them over."""
    is_temporary: bool = False
    """Whether it is thrown away afterwards; else the benchmark's companies are closed in the end."""
    redis_url: str | None = None
    """Its Redis, where that is ours to look into."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of its stores, as far as they are known."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What its figures depend on, as far as it is known."""
