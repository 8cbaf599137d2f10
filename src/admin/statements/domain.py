"""Statements: which entries of a company they list, and the balances that they begin and end with."""

import msgspec

from wallet.domain.commands import Kind
from wallet.domain.entries import Entry
from wallet.domain.usage import Channel


class EntryFilter(msgspec.Struct, frozen=True):
    """Which entries are listed: those for which everything holds that is set.

    Times in microseconds since the epoch; amounts in micros, without their sign.
    """

    start_at: int | None = None
    """Not before it."""
    end_at: int | None = None
    """Before it."""
    kinds: frozenset[Kind] = frozenset()
    channel: Channel | None = None
    country: str = ""
    campaign_id: str = ""
    contact_id: str = ""
    amount_min: int | None = None
    amount_max: int | None = None
    reference: str = ""

    @property
    def by_time_only(self) -> bool:
        """Whether every entry between the times is listed."""
        return self == EntryFilter(start_at=self.start_at, end_at=self.end_at)


EVERYTHING = EntryFilter()


class Page(msgspec.Struct, frozen=True):
    """Entries, newest first, and below which number the next page goes on; None: there is none."""

    entries: list[Entry]
    next_before: int | None


class Period(msgspec.Struct, frozen=True):
    """The entries of a time, as numbers: `first` to `last`, none where last is first − 1. Balances in micros."""

    company: str
    currency: str
    first: int
    last: int
    opening: int
    """The balance before the first."""
    closing: int
    """The balance after the last."""


class DoesNotAddUp(Exception):
    """What is listed is not what lies between the balances: a fault of ours, and no statement."""
