"""One unary call on its way."""

from struct import Struct

from benchmarks.http2.outcomes import OK, Outcome

PREFIX = Struct(">BL")
"""Before each gRPC message: whether it is compressed, and its size in bytes."""


class Call:
    """A request and what has come back so far."""

    __slots__ = ("body", "failure", "intended_ns", "message", "path", "refusals", "tag", "unreturned_bytes")

    def __init__(self, message: bytes, tag: int, intended_ns: int, path: int = 0) -> None:
        """Make a call that is about to be sent."""
        self.message = message
        """The request with its gRPC prefix."""
        self.tag = tag
        """The workload's own: what to book the answer on."""
        self.path = path
        """Which of the workload's methods it calls."""
        self.intended_ns = intended_ns
        """When it should be sent, on `time.perf_counter_ns`; latency counts from here, so that a
        generator or a server that is late does not look quick (coordinated omission)."""
        self.body = b""
        """The answer with its gRPC prefix."""
        self.failure: Outcome = OK
        """What is already known to be wrong although the answer has not ended."""
        self.refusals = 0
        """How often the server has said REFUSED_STREAM: it has not looked at the request."""
        self.unreturned_bytes = 0
        """Of the answer, not yet given back to the stream's window."""

    @property
    def answer(self) -> bytes:
        """The message that came back."""
        return self.body[PREFIX.size :]

    def is_whole(self) -> bool:
        """Whether exactly one uncompressed message has come back, to its last byte."""
        body = self.body
        return len(body) >= 5 and body[0] == 0 and len(body) == 5 + int.from_bytes(body[1:5], "big")
