"""Spend limits as plainly as they can be said: every spending is kept, and a limit is asked by adding them all up."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wallet.domain.limits import Window
from wallet.domain.usage import Channel, Usage


class Limit(NamedTuple):
    """At most `amount` micros in each period from `since` on; None and empty: of any channel, of any country."""

    window: Window
    amount: int
    since: int
    channel: Channel | None = None
    country: str = ""
    made_at: int = 0
    """The number of entries when it was made."""


class Spending(NamedTuple):
    """What a command took or held, or gave back of what it had held. A period is all that happens in one window."""

    period: int
    usage: Usage | None
    delta: int
    number: int = 0
    """Of its entry."""
    of_hold: bool = False
    """The period is the authorization's."""
    taken: bool = True
    """Captured or charged; else held."""


class Passed(NamedTuple):
    """The limit that a spending would pass, what of it is spent, and what would be added."""

    id: str
    spent: int
    required: int


def counted(limit: Limit, spending: Spending) -> tuple[int, int]:
    """Return in which period a limit counts a spending, and how much of it."""
    channel = spending.usage and spending.usage.channel
    country = spending.usage and spending.usage.country
    period = max(spending.period, limit.since) if spending.of_hold else spending.period
    older = spending.period < limit.since
    if (
        (older and not spending.of_hold)
        or (older and spending.taken and spending.number <= limit.made_at)
        or limit.channel not in (None, channel)
        or (limit.country and limit.country != country)
    ):
        return period, 0
    return period, spending.delta


def spent(limit: Limit, period: int, spendings: Iterable[Spending]) -> int:
    """Return the spending of a period that a limit counts."""
    return sum(delta for at, delta in (counted(limit, each) for each in spendings) if at == period)


def passed(limits: dict[str, Limit], parts: Sequence[Spending], spendings: Iterable[Spending]) -> Passed | None:
    """Return the limit that a command's parts would pass: the one with the longest window, of those the first by id."""
    for name in sorted(limits, key=lambda name: (-limits[name].window, name)):
        delta = sum(counted(limits[name], part)[1] for part in parts)
        if delta > 0:
            before = spent(limits[name], counted(limits[name], parts[0])[0], spendings)
            if before + delta > limits[name].amount:
                return Passed(name, before, delta)
    return None
