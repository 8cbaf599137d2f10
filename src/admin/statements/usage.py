"""Sums of usage by day, channel and country: quantities, spend and refunds."""

from collections.abc import Iterable
from datetime import date

import msgspec

from wallet.domain.usage import Channel


class Days(msgspec.Struct, frozen=True):
    """Days in UTC, both ends included."""

    first: date
    last: date


class UsageLine(msgspec.Struct, frozen=True):
    """The sums of a channel, a day or a country. Amounts in micros, quantities in the channel's unit.

    `day` and `country` are set if the line is about a single one.
    """

    channel: Channel | None
    """None for entries without a channel."""
    day: date | None = None
    country: str = ""
    transactions: int = 0
    """Charges and captures."""
    used: int = 0
    billed: int = 0
    spent: int = 0
    refunds: int = 0
    refunded: int = 0


class CountedUsage(msgspec.Struct, frozen=True):
    """The usage of some days, counted up to an entry of the ledger."""

    currency: str
    last_number: int
    """The last counted entry; 0 if none is counted."""
    by_day: list[UsageLine]
    """By day and channel."""
    by_country: list[UsageLine]
    """By channel and country, over all days."""


def total(lines: Iterable[UsageLine]) -> UsageLine:
    """Return the sum of lines, without quantities, since their units differ."""
    lines = list(lines)
    return UsageLine(
        None,
        transactions=sum(line.transactions for line in lines),
        spent=sum(line.spent for line in lines),
        refunds=sum(line.refunds for line in lines),
        refunded=sum(line.refunded for line in lines),
    )
