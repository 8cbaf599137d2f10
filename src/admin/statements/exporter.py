"""Exports of statements in CSV, in pieces, for the RPC and the HTTP download."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from admin.rpc.concurrency import ConcurrencyLimit
from admin.statements.domain import EntryFilter
from admin.statements.statement_csv import StatementCsv
from admin.statements.store import Statements

EXPORTS_AT_ONCE_MAX = 4
"""Per process: each keeps a core busy with formatting numbers."""


class StatementExporter:
    """Streams statements, up to EXPORTS_AT_ONCE_MAX at a time."""

    def __init__(self, statements: Statements) -> None:
        """Read the ledger with `statements`."""
        self._statements = statements
        self._limit = ConcurrencyLimit("exports", calls_max=EXPORTS_AT_ONCE_MAX)

    async def stream_csv(self, company: str, where: EntryFilter) -> AsyncGenerator[str, None]:
        """Yield a statement in pieces of whole lines. A stream that ends without an error is complete and reconciles.

        Raises CompanyNotFound and Overloaded before the first piece, LedgerUnavailable and StatementNotReconciled also
        later.
        """
        with self._limit.acquire():
            period = await self._statements.period(company, where)
            statement = StatementCsv(period, where)
            yield statement.opening()
            async with aclosing(self._statements.entries(period, where)) as slices:
                async for entries in slices:
                    yield statement.entries(entries)
            yield statement.closing(time.time_ns() // 1000)
