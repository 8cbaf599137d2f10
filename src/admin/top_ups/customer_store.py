"""The ids of companies' customers at the payment provider, in Postgres."""

import asyncpg

from wallet.ledger.queries import load
from wallet.ledger.transactions import autocommitting, reading

_SQL = load(__name__)


class CustomerRecords:
    """Every method raises LedgerUnavailable if Postgres does not answer; a change may still have been made."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def get(self, company: str) -> str:
        """Return the id of a company's customer; empty if there is none yet."""
        async with reading(self._pool) as connection:
            return await connection.fetchval(_SQL["get"], company) or ""

    async def add(self, company: str, customer: str) -> str:
        """Store the id of a company's customer, and return the stored one: the first stays."""
        async with autocommitting(self._pool) as connection:
            return str(await connection.fetchval(_SQL["add"], company, customer))
