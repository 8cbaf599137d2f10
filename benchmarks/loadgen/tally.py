"""What was counted in one stretch of a run."""

from collections import Counter

from benchmarks.loadgen.histogram import LatencyHistogram


class Tally:
    """Calls that ended in this stretch, however long before they were sent."""

    __slots__ = ("calls", "errors", "latencies", "units")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.calls = 0
        """Calls that ended, well or not."""
        self.units = 0
        """What the calls acknowledged: charges, of which a batch has many."""
        self.latencies = LatencyHistogram()
        """Of the calls that ended well."""
        self.errors: Counter[str] = Counter()
        """Units that were not acknowledged, by the name of their outcome."""
