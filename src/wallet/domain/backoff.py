"""Delays before a failed call is tried again: longer each time, within bounds.

A feature keeps its numbers in one `Backoff`. Sweeps of top-ups, their refunds and chargebacks have another rule, which
is in their SQL: they wait for a quarter of the row's age, and count no failures.
"""

from dataclasses import dataclass
from math import inf

_EXPONENT_MAX = 16
"""By then every delay is at its bound: an unbounded count of failures must not make a huge number."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in whole seconds: `seconds_min` after the first failure, `factor` times as long after each further one."""

    seconds_min: int
    factor: int
    seconds_max: int
    failures_max: int | None = None
    """Give up after this many failures; None: no bound."""
    age_seconds_max: float = inf
    """Give up at a greater age than this."""

    def delay(self, failures: int) -> int:
        """Return the seconds to wait after `failures` (at least 1), whether or not to give up."""
        assert failures >= 1, "nothing has failed"
        grown: int = self.seconds_min * self.factor ** min(failures - 1, _EXPONENT_MAX)
        return min(grown, self.seconds_max)

    def next_try(self, failures: int, age_seconds: float = 0.0) -> int | None:
        """Return the seconds to wait after `failures` (at least 1); None to give up."""
        if self.failures_max is not None and failures >= self.failures_max:
            return None
        return None if age_seconds > self.age_seconds_max else self.delay(failures)
