"""Spend limits as plainly as they can be said: every spending is kept, and a limit is asked by adding them all up."""

from collections.abc import Iterable
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


class Spending(NamedTuple):
    """What a command took or held, or gave back of what it had held. A period is all that happens in one window."""

    period: int
    usage: Usage | None
    delta: int


class Passed(NamedTuple):
    """The limit that a spending would pass, and what of it is spent."""

    id: str
    spent: int


def counts(limit: Limit, spending: Spending) -> bool:
    """Whether a limit counts a spending."""
    channel = spending.usage and spending.usage.channel
    country = spending.usage and spending.usage.country
    return (
        spending.period >= limit.since
        and limit.channel in (None, channel)
        and (not limit.country or limit.country == country)
    )


def spent(limit: Limit, period: int, spendings: Iterable[Spending]) -> int:
    """Return what is spent of a limit in a period."""
    return sum(each.delta for each in spendings if each.period == period and counts(limit, each))


def passed(limits: dict[str, Limit], spending: Spending, spendings: Iterable[Spending]) -> Passed | None:
    """Return the limit that a spending would pass: the one with the longest window, of those the first by id."""
    for name in sorted(limits, key=lambda name: (-limits[name].window, name)):
        if counts(limits[name], spending):
            before = spent(limits[name], spending.period, spendings)
            if before + spending.delta > limits[name].amount:
                return Passed(name, before)
    return None
