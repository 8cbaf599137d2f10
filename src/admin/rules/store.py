"""Spend limits in Postgres."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from wallet.domain.commands import Kind
from wallet.domain.entries import AuthorizationState, WalletState
from wallet.domain.errors import (
    CompanyClosed,
    CompanyNotFound,
    SpendLimitAlreadyExists,
    SpendLimitNotFound,
    TooManySpendLimits,
)
from wallet.domain.limits import LIMITS_PER_COMPANY_MAX, SpendLimit, SpendLimitState, Window, window_end
from wallet.ledger.numbers import FIRST_NUMBER_SINCE
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import limit_of
from wallet.ledger.transactions import autocommitting, reading

SUM_SECONDS_MAX = 60.0
"""How long summing up the entries of a window may take when a limit is created."""

_SQL = load(__name__, AuthorizationState, Kind, Window)


class SpendLimits:
    """Create, read, change and delete spend limits. A change applies to every charge that is answered from now on.

    Every method raises LedgerUnavailable if Postgres does not answer; a change may still have been made.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def create(self, limit: SpendLimit) -> SpendLimitState:
        """Create a limit, which counts what was spent in the current window. Sets `counts_from`.

        Raises CompanyNotFound, CompanyClosed, SpendLimitAlreadyExists, TooManySpendLimits.
        """
        company = limit.company
        async with autocommitting(self._pool) as connection:
            starts_at = await connection.fetchval(_SQL["window_start"], company, limit.window)
            if starts_at is None:
                raise CompanyNotFound(company)
            # Summing up a busy month takes a while. So most of it happens while charging continues, and only later
            # entries are summed up under the lock of the wallet.
            first = await connection.fetchval(FIRST_NUMBER_SINCE, company, starts_at)
            last = await connection.fetchval("SELECT last_number FROM wallets WHERE company_id = $1", company)
            spent = await _spent(connection, limit, starts_at, first, last)
            async with _changing_settings(connection, company) as wallet:
                if await connection.fetchval(_SQL["count"], company) >= LIMITS_PER_COMPANY_MAX:
                    raise TooManySpendLimits(company)
                now_starts_at = await connection.fetchval(_SQL["window_start"], company, limit.window)
                if now_starts_at != starts_at:  # The next window has begun meanwhile, with few entries.
                    starts_at, spent = now_starts_at, 0
                    last = await connection.fetchval(FIRST_NUMBER_SINCE, company, starts_at) - 1
                spent += await _spent(connection, limit, starts_at, last + 1, wallet["last_number"])
                # Authorizations from before the window are captured from now on, so their holds count as well.
                held = _SQL["held_before"], company, starts_at, limit.channel, limit.country or None
                spent += await connection.fetchval(*held)
                created = await connection.fetchval(
                    _SQL["insert"],
                    company,
                    limit.id,
                    limit.window,
                    limit.channel,
                    limit.country or None,
                    limit.amount,
                    starts_at,
                    wallet["last_number"],
                )
                if created is None:
                    raise SpendLimitAlreadyExists(limit.id)
                await connection.execute(_SQL["insert_counter"], company, limit.id, starts_at, spent)
            return await _get(connection, company, limit.id)

    async def get(self, company: str, limit: str) -> SpendLimitState:
        """Return a limit. Raises SpendLimitNotFound."""
        async with reading(self._pool) as connection:
            return await _get(connection, company, limit)

    async def list(self, company: str) -> list[SpendLimitState]:
        """Return all limits of a company, by id. Raises CompanyNotFound."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["list"], company, None)
            if not rows and not await connection.fetchval("SELECT 1 FROM wallets WHERE company_id = $1", company):
                raise CompanyNotFound(company)
            return [_state_of(row) for row in rows]

    async def set_amount(self, company: str, limit: str, amount: int) -> SpendLimitState:
        """Change the amount of a limit, in micros. Raises SpendLimitNotFound, CompanyClosed."""
        async with autocommitting(self._pool) as connection:
            await _get(connection, company, limit)
            async with _changing_settings(connection, company):
                if await connection.fetchval(_SQL["change_amount"], company, limit, amount) is None:
                    raise SpendLimitNotFound(limit)
            return await _get(connection, company, limit)

    async def delete(self, company: str, limit: str) -> None:
        """Delete a limit. Raises SpendLimitNotFound, CompanyClosed."""
        async with autocommitting(self._pool) as connection:
            await _get(connection, company, limit)
            async with _changing_settings(connection, company):
                if await connection.fetchval(_SQL["delete"], company, limit) is None:
                    raise SpendLimitNotFound(limit)


@asynccontextmanager
async def _changing_settings(connection: Connection, company: str) -> AsyncIterator[asyncpg.Record]:
    """Change the settings of a wallet between two of its entries; yield the wallet.

    Raises CompanyNotFound, CompanyClosed.
    """
    async with connection.transaction():
        wallet = await connection.fetchrow(_SQL["lock_wallet"], company)
        if wallet is None:
            raise CompanyNotFound(company)
        if wallet["state"] == WalletState.CLOSED:
            raise CompanyClosed(company)
        yield wallet
        await connection.execute(_SQL["fence"], company)


async def _spent(connection: Connection, limit: SpendLimit, starts_at: int, first: int, last: int) -> int:
    spent: int = await connection.fetchval(
        _SQL["spent"],
        limit.company,
        first,
        last,
        starts_at,
        limit.channel,
        limit.country or None,
        timeout=SUM_SECONDS_MAX,
    )
    return spent


async def _get(connection: Connection, company: str, limit: str) -> SpendLimitState:
    row = await connection.fetchrow(_SQL["list"], company, limit)
    if row is None:
        raise SpendLimitNotFound(limit)
    return _state_of(row)


def _state_of(row: asyncpg.Record) -> SpendLimitState:
    limit = limit_of(row)
    return SpendLimitState(limit, row["spent"], window_end(limit.window, row["starts_at"]))
