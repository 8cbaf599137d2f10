"""Usage by day, counted from the ledger's entries after the fact, so that no charge waits for it.

`rollups.number` is the last entry that is counted in `usage_days`. A slice of entries is counted in one transaction
that holds the lock of that row. So each entry is counted once, also by concurrent processes, and if one is killed.
"""

import time
from collections.abc import Sequence

import asyncpg

from admin.statements.usage import CountedUsage, Days, UsageLine
from wallet.domain.commands import Kind
from wallet.domain.errors import Applied, CompanyNotFound
from wallet.domain.resource_names import COMPANY
from wallet.domain.usage import Channel
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of
from wallet.ledger.transactions import autocommitting, reading, snapshot

SLICE = 10_000
"""How many entries are counted in one transaction, by default."""
CATCH_UP_SECONDS_MAX = 2.0
"""No further slice is counted after this time while a request for a summary waits."""

_SLICE_SETTINGS = "SET LOCAL lock_timeout = '4s'"
"""Another process may be counting a slice of the same company, which takes less than this."""

_SQL = load(__name__, Kind)


class MissingEntries(Exception):
    """A company's numbers have a gap. No entry is counted from there on: see VerifyLedger."""


class UsageDays:
    """Counts and reads usage by day. Every method raises LedgerUnavailable if Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool, *, slice_entries: int = SLICE) -> None:
        """Use an open pool."""
        self.slice_entries = slice_entries
        self._pool = pool

    async def companies_behind(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` companies after id `after`, by id, that have uncounted entries."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["companies_behind"], after, limit)
        return [row["company_id"] for row in rows]

    async def catch_up(self, company: str) -> bool:
        """Count a company's entries up to now; return whether all of them are counted.

        They are not if that takes longer than CATCH_UP_SECONDS_MAX, and those that are counted stay so. Raises
        CompanyNotFound, MissingEntries.
        """
        give_up_at = time.monotonic() + CATCH_UP_SECONDS_MAX
        async with autocommitting(self._pool, Applied.NO) as connection:
            last = await connection.fetchval(_SQL["last_number"], company)
            if last is None:
                raise CompanyNotFound(company)
            counted = await connection.fetchval(_SQL["counted"], company) or 0
            while counted < last:
                if time.monotonic() > give_up_at:
                    return False
                _, counted = await _count_slice(connection, company, self.slice_entries)
        return True

    async def count_slice(self, company: str) -> int:
        """Count the next entries of a company, `slice_entries` at most; return how many. Raises MissingEntries."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            entries, _ = await _count_slice(connection, company, self.slice_entries)
        return entries

    async def read(
        self, company: str, days: Days, *, channel: Channel | None = None, country: str = ""
    ) -> CountedUsage:
        """Return the counted usage of some days, of one channel or country if given. Raises CompanyNotFound."""
        arguments = company, days.first, days.last, channel, country or None
        async with snapshot(self._pool) as connection:
            wallet = await connection.fetchrow(_SQL["wallet"], company)
            if wallet is None:
                raise CompanyNotFound(company)
            by_day = await connection.fetch(_SQL["by_day"], *arguments)
            by_country = await connection.fetch(_SQL["by_country"], *arguments)
        return CountedUsage(wallet["currency"], wallet["number"], _lines(by_day), _lines(by_country))


async def read_by_country(connection: Connection, company: str, days: Days) -> list[UsageLine]:
    """Return the counted usage of some days by channel and country, in the caller's snapshot."""
    return _lines(await connection.fetch(_SQL["by_country"], company, days.first, days.last, None, None))


async def _count_slice(connection: Connection, company: str, entries_max: int) -> tuple[int, int]:
    """Count a slice; return how many entries it had, and the number of the last counted one."""
    async with connection.transaction():
        await connection.execute(_SLICE_SETTINGS)
        await connection.execute(_SQL["begin"], company)
        before: int | None = await connection.fetchval(_SQL["lock"], company)
        if before is None:  # An operator has reset the count: docs/guides/operations.md says when.
            return 0, 0
        # A statement of its own, which sees all that was committed while this one waited for the lock.
        row = await connection.fetchrow(_SQL["count"], company, before, entries_max)
        assert row is not None
        entries, last = row["entries"], row["last"]
        if not entries:
            return 0, before
        if last != before + entries:
            raise MissingEntries(f"{COMPANY.name(company)}: {entries} entries from {before + 1} to {last}")
        await connection.execute(_SQL["advance"], company, last)
    return entries, last


def _lines(rows: Sequence[asyncpg.Record]) -> list[UsageLine]:
    # Channel 0 means none.
    return [struct_of(row, UsageLine, channel=row["channel"] or None) for row in rows]
