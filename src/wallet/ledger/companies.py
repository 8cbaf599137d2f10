"""Companies in Postgres, and the settings that their wallets obey."""

import asyncpg

from wallet.domain.companies import Company, CompanyChange
from wallet.domain.entries import WalletState
from wallet.domain.errors import Applied, CompanyAlreadyExists, CompanyClosed, CompanyNotFound, WalletNotEmpty
from wallet.ledger.failures import translated
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load

_SQL = load("companies")


class Companies:
    """Make, read and change companies.

    Every method raises LedgerUnavailable where Postgres does not answer; a change may have been made all the same.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def create(
        self, company: str, *, currency: str, display_name: str = "", billing_email: str = "", floor: int = 0
    ) -> Company:
        """Make a company and its empty wallet. `floor` in micros. Raises CompanyAlreadyExists."""
        with translated(Applied.UNKNOWN):
            async with self._pool.acquire() as connection, connection.transaction():
                if not await connection.fetchval(_SQL["insert_company"], company, display_name, billing_email):
                    raise CompanyAlreadyExists(company)
                await connection.execute(_SQL["insert_wallet"], company, currency, floor)
                return await _get(connection, company)

    async def get(self, company: str) -> Company:
        """Return a company. Raises CompanyNotFound."""
        with translated():
            async with self._pool.acquire() as connection:
                return await _get(connection, company)

    async def list(self, after: str, limit: int) -> list[Company]:
        """Return up to `limit` companies whose ids come after `after`, by id."""
        with translated():
            return [_company_of(row) for row in await self._pool.fetch(_SQL["list"], after, limit)]

    async def update(self, company: str, change: CompanyChange) -> Company:
        """Change a company; a new floor holds for every charge that is answered from now on.

        Raises CompanyNotFound, CompanyClosed.
        """
        with translated(Applied.UNKNOWN):
            async with self._pool.acquire() as connection, connection.transaction():
                wallet = await _locked(connection, company)
                if wallet["state"] == WalletState.CLOSED:
                    raise CompanyClosed(company)
                await connection.execute(_SQL["change_profile"], company, change.display_name, change.billing_email)
                if change.floor is not None and change.floor != wallet["floor"]:
                    await connection.execute(_SQL["change_settings"], company, change.floor, None)
                return await _get(connection, company)

    async def suspend(self, company: str) -> Company:
        """Refuse new charges and holds from now on. Raises CompanyNotFound, CompanyClosed."""
        return await self._set_state(company, WalletState.SUSPENDED)

    async def resume(self, company: str) -> Company:
        """End a suspension. Raises CompanyNotFound, CompanyClosed."""
        return await self._set_state(company, WalletState.ACTIVE)

    async def close(self, company: str) -> Company:
        """Close a company for good. Raises CompanyNotFound, WalletNotEmpty."""
        return await self._set_state(company, WalletState.CLOSED)

    async def _set_state(self, company: str, state: WalletState) -> Company:
        with translated(Applied.UNKNOWN):
            async with self._pool.acquire() as connection, connection.transaction():
                wallet = await _locked(connection, company)
                if wallet["state"] != state:
                    if wallet["state"] == WalletState.CLOSED:
                        raise CompanyClosed(company)
                    if state is WalletState.CLOSED and (
                        wallet["balance"] or await connection.fetchval(_SQL["has_authorization"], company)
                    ):
                        raise WalletNotEmpty(company)
                    await connection.execute(_SQL["change_profile"], company, None, None)
                    await connection.execute(_SQL["change_settings"], company, None, state)
                return await _get(connection, company)


async def _get(connection: Connection, company: str) -> Company:
    row = await connection.fetchrow(_SQL["get"], company)
    if row is None:
        raise CompanyNotFound(company)
    return _company_of(row)


async def _locked(connection: Connection, company: str) -> asyncpg.Record:
    row = await connection.fetchrow(_SQL["lock_wallet"], company)
    if row is None:
        raise CompanyNotFound(company)
    return row


def _company_of(row: asyncpg.Record) -> Company:
    return Company(
        id=row["company_id"],
        display_name=row["display_name"],
        currency=row["currency"],
        billing_email=row["billing_email"],
        floor=row["floor"],
        state=WalletState(row["state"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
