"""Chargebacks in Postgres. The company is notified in the same transaction that records a change."""

import asyncpg

from admin.notices import store as notices
from admin.top_ups import notices as top_up_notices
from admin.top_ups.chargeback_domain import Chargeback, ChargebackState, NewChargeback
from admin.top_ups.domain import RECONCILE_SECONDS_MAX, RECONCILE_SECONDS_MIN
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of
from wallet.ledger.transactions import autocommitting, reading, writing

_SQL = load(__name__, ChargebackState)


class ChargebackRecords:
    """Every method raises LedgerUnavailable if Postgres does not answer; a change may still have been made."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def record(self, new: NewChargeback) -> Chargeback:
        """Record the provider's report; return the chargeback as it is then: its first amount, its furthest state."""
        fields = new.top_up, new.payment, new.state, new.amount, new.currency, new.reason
        async with writing(self._pool) as connection:
            found = _chargeback_of(await connection.fetchrow(_SQL["record"], new.company, new.id, *fields))
            if found.state in (ChargebackState.WON, ChargebackState.LOST):
                await notices.publish(connection, top_up_notices.dispute_closed(found))
        return found

    async def record_debit(self, chargeback: Chargeback, number: int) -> None:
        """Record the entry that debits the wallet, and notify the company, once."""
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["record_debit"], chargeback.company, chargeback.id, number)
            if row is not None:
                await notices.publish(connection, top_up_notices.disputed(_chargeback_of(row)))

    async def record_credit(self, chargeback: Chargeback, number: int) -> None:
        """Record the entry that credits the amount again."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["record_credit"], chargeback.company, chargeback.id, number)

    async def claim_due(self, limit: int) -> list[Chargeback]:
        """Claim up to `limit` chargebacks that lack an entry; a claimed one is not due again for a while."""
        async with autocommitting(self._pool) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, RECONCILE_SECONDS_MIN, RECONCILE_SECONDS_MAX)
        return [_chargeback_of(row) for row in rows]

    async def page(self, company: str, *, before: int, limit: int) -> list[Chargeback]:
        """Return up to `limit` chargebacks with serials below `before`, newest first."""
        async with reading(self._pool) as connection:
            return [_chargeback_of(row) for row in await connection.fetch(_SQL["list"], company, before, limit)]


def _chargeback_of(row: asyncpg.Record | None) -> Chargeback:
    assert row is not None, "it was inserted or updated"
    return struct_of(row, Chargeback, company=row["company_id"], id=row["chargeback_id"], top_up=row["top_up_id"])
