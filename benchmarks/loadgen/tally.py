"""Counts and latencies of the recorded time of a run."""

from collections import Counter
from collections.abc import Sequence

from benchmarks.loadgen.histogram import LatencyHistogram


class Tally:
    """Counts of the calls of one workload, latencies by method."""

    __slots__ = ("by_path", "calls", "errors", "late", "paths", "units")

    def __init__(self, paths: Sequence[str]) -> None:
        """Begin empty; `paths` are the workload's methods."""
        self.paths = paths
        self.calls = 0
        """Calls that ended, with success or not."""
        self.units = 0
        """Acknowledged units: charges, of which a batch has many."""
        self.by_path = [LatencyHistogram() for _ in paths]
        """Latencies of the calls that ended as expected, by method."""
        self.late = LatencyHistogram()
        """The delay from the intended time to the send time of each call of an open loop."""
        self.errors: Counter[str] = Counter()
        """Units that were not acknowledged, by the name of their outcome."""

    @property
    def latencies(self) -> LatencyHistogram:
        """Latencies of all methods together."""
        if len(self.by_path) == 1:
            return self.by_path[0]
        together = LatencyHistogram()
        for histogram in self.by_path:
            together.add(histogram)
        return together
