"""Load models: a number of calls in flight, a rate of calls, or batches on streams."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.http2.endpoint import Endpoint
from benchmarks.loadgen.batches import StreamedBatches
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.closed_loop import ClosedLoop
from benchmarks.loadgen.loop import Load
from benchmarks.loadgen.open_loop import OpenLoop
from benchmarks.loadgen.stream_loop import StreamLoop
from benchmarks.loadgen.workloads import Workload


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed loop with `in_flight` calls; a batch is one call."""

    workload: Callable[[Books], Workload]
    in_flight: int
    connections: int | None = None
    """Replaces the number of connections of the plan."""

    def load(self, endpoint: Endpoint, books: Books, connections: int) -> Load:
        """Return the load, on at most `connections` connections."""
        used = min(self.connections or connections, self.in_flight)
        return ClosedLoop(self.workload(books), endpoint, in_flight=self.in_flight, connections=used)


@dataclass(frozen=True, slots=True)
class Open:
    """An open loop with `rate` calls per second."""

    workload: Callable[[Books], Workload]
    rate: float

    def load(self, endpoint: Endpoint, books: Books, connections: int) -> Load:
        """Return the load."""
        return OpenLoop(self.workload(books), endpoint, rate=self.rate, connections=connections)


@dataclass(frozen=True, slots=True)
class Streamed:
    """A closed loop with `in_flight` batches of `size` charges on each of `streams` streams."""

    size: int
    streams: int
    in_flight: int

    def load(self, endpoint: Endpoint, books: Books, connections: int) -> Load:  # noqa: ARG002
        """Return the load; each stream has its own connection."""
        workload = StreamedBatches(books, size=self.size)
        return StreamLoop(workload, endpoint, streams=self.streams, in_flight=self.in_flight)


LoadModel = Closed | Open | Streamed
