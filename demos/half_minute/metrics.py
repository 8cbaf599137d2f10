"""Counts and latencies of the gateways during a demo."""

import time
from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Metrics:
    """Counts for all gateways together; a request is one attempt that was answered, a batch is one request."""

    charges: int = 0
    """Charges and captures that succeeded."""

    declines: int = 0
    """Declines; each declined charge of a batch counts."""

    retries: int = 0
    """Requests sent again under the same key, for whatever reason."""

    same_answers: int = 0
    """Second answers for a key that were compared with the first one."""

    lost_answers: int = 0
    """Attempts that a gateway canceled on purpose before the answer came."""

    interruptions: int = 0
    """Attempts that the service did not answer: UNAVAILABLE, OVERLOADED, a deadline of seconds."""

    top_ups: int = 0
    """Top-ups after a decline."""

    open_calls: int = 0
    """Voice calls in progress."""

    requests: int = 0
    """Attempts that were answered."""

    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    latencies: defaultdict[str, "array[float]"] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    """Seconds from sending to the answer, by RPC."""

    @property
    def elapsed(self) -> float:
        """Seconds since `start`, up to `end` if it has been called."""
        return (self.ended or time.monotonic()) - self.started

    def start(self) -> None:
        """Start the clock."""
        self.started = time.monotonic()

    def end(self) -> None:
        """Stop the clock."""
        self.ended = time.monotonic()

    def record_answer(self, rpc: str, seconds: float) -> None:
        """Count one answer, a success or a decline."""
        self.requests += 1
        self.latencies[rpc].append(seconds)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile of values in ascending order; 0 for no values."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1] if ordered else 0.0
