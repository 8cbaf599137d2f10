"""Comparison of a run with the last kept report, metric by metric."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

NOT_COMPARED = {"seconds", "errors", "ledger_differences", "unclosed"}
LESS_IS_BETTER = ("_ms", "_us", "_bytes")
LESS_IS_BETTER_WITHIN = ("_ms_", "redis_bytes_")
NOTEWORTHY = 0.1
"""Metrics of one machine on different days differ by some percent whatever the code does."""


class Kept(NamedTuple):
    """A kept report."""

    name: str
    machine: Mapping[str, str]
    metrics: Mapping[str, float]


class Trend(StrEnum):
    """The direction of a change."""

    BETTER = "better"
    WORSE = "worse"
    SAME = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One metric in this run and in the kept report."""

    key: str
    now: float
    before: float

    @property
    def ratio(self) -> float:
        """This run divided by the kept report."""
        return self.now / self.before

    @property
    def trend(self) -> Trend:
        """Whether it improved or worsened by more than `NOTEWORTHY`."""
        if abs(self.ratio - 1) <= NOTEWORTHY:
            return Trend.SAME
        return Trend.BETTER if (self.ratio < 1) == less_is_better(self.key) else Trend.WORSE


def less_is_better(key: str) -> bool:
    """Return whether a metric is a cost: a latency, CPU time or memory."""
    return key.endswith(LESS_IS_BETTER) or any(part in key for part in LESS_IS_BETTER_WITHIN)


def compare(now: Mapping[str, float], before: Mapping[str, float]) -> list[Change]:
    """Compare all metrics that both have, except those that were 0."""
    return [
        Change(key, value, before[key])
        for key, value in now.items()
        if key in before and key not in NOT_COMPARED and before[key]
    ]
