"""Refunds of top-ups in Postgres."""

import asyncpg

from admin.notices import store as notices
from admin.top_ups import notices as top_up_notices
from admin.top_ups.chargeback_domain import ChargebackState
from admin.top_ups.domain import (
    DECLINED_RECONCILE_SECONDS,
    RECONCILE_SECONDS_MAX,
    RECONCILE_SECONDS_MIN,
    TopUpMethod,
    TopUpState,
)
from admin.top_ups.refund_domain import NewTopUpRefund, TopUpRefund, TopUpRefundState, refund_debit
from wallet.domain.errors import Applied, IdempotencyKeyReused, TopUpNotFound, TopUpNotRefundable, TopUpRefundNotFound
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import micros_of, struct_of
from wallet.ledger.transactions import autocommitting, reading, writing

_SQL = load(__name__, ChargebackState, TopUpRefundState)
_BY_CARD = (TopUpMethod.CARD, TopUpMethod.SAVED_CARD)


class TopUpRefundRecords:
    """Every method raises LedgerUnavailable if Postgres does not answer; a change may still have been made."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def create(self, order: NewTopUpRefund) -> tuple[TopUpRefund, bool]:
        """Create a refund, PENDING, or return the existing one; the second value says whether it is new.

        A refund that was declined before anything moved is reopened. Raises TopUpNotFound, TopUpNotRefundable;
        IdempotencyKeyReused if the id belongs to another request.
        """
        async with writing(self._pool) as connection:
            top_up = await connection.fetchrow(_SQL["lock_top_up"], order.company, order.top_up)
            known = await connection.fetchrow(_SQL["get"], order.company, order.id)
            if known is not None and known["fingerprint"] != order.fingerprint:
                raise IdempotencyKeyReused(order.id)
            if top_up is None:
                raise TopUpNotFound(order.top_up)
            if known is None:
                amount = await _refundable(connection, order, top_up)
                fields = order.fingerprint, order.top_up, amount, order.reason, order.requested_by
                await connection.execute(_SQL["insert"], order.company, order.id, *fields, RECONCILE_SECONDS_MIN)
            elif known["state"] == TopUpRefundState.FAILED and known["debit_number"] is None:
                amount = await _refundable(connection, order, top_up)
                await connection.execute(_SQL["reopen"], order.company, order.id, RECONCILE_SECONDS_MIN)
            else:
                return _refund_of(known), False
            await connection.execute(_SQL["reserve"], order.company, order.top_up, amount)
            row = await connection.fetchrow(_SQL["get"], order.company, order.id)
        assert row is not None, "it was just written, and refunds are never deleted"
        return _refund_of(row), known is None

    async def check(self, order: NewTopUpRefund) -> None:
        """Raise TopUpNotFound or TopUpNotRefundable if a new refund could not be created."""
        async with writing(self._pool, Applied.NO) as connection:
            top_up = await connection.fetchrow(_SQL["lock_top_up"], order.company, order.top_up)
            if top_up is None:
                raise TopUpNotFound(order.top_up)
            await _refundable(connection, order, top_up)

    async def get(self, company: str, refund: str) -> TopUpRefund:
        """Return a refund. Raises TopUpRefundNotFound."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["get"], company, refund)
        if row is None:
            raise TopUpRefundNotFound(refund)
        return _refund_of(row)

    async def of_provider(self, provider_refund: str) -> TopUpRefund | None:
        """Return the refund that has an id at the provider, if that is recorded."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["of_provider"], provider_refund)
        return None if row is None else _refund_of(row)

    async def page(self, company: str, top_up: str, *, before: int, limit: int) -> list[TopUpRefund]:
        """Return up to `limit` refunds with serials below `before`, newest first; of all top-ups for ""."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["list"], company, top_up or None, before, limit)
        return [_refund_of(row) for row in rows]

    async def record_decline(self, refund: TopUpRefund, code: str) -> None:
        """Record that the wallet declined the debit, and release the reserved amount."""
        wait = DECLINED_RECONCILE_SECONDS
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["record_decline"], refund.company, refund.id, code, wait)
            if row is not None:
                await connection.execute(_SQL["reserve"], refund.company, row["top_up_id"], -row["amount"])

    async def record_debit(self, refund: TopUpRefund, number: int) -> TopUpRefund:
        """Record the entry that debits the wallet; return the refund as it is then."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["record_debit"], refund.company, refund.id, number, RECONCILE_SECONDS_MIN)
        return await self.get(refund.company, refund.id)

    async def find_debit(self, refund: TopUpRefund) -> TopUpRefund:
        """Find the debit of a refund whose decline is recorded, and record it; return the refund as it is then.

        Of two concurrent attempts, one may be declined and the other debited a moment later, and crash. Without a debit
        the refund is closed.
        """
        async with autocommitting(self._pool) as connection:
            number = await connection.fetchval(_SQL["entry_of"], refund.company, refund_debit(refund).idempotency_key)
            if number is None:
                await connection.execute(_SQL["close_declined"], refund.company, refund.id)
                return refund
        return await self.record_debit(refund, number)

    async def record_provider_state(
        self, refund: TopUpRefund, state: TopUpRefundState, *, provider_id: str = "", failure_code: str = ""
    ) -> TopUpRefund:
        """Record the state at the provider, and notify the company of a success; return the refund as it is then.

        FAILED requires a failure code; the refund stays PENDING until the amount is credited again.
        """
        assert bool(failure_code) == (state is TopUpRefundState.FAILED)
        stored = TopUpRefundState.PENDING if failure_code else state
        wait = 0.0 if failure_code else RECONCILE_SECONDS_MIN
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(
                _SQL["record_provider_state"],
                refund.company,
                refund.id,
                provider_id or None,
                stored,
                failure_code,
                wait,
            )
            if row is not None and stored is TopUpRefundState.SUCCEEDED:
                await notices.publish(connection, top_up_notices.refunded(refund))
        return await self.get(refund.company, refund.id)

    async def record_return(self, refund: TopUpRefund, number: int) -> TopUpRefund:
        """Record the entry that credits the amount again, and release the reservation; return the refund, FAILED."""
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["record_return"], refund.company, refund.id, number)
            if row is not None and row["reserved"]:
                await connection.execute(_SQL["reserve"], refund.company, row["top_up_id"], -row["amount"])
        return await self.get(refund.company, refund.id)

    async def claim_due(self, limit: int) -> list[TopUpRefund]:
        """Claim up to `limit` refunds that are due; a claimed one is not due again for a while."""
        async with autocommitting(self._pool) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, RECONCILE_SECONDS_MIN, RECONCILE_SECONDS_MAX)
        return [_refund_of(row) for row in rows]


async def _refundable(connection: Connection, order: NewTopUpRefund, top_up: asyncpg.Record) -> int:
    """Return the amount of a new refund. Raises TopUpNotRefundable."""
    left = (top_up["cleared"] or 0) - top_up["refunded"]
    if (
        top_up["method"] not in _BY_CARD
        or top_up["payment"] is None
        or top_up["state"] != TopUpState.SUCCEEDED
        or await connection.fetchval(_SQL["charged_back"], order.company, order.top_up)
    ):
        left = 0
    amount = left if order.amount is None else order.amount
    if not 0 < amount <= left:
        raise TopUpNotRefundable(order.top_up, refundable=left, required=amount, currency=top_up["currency"])
    return amount


def _refund_of(row: asyncpg.Record) -> TopUpRefund:
    return struct_of(
        row,
        TopUpRefund,
        company=row["company_id"],
        id=row["refund_id"],
        top_up=row["top_up_id"],
        provider_refund=row["provider_refund"] or "",
        now=micros_of(row["read_at"]),
    )
