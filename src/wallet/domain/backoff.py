"""How long to wait before a failed call is tried again: each time longer, within a bound, and not for ever.

A feature keeps its numbers in one `Backoff`. Sweeps of top-ups, their refunds and chargebacks have another law, which
lies with their SQL: they wait for a quarter of the age of what they look at, and count no failures.
"""

from dataclasses import dataclass
from math import inf

_EXPONENT_MAX = 16
"""By then every delay is at its bound: a count of failures without one must not make a huge number."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in whole seconds: `seconds_min` after the first failure, `factor` times as long after each further one."""

    seconds_min: int
    factor: int
    seconds_max: int
    failures_max: int | None = None
    """With so many failures it is given up; None: it is never given up for their number."""
    age_seconds_max: float = inf
    """When it is older than this it is given up."""

    def delay(self, failures: int) -> int:
        """Return how long to wait after so many failures, at least 1, whether or not it should be given up."""
        assert failures >= 1, "nothing has failed"
        grown: int = self.seconds_min * self.factor ** min(failures - 1, _EXPONENT_MAX)
        return min(grown, self.seconds_max)

    def next_try(self, failures: int, age_seconds: float = 0.0) -> int | None:
        """Return how long to wait after so many failures, at least 1; None where it is to be given up."""
        if self.failures_max is not None and failures >= self.failures_max:
            return None
        return None if age_seconds > self.age_seconds_max else self.delay(failures)
