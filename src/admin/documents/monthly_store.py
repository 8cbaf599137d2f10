"""Monthly statements from Postgres, read from stored sums and few rows.

Charges and refunds come from `usage_days`, which are counted up to one entry of the ledger. All else is read up to the
same entry in one snapshot, so that a statement reconciles at any moment, also during charges. Top-ups and adjustments
have an index of their own, and times are found by binary search, so the cost does not grow with a month's charges.
"""

import asyncpg

from admin.documents.monthly import MoneyLine, MonthlyStatement, is_over
from admin.documents.months import Month
from admin.statements.usage import Days
from admin.statements.usage_store import UsageDays, read_by_country
from wallet.domain.commands import Kind
from wallet.domain.errors import CompanyNotFound
from wallet.ledger.numbers import FIRST_NUMBER_SINCE
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.transactions import snapshot

_SQL = load(__name__, Kind)


class MonthlyStatements:
    """Reads monthly statements. Every method raises LedgerUnavailable if Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool, usage: UsageDays) -> None:
        """Use an open pool; `usage` counts entries that are not counted yet."""
        self._pool = pool
        self._usage = usage

    async def read(self, company: str, month: Month, *, now: int | None = None) -> MonthlyStatement:
        """Return the statement of a month as of `now`. Raises CompanyNotFound, StatementNotReconciled."""
        await self._usage.catch_up(company)
        async with snapshot(self._pool) as connection:
            statement = await _read(connection, company, month, now)
        statement.check_reconciled()
        return statement


async def _read(connection: Connection, company: str, month: Month, now: int | None) -> MonthlyStatement:
    wallet = await connection.fetchrow(_SQL["wallet"], company)
    if wallet is None:
        raise CompanyNotFound(company)
    as_of: int = wallet["now"] if now is None else now
    beyond: int = await connection.fetchval(FIRST_NUMBER_SINCE, company, month.ends_at)
    last = min(wallet["counted"], beyond - 1)
    first = min(await connection.fetchval(FIRST_NUMBER_SINCE, company, month.starts_at), last + 1)
    opening, held_opening = await _balances(connection, company, first - 1)
    closing, held_closing = await _balances(connection, company, last)
    money = await connection.fetch(_SQL["money"], company, first, last)
    lines = {kind: [_line(row) for row in money if row["kind"] == kind] for kind in (Kind.TOP_UP, Kind.ADJUSTMENT)}
    return MonthlyStatement(
        company=company,
        month=month,
        currency=wallet["currency"],
        provisional=last < beyond - 1 or not is_over(month, now=as_of, last_at=wallet["last_at"]),
        first_number=first,
        last_number=last,
        opening=opening,
        closing=closing,
        held_opening=held_opening,
        held_closing=held_closing,
        top_ups=next(iter(lines[Kind.TOP_UP]), MoneyLine("", 0, 0)),
        adjustments=lines[Kind.ADJUSTMENT],
        usage=await read_by_country(connection, company, Days(month.first, month.last)),
        as_of=as_of,
    )


async def _balances(connection: Connection, company: str, number: int) -> tuple[int, int]:
    """Return balance and held amount after an entry; both are 0 before the first."""
    row = await connection.fetchrow(_SQL["balances"], company, number)
    return (0, 0) if row is None else (row["balance_after"], row["held_after"])


def _line(row: asyncpg.Record) -> MoneyLine:
    return MoneyLine(row["reason"], row["count"], row["amount"])
