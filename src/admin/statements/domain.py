"""Statements: filters of entries, and periods with their balances."""

import msgspec

from wallet.domain.commands import Kind
from wallet.domain.entries import Entry
from wallet.domain.usage import Channel


class EntryFilter(msgspec.Struct, frozen=True):
    """A filter of entries. An entry matches if it matches every field that is set.

    Times are in microseconds since the epoch, amounts in micros without their sign.
    """

    start_at: int | None = None
    """Inclusive."""
    end_at: int | None = None
    """Exclusive."""
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
        """Whether every entry between the times matches."""
        return self == EntryFilter(start_at=self.start_at, end_at=self.end_at)


EVERYTHING = EntryFilter()


class EntryPage(msgspec.Struct, frozen=True):
    """Entries, newest first. The next page has entries below number `next_before`; None if there is no next page."""

    entries: list[Entry]
    next_before: int | None


class StatementPeriod(msgspec.Struct, frozen=True):
    """Numbers of the entries between two times: `first` to `last`, none if last is first − 1. Balances in micros."""

    company: str
    currency: str
    first: int
    last: int
    opening: int
    """The balance before the first entry."""
    closing: int
    """The balance after the last entry."""


class StatementNotReconciled(Exception):
    """The entries of a statement do not sum up to the change of its balance, which is a fault of ours."""
