"""This run against the last one that was kept, figure by figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

NOT_COMPARED = {"seconds", "errors", "ledger_differences", "unclosed"}
LESS_IS_BETTER = ("_ms", "_us", "_bytes")
LESS_IS_BETTER_WITHIN = ("_ms_", "redis_bytes_")
NOTEWORTHY = 0.1
"""Figures of one machine on different days differ by some percent whatever the code does."""


class Kept(NamedTuple):
    """A report that was kept before."""

    name: str
    machine: Mapping[str, str]
    figures: Mapping[str, float]


class Verdict(StrEnum):
    """What has become of a figure."""

    BETTER = "better"
    WORSE = "worse"
    SAME = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure, now and then."""

    key: str
    now: float
    before: float

    @property
    def ratio(self) -> float:
        """Now over then."""
        return self.now / self.before

    @property
    def verdict(self) -> Verdict:
        """Whether it differs by more than `NOTEWORTHY`, and which way is good."""
        if abs(self.ratio - 1) <= NOTEWORTHY:
            return Verdict.SAME
        return Verdict.BETTER if (self.ratio < 1) == less_is_better(self.key) else Verdict.WORSE


def less_is_better(key: str) -> bool:
    """Whether a figure is a cost: a latency, CPU time, memory."""
    return key.endswith(LESS_IS_BETTER) or any(part in key for part in LESS_IS_BETTER_WITHIN)


def compare(now: Mapping[str, float], before: Mapping[str, float]) -> list[Change]:
    """Compare all figures that both have; those that were 0 are left out."""
    return [
        Change(key, value, before[key])
        for key, value in now.items()
        if key in before and key not in NOT_COMPARED and before[key]
    ]
