"""Read wallets, entries and authorizations of the ledger, as they are now."""

import asyncpg

from wallet.domain.entries import Authorization, Entry, Wallet
from wallet.domain.errors import AuthorizationNotFound, CompanyNotFound, TransactionNotFound
from wallet.ledger.queries import load
from wallet.ledger.rows import authorization_of, entry_of, wallet_of
from wallet.ledger.transactions import reading

NUMBER_MAX = 2**63 - 1

_SQL = load(__name__)


class Reader:
    """Reads the ledger. Every method raises LedgerUnavailable if Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def wallet(self, company: str) -> Wallet:
        """Return a wallet. Raises CompanyNotFound."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["wallet"], company)
        if row is None:
            raise CompanyNotFound(company)
        return wallet_of(row, company)

    async def entry(self, company: str, number: int) -> Entry:
        """Return one entry. Raises TransactionNotFound."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["entry"], company, number)
        if row is None:
            raise TransactionNotFound(str(number))
        return entry_of(row, row["currency"])

    async def entries(self, company: str, *, before: int | None, limit: int) -> list[Entry]:
        """Return up to `limit` entries, newest first, with numbers below `before`. Raises CompanyNotFound."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["entries"], company, before or NUMBER_MAX, limit)
        if not rows:
            await self.wallet(company)
        return [entry_of(row, row["currency"]) for row in rows]

    async def key_recorded(self, company: str, idempotency_key: str) -> bool:
        """Return whether an entry has this key."""
        async with reading(self._pool) as connection:
            return bool(await connection.fetchval(_SQL["key_recorded"], company, idempotency_key))

    async def authorization(self, company: str, authorization: str) -> Authorization:
        """Return an authorization. Raises AuthorizationNotFound."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["authorization"], company, authorization)
        if row is None:
            raise AuthorizationNotFound(authorization)
        return authorization_of(row, row["currency"])
