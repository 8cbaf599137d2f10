"""What the gateways count and time while they play."""

import time
from array import array
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Measures:
    """One for all gateways; a request is one attempt that was answered, a batch is one request."""

    charges: int = 0
    """Charges and captures that the service has taken money for."""

    declines: int = 0
    """Answers that say no, each charge of a batch by itself."""

    retries: int = 0
    """Requests sent again under the same key, for whatever reason."""

    same_answers: int = 0
    """Second answers for a key that were compared with the first one."""

    lost_answers: int = 0
    """Attempts that a gateway gave up before it had the answer, on purpose."""

    interruptions: int = 0
    """Attempts that the service did not answer: UNAVAILABLE, OVERLOADED, a deadline of seconds."""

    top_ups: int = 0
    """Payments into a wallet that had run dry."""

    open_calls: int = 0
    """Voice calls under way."""

    requests: int = 0
    """Attempts that were answered."""

    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    latencies: defaultdict[str, "array[float]"] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    """Seconds from sending to the answer, by RPC."""

    @property
    def elapsed(self) -> float:
        """Seconds that the play has taken so far, or took."""
        return (self.ended or time.monotonic()) - self.started

    def start(self) -> None:
        """Start the clock."""
        self.started = time.monotonic()

    def end(self) -> None:
        """Stop the clock."""
        self.ended = time.monotonic()

    def answered(self, rpc: str, seconds: float) -> None:
        """Note one answer, yes or no."""
        self.requests += 1
        self.latencies[rpc].append(seconds)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the smallest of the values, given in order, that `percent` of them do not exceed; 0 for none."""
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1] if ordered else 0.0
