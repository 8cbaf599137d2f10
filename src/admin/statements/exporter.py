"""A statement as CSV, piece by piece: what the RPC streams and the HTTP port serves as a download."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from admin.rpc.concurrency import ConcurrencyLimit
from admin.statements.domain import EntryFilter
from admin.statements.statement_csv import Statement
from admin.statements.store import Statements

EXPORTS_AT_ONCE_MAX = 4
"""In one process: each keeps a core busy with writing numbers as text."""


class Exports:
    """Writes statements, a few at once."""

    def __init__(self, statements: Statements) -> None:
        """Read the ledger with `statements`."""
        self._statements = statements
        self._limit = ConcurrencyLimit("exports", calls_max=EXPORTS_AT_ONCE_MAX)

    async def lines(self, company: str, where: EntryFilter) -> AsyncGenerator[str, None]:
        """Yield the statement in pieces of whole lines. What ends well is complete, and adds up.

        Raises CompanyNotFound and Overloaded before the first piece, LedgerUnavailable and DoesNotAddUp also later.
        """
        with self._limit.acquire():
            period = await self._statements.period(company, where)
            statement = Statement(period, where)
            yield statement.opening()
            async with aclosing(self._statements.entries(period, where)) as slices:
                async for entries in slices:
                    yield statement.entries(entries)
            yield statement.closing(time.time_ns() // 1000)
