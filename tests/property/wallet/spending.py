"""A plain model of spend limits: every spending is kept, and a counter is the sum of those in its window.

Times are in microseconds on the clock of the model.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wallet.domain.limits import Window, window_start
from wallet.domain.usage import Channel, Usage


class Limit(NamedTuple):
    """At most `amount` micros in each window that begins at `since` or later.

    None and empty: of any channel, of any country.
    """

    window: Window
    amount: int
    since: int
    channel: Channel | None = None
    country: str = ""
    made_at: int = 0
    """The number of entries when it was made."""


class Spending(NamedTuple):
    """An amount that a command took or held, or released, at the time that windows count it."""

    at: int
    usage: Usage | None
    delta: int
    number: int = 0
    """Of its entry."""
    of_hold: bool = False
    """The time is the authorization's."""
    taken: bool = True
    """Captured or charged; else held."""


class Passed(NamedTuple):
    """The limit that a spending would pass, what of it is spent, and what would be added."""

    id: str
    spent: int
    required: int


def counted(limit: Limit, spending: Spending) -> tuple[int, int]:
    """Return the start of the window in which a limit counts a spending, and how much of it."""
    channel = spending.usage and spending.usage.channel
    country = spending.usage and spending.usage.country
    starts_at = window_start(limit.window, max(spending.at, limit.since) if spending.of_hold else spending.at)
    older = spending.at < limit.since
    if (
        (older and not spending.of_hold)
        or (older and spending.taken and spending.number <= limit.made_at)
        or limit.channel not in (None, channel)
        or (limit.country and limit.country != country)
    ):
        return starts_at, 0
    return starts_at, spending.delta


def counters(limit: Limit, spendings: Iterable[Spending]) -> Counter[int]:
    """Return the spending that a limit counts, by the start of its window."""
    sums: Counter[int] = Counter()
    for each in spendings:
        starts_at, delta = counted(limit, each)
        sums[starts_at] += delta
    return sums


def passed(limits: dict[str, Limit], parts: Sequence[Spending], spendings: Iterable[Spending]) -> Passed | None:
    """Return the limit that a command's parts would pass: the one with the longest window, of those the first by id."""
    for name in sorted(limits, key=lambda name: (-limits[name].window, name)):
        delta = sum(counted(limits[name], part)[1] for part in parts)
        if delta > 0:
            before = counters(limits[name], spendings)[counted(limits[name], parts[0])[0]]
            if before + delta > limits[name].amount:
                return Passed(name, before, delta)
    return None
