"""What was counted in one stretch of a run."""

from collections import Counter
from collections.abc import Sequence

from benchmarks.loadgen.histogram import LatencyHistogram


class Tally:
    """Calls of one stretch, by the methods of one workload."""

    __slots__ = ("by_path", "calls", "errors", "late", "paths", "units")

    def __init__(self, paths: Sequence[str]) -> None:
        """Begin with nothing; `paths` are the workload's."""
        self.paths = paths
        self.calls = 0
        """Calls that ended, well or not."""
        self.units = 0
        """What the calls acknowledged: charges, of which a batch has many."""
        self.by_path = [LatencyHistogram() for _ in paths]
        """Latencies of the calls that ended as they should, by method."""
        self.late = LatencyHistogram()
        """How long after its intended time each call of an open loop was sent: the generator's own lateness."""
        self.errors: Counter[str] = Counter()
        """Units that were not acknowledged, by the name of their outcome."""

    @property
    def latencies(self) -> LatencyHistogram:
        """Those of all methods together."""
        if len(self.by_path) == 1:
            return self.by_path[0]
        together = LatencyHistogram()
        for histogram in self.by_path:
            together.add(histogram)
        return together
