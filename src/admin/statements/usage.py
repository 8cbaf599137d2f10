"""What usage adds up to, by day: volume, spend and refunds."""

from collections.abc import Iterable
from datetime import date

import msgspec

from wallet.domain.usage import Channel


class Days(msgspec.Struct, frozen=True):
    """Days in UTC, both ends included."""

    first: date
    last: date


class UsageLine(msgspec.Struct, frozen=True):
    """What a channel, a day or a country adds up to. Amounts in micros, quantities in the channel's unit.

    `day` and `country` are there where the line is about one of them.
    """

    channel: Channel | None
    """None: the entries name none."""
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
    """What is counted of some days, up to an entry of the ledger."""

    currency: str
    last_number: int
    """The last entry that is counted; 0: none."""
    by_day: list[UsageLine]
    """By day and channel."""
    by_country: list[UsageLine]
    """By channel and country, over all days."""


def total(lines: Iterable[UsageLine]) -> UsageLine:
    """Return the sum of lines. Their quantities are of several units, and are left out."""
    lines = list(lines)
    return UsageLine(
        None,
        transactions=sum(line.transactions for line in lines),
        spent=sum(line.spent for line in lines),
        refunds=sum(line.refunds for line in lines),
        refunded=sum(line.refunded for line in lines),
    )
