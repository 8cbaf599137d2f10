"""Usage by day: counted from the ledger's entries afterwards, so that no charge waits for it.

`rollups.number` says up to which entry `usage_days` counts. A slice of entries is counted in one transaction that holds
that row's lock: whoever counts, however many at once, and wherever one dies, each entry is counted once.
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
"""How many entries are counted in one transaction, usually."""
CATCH_UP_SECONDS_MAX = 2.0
"""After which time no further slice is begun for whoever waits for a summary."""

_SLICE_SETTINGS = "SET LOCAL lock_timeout = '4s'"
"""Somebody else may be counting a slice of the same company: that is soon over."""

_SQL = load(__name__, Kind)


class MissingEntries(Exception):
    """There is a gap in a company's numbers. Nothing is counted from there on: see VerifyLedger."""


class UsageDays:
    """Every method raises LedgerUnavailable where Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool, *, slice_entries: int = SLICE) -> None:
        """Use an open pool."""
        self.slice_entries = slice_entries
        self._pool = pool

    async def behind(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` companies, by id from `after` on, that have entries that are not counted."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["behind"], after, limit)
        return [row["company_id"] for row in rows]

    async def catch_up(self, company: str) -> bool:
        """Count what a company's ledger has by now; return whether that is all of it.

        It is not where that takes longer than CATCH_UP_SECONDS_MAX; what was counted stays so. Raises CompanyNotFound,
        MissingEntries.
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
        """Return what is counted of some days, and of one channel or country of them. Raises CompanyNotFound."""
        arguments = company, days.first, days.last, channel, country or None
        async with snapshot(self._pool) as connection:
            wallet = await connection.fetchrow(_SQL["wallet"], company)
            if wallet is None:
                raise CompanyNotFound(company)
            by_day = await connection.fetch(_SQL["by_day"], *arguments)
            by_country = await connection.fetch(_SQL["by_country"], *arguments)
        return CountedUsage(wallet["currency"], wallet["number"], _lines(by_day), _lines(by_country))


async def read_by_country(connection: Connection, company: str, days: Days) -> list[UsageLine]:
    """Return what is counted of some days by channel and country, in the caller's snapshot."""
    return _lines(await connection.fetch(_SQL["by_country"], company, days.first, days.last, None, None))


async def _count_slice(connection: Connection, company: str, entries_max: int) -> tuple[int, int]:
    """Return how many entries were counted, and the number of the last one that is."""
    async with connection.transaction():
        await connection.execute(_SLICE_SETTINGS)
        await connection.execute(_SQL["begin"], company)
        before: int | None = await connection.fetchval(_SQL["lock"], company)
        if before is None:  # Somebody has it counted anew from the start: docs/guides/operations.md says when.
            return 0, 0
        # A statement of its own: it sees what was committed while the lock was waited for.
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
    # 0 is no channel.
    return [struct_of(row, UsageLine, channel=row["channel"] or None) for row in rows]
