"""One unary call."""

from struct import Struct

from benchmarks.http2.outcomes import OK, Outcome

PREFIX = Struct(">BL")
"""Before each gRPC message: whether it is compressed, and its size in bytes."""


class Call:
    """A request and its answer so far."""

    __slots__ = ("body", "failure", "intended_ns", "message", "path", "refusals", "tag", "unreturned_bytes")

    def __init__(self, message: bytes, tag: int, intended_ns: int, path: int = 0) -> None:
        """Take a request that is not sent yet."""
        self.message = message
        """The request with its gRPC prefix."""
        self.tag = tag
        """The workload's own data, for booking the answer."""
        self.path = path
        """The index of the workload's method."""
        self.intended_ns = intended_ns
        """The intended send time on `time.perf_counter_ns`; latency counts from here, so that a late
        generator or server does not hide it (coordinated omission)."""
        self.body = b""
        """The answer with its gRPC prefix."""
        self.failure: Outcome = OK
        """A failure that is known before the answer has ended."""
        self.refusals = 0
        """The number of REFUSED_STREAM answers; the server has not processed such a request."""
        self.unreturned_bytes = 0
        """Bytes of the answer that are not yet returned to the stream's window."""

    @property
    def answer(self) -> bytes:
        """The message of the answer."""
        return self.body[PREFIX.size :]

    def is_whole(self) -> bool:
        """Return whether the answer is exactly one complete, uncompressed message."""
        body = self.body
        return len(body) >= 5 and body[0] == 0 and len(body) == 5 + int.from_bytes(body[1:5], "big")
