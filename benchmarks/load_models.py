"""How requests are sent: so many at once, so many a second, or on streams."""

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
    """`in_flight` calls at any time; a batch is one."""

    workload: Callable[[Books], Workload]
    in_flight: int
    connections: int | None = None
    """Instead of what is asked for."""

    def load(self, endpoint: Endpoint, books: Books, connections: int) -> Load:
        """Make it, on at most `connections` connections."""
        used = min(self.connections or connections, self.in_flight)
        return ClosedLoop(self.workload(books), endpoint, in_flight=self.in_flight, connections=used)


@dataclass(frozen=True, slots=True)
class Open:
    """`rate` calls a second."""

    workload: Callable[[Books], Workload]
    rate: float

    def load(self, endpoint: Endpoint, books: Books, connections: int) -> Load:
        """Make it."""
        return OpenLoop(self.workload(books), endpoint, rate=self.rate, connections=connections)


@dataclass(frozen=True, slots=True)
class Streamed:
    """`in_flight` batches of `size` charges at any time, on each of `streams` streams."""

    size: int
    streams: int
    in_flight: int

    def load(self, endpoint: Endpoint, books: Books, connections: int) -> Load:  # noqa: ARG002
        """Make it; each stream has its connection."""
        workload = StreamedBatches(books, size=self.size)
        return StreamLoop(workload, endpoint, streams=self.streams, in_flight=self.in_flight)


Shape = Closed | Open | Streamed
