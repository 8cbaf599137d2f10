"""The promises that are checked, and the problems that are found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

PROBLEMS_LISTED_MAX = 1000


class Check(StrEnum):
    """Which promise is broken; docs/concepts/engine.md lists the promises."""

    FLOOR = "FLOOR"
    """A charge, hold or increment took balance − held below the floor in force."""
    ONCE = "ONCE"
    """A key, or an attempt of Redis, made two entries."""
    CONSERVED = "CONSERVED"
    """Numbers have a gap, a sum is off, or a wallet or an authorization is not the sum of its entries."""
    REFUNDS = "REFUNDS"
    """Refunds add up to more than the charge, there is no charge, or a case or a report does not name its refund."""
    PRICES = "PRICES"
    """An entry's amount is not what the price that it pins comes to."""
    LIMITS = "LIMITS"
    """A spend limit's counter is not the sum of what it counts."""
    USAGE = "USAGE"
    """Usage by day is not the sum of the entries that it counts."""
    SUBSCRIPTIONS = "SUBSCRIPTIONS"
    """A subscription's periods and its entries do not agree."""
    TOP_UPS = "TOP_UPS"
    """A top-up, its refund or its chargeback, and the entries do not agree."""
    RECEIPTS = "RECEIPTS"
    """A receipt is not what its transaction says, a top-up has none, or the numbers have a gap."""
    HOT = "HOT"
    """Redis does not agree with the ledger."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken promise of one company. `detail` states what was found and what was expected."""

    company: str
    check: Check
    detail: str


class Findings:
    """Counts all problems and keeps those that are listed."""

    def __init__(self) -> None:
        """Begin with no problem."""
        self.count = 0
        self._kept: list[Problem] = []

    def add(self, problems: Sequence[Problem], count: int) -> None:
        """Add `count` problems of a check, of which `problems` are listed: every company's first before any second."""
        self.count += count
        self._kept += problems
        if len(self._kept) > 2 * PROBLEMS_LISTED_MAX:
            self._cut()

    def listed(self) -> list[Problem]:
        """Return the problems to list, by company."""
        self._cut()
        return sorted(self._kept, key=lambda problem: problem.company)

    def _cut(self) -> None:
        """Drop the problems beyond the bound: every company's first problem stays before any company's second."""
        rank: Counter[str] = Counter()
        ranked = []
        for place, problem in enumerate(self._kept):
            rank[problem.company] += 1
            ranked.append((rank[problem.company], place, problem))
        self._kept = [problem for _, _, problem in sorted(ranked)[:PROBLEMS_LISTED_MAX]]
