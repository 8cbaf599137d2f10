"""Lists a company's entries by filters, without an index that charges would have to maintain.

Times are converted to numbers by binary search. All other conditions are checked entry by entry, in slices, and a page
ends when it has read enough. No snapshot or cursor is held: entries never change, so a range of numbers has the same
entries whenever it is read.
"""

import time
from collections.abc import AsyncGenerator
from typing import Any

import asyncpg

from admin.statements.domain import EntryFilter, EntryPage, StatementPeriod
from wallet.domain.entries import Entry
from wallet.domain.errors import CompanyNotFound
from wallet.ledger.numbers import FIRST_NUMBER_SINCE
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import entry_of
from wallet.ledger.transactions import reading

PAGE_ENTRIES_READ_MAX = 50_000
"""How many entries are read for one page at most."""
PAGE_SECONDS_MAX = 1.0
"""No further slice of a page is read after this time: entries that are not cached may take a while."""
PAGE_SLICE = 5_000
EXPORT_SLICE = 500
"""How many entries are read at a time, and so are in memory at once."""

_SQL = load(__name__)
_NEWEST_FIRST = f"{_SQL['matching']} ORDER BY number DESC LIMIT $12"
_OLDEST_FIRST = f"{_SQL['matching']} ORDER BY number"


class Statements:
    """Reads entries for lists and exports. Every method raises LedgerUnavailable if Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def list_entries(self, company: str, where: EntryFilter, *, before: int | None, limit: int) -> EntryPage:
        """Return up to `limit` entries with numbers below `before`, newest first. Raises CompanyNotFound.

        A page may have fewer entries, or none, although more follow: see PAGE_ENTRIES_READ_MAX and PAGE_SECONDS_MAX.
        """
        give_up_at = time.monotonic() + PAGE_SECONDS_MAX
        found: list[Entry] = []
        async with reading(self._pool) as connection:
            currency, first, last = await _numbers(connection, company, where)
            high = last if before is None else min(last, before - 1)
            lowest = max(first, high - PAGE_ENTRIES_READ_MAX + 1)
            while high >= lowest:
                low = max(lowest, high - PAGE_SLICE + 1)
                rows = await connection.fetch(_NEWEST_FIRST, company, low, high, *_arguments(where), limit - len(found))
                found += [entry_of(row, currency) for row in rows]
                high = low - 1
                if len(found) == limit:
                    high = found[-1].number - 1
                    break
                if time.monotonic() > give_up_at:
                    break
        return EntryPage(found, high + 1 if high >= first else None)

    async def period(self, company: str, where: EntryFilter) -> StatementPeriod:
        """Return the entries between the times of a filter, as of now, with the balances around them.

        Raises CompanyNotFound.
        """
        async with reading(self._pool) as connection:
            currency, first, last = await _numbers(connection, company, where)
            opening = await connection.fetchval(_SQL["balance_after"], company, first - 1) or 0
            closing = await connection.fetchval(_SQL["balance_after"], company, last) or 0
        return StatementPeriod(company, currency, first, last, opening, closing)

    async def entries(self, period: StatementPeriod, where: EntryFilter) -> AsyncGenerator[list[Entry], None]:
        """Yield the entries of a period that match, oldest first, in slices of 1 to EXPORT_SLICE.

        No connection is held while the caller has a slice.
        """
        arguments = _arguments(where)
        for low in range(period.first, period.last + 1, EXPORT_SLICE):
            high = min(low + EXPORT_SLICE - 1, period.last)
            async with reading(self._pool) as connection:
                rows = await connection.fetch(_OLDEST_FIRST, period.company, low, high, *arguments)
            if rows:
                yield [entry_of(row, period.currency) for row in rows]


async def _numbers(connection: Connection, company: str, where: EntryFilter) -> tuple[str, int, int]:
    """Return a wallet's currency, and the first and the last number between the times of a filter.

    If there is no entry, the last is one less than the first. Raises CompanyNotFound.
    """
    # `last` is read first: entries that are written meanwhile have higher numbers, and so has a `first` among them.
    wallet = await connection.fetchrow(_SQL["wallet"], company)
    if wallet is None:
        raise CompanyNotFound(company)
    last: int = wallet["last_number"]
    if where.end_at is not None:
        last = min(last, await connection.fetchval(FIRST_NUMBER_SINCE, company, where.end_at) - 1)
    first = 1
    if where.start_at is not None:
        first = min(await connection.fetchval(FIRST_NUMBER_SINCE, company, where.start_at), last + 1)
    return wallet["currency"], first, last


def _arguments(where: EntryFilter) -> tuple[Any, ...]:
    """Return the arguments $4 to $11 of the query `matching`."""
    return (
        sorted(where.kinds) or None,
        where.channel,
        where.country or None,
        where.campaign_id or None,
        where.contact_id or None,
        where.amount_min,
        where.amount_max,
        where.reference or None,
    )
