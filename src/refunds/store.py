"""Read charges that are to be refunded from the ledger."""

import asyncpg

from refunds.amounts import Refundable
from wallet.domain.commands import Kind
from wallet.domain.errors import CompanyNotFound
from wallet.domain.usage import Channel
from wallet.ledger.queries import load
from wallet.ledger.transactions import reading

_SQL = load(__name__, Kind)


class ChargeReader:
    """Reads charges. Every method raises LedgerUnavailable if Postgres does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def refundable(self, company: str, number: int, idempotency_key: str = "") -> tuple[Refundable | None, bool]:
        """Return a charge, None if no charge has the number, and whether the key is recorded. Raises CompanyNotFound.

        Both are read at one moment: if nothing is left because the key's own refund took it, the key is recorded.
        """
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["charge"], company, number, idempotency_key)
        if row is None:
            raise CompanyNotFound(company)
        charge = None
        if row["price"] is not None:
            charge = Refundable(row["price"], row["refunded"], row["currency"])
        return charge, row["recorded"]

    async def channel(self, company: str, number: int) -> Channel | None:
        """Return the channel of a charge; None if it has no usage."""
        async with reading(self._pool) as connection:
            channel = await connection.fetchval(_SQL["channel"], company, number)
        return None if channel is None else Channel(channel)
