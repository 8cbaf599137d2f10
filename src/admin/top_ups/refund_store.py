"""Refunds of top-ups in Postgres: how far each has come."""

import asyncpg

from admin.notices import store as notices
from admin.notices.domain import EventType, Notice
from admin.top_ups.domain import (
    DECLINED_LOOK_SECONDS,
    FIRST_LOOK_SECONDS,
    LOOK_SECONDS_MAX,
    ChargebackState,
    NewTopUpRefund,
    TopUpMethod,
    TopUpRefund,
    TopUpRefundState,
    TopUpState,
    refund_debit,
)
from wallet.domain.errors import Applied, IdempotencyKeyReused, TopUpNotFound, TopUpNotRefundable, TopUpRefundNotFound
from wallet.domain.money import format_money
from wallet.domain.resource_names import TOP_UP, TOP_UP_REFUND
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import micros_of, struct_of
from wallet.ledger.transactions import autocommitting, reading, writing

_SQL = load(__name__, ChargebackState, TopUpRefundState)
_BY_CARD = (TopUpMethod.CARD, TopUpMethod.SAVED_CARD)


class TopUpRefundRecords:
    """Every method raises LedgerUnavailable where Postgres does not answer; a change may have been made even so."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def create(self, order: NewTopUpRefund) -> tuple[TopUpRefund, bool]:
        """Make a refund, PENDING, or return the one that there is; and say whether it is new.

        One that was declined before anything had moved begins anew. Raises TopUpNotFound, TopUpNotRefundable;
        IdempotencyKeyReused where the id is another request's.
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
                told = order.fingerprint, order.top_up, amount, order.reason, order.requested_by
                await connection.execute(_SQL["insert"], order.company, order.id, *told, FIRST_LOOK_SECONDS)
            elif known["state"] == TopUpRefundState.FAILED and known["debit_number"] is None:
                amount = await _refundable(connection, order, top_up)
                await connection.execute(_SQL["reopen"], order.company, order.id, FIRST_LOOK_SECONDS)
            else:
                return _refund_of(known), False
            await connection.execute(_SQL["reserve"], order.company, order.top_up, amount)
            row = await connection.fetchrow(_SQL["get"], order.company, order.id)
        assert row is not None, "it was made, and refunds are never deleted"
        return _refund_of(row), known is None

    async def check(self, order: NewTopUpRefund) -> None:
        """Raise TopUpNotFound or TopUpNotRefundable where a new refund could not be made."""
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
        """Return the refund that the provider has under an id, if it is known."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["of_provider"], provider_refund)
        return None if row is None else _refund_of(row)

    async def page(self, company: str, top_up: str, *, before: int, limit: int) -> list[TopUpRefund]:
        """Return up to `limit` refunds with serials below `before`, newest first; of one top-up, or of all for ""."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["list"], company, top_up or None, before, limit)
        return [_refund_of(row) for row in rows]

    async def declined(self, refund: TopUpRefund, code: str) -> None:
        """Record that the wallet declined: nothing has moved, and what was reserved is free again."""
        wait = DECLINED_LOOK_SECONDS
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["declined"], refund.company, refund.id, code, wait)
            if row is not None:
                await connection.execute(_SQL["reserve"], refund.company, row["top_up_id"], -row["amount"])

    async def debited(self, refund: TopUpRefund, number: int) -> TopUpRefund:
        """Record the entry that took the money out of the wallet; return the refund as it is then."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["debited"], refund.company, refund.id, number, FIRST_LOOK_SECONDS)
        return await self.get(refund.company, refund.id)

    async def settle_declined(self, refund: TopUpRefund) -> TopUpRefund:
        """Look whether a refund that was declined was debited all the same; return it as it is then, or leave it.

        Two may ask at once: where one is declined, the other may be debited a moment later, and die.
        """
        async with autocommitting(self._pool) as connection:
            number = await connection.fetchval(_SQL["entry_of"], refund.company, refund_debit(refund).idempotency_key)
            if number is None:
                await connection.execute(_SQL["leave"], refund.company, refund.id)
                return refund
        return await self.debited(refund, number)

    async def told(
        self, refund: TopUpRefund, state: TopUpRefundState, *, provider_refund: str = "", failure_code: str = ""
    ) -> TopUpRefund:
        """Record what the provider says, and tell the company of a success; return the refund as it is then.

        FAILED needs a code; the refund is PENDING then until the money is put back.
        """
        assert bool(failure_code) == (state is TopUpRefundState.FAILED)
        stored = TopUpRefundState.PENDING if failure_code else state
        wait = 0.0 if failure_code else FIRST_LOOK_SECONDS
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(
                _SQL["told"], refund.company, refund.id, provider_refund or None, stored, failure_code, wait
            )
            if row is not None and stored is TopUpRefundState.SUCCEEDED:
                await notices.tell(connection, _notice(refund))
        return await self.get(refund.company, refund.id)

    async def returned(self, refund: TopUpRefund, number: int) -> TopUpRefund:
        """Record the entry that put the money back; what was reserved is free again. Return the refund, FAILED."""
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["returned"], refund.company, refund.id, number)
            if row is not None and row["reserved"]:
                await connection.execute(_SQL["reserve"], refund.company, row["top_up_id"], -row["amount"])
        return await self.get(refund.company, refund.id)

    async def claim_due(self, limit: int) -> list[TopUpRefund]:
        """Return up to `limit` refunds that are to be looked at, each to one caller for a while."""
        async with autocommitting(self._pool) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, FIRST_LOOK_SECONDS, LOOK_SECONDS_MAX)
        return [_refund_of(row) for row in rows]


async def _refundable(connection: Connection, order: NewTopUpRefund, top_up: asyncpg.Record) -> int:
    """Return how much goes back. Raises TopUpNotRefundable."""
    left = (top_up["cleared"] or 0) - top_up["refunded"]
    if (
        top_up["method"] not in _BY_CARD
        or top_up["payment"] is None
        or top_up["state"] != TopUpState.SUCCEEDED
        or await connection.fetchval(_SQL["taken_back"], order.company, order.top_up)
    ):
        left = 0
    amount = left if order.amount is None else order.amount
    if not 0 < amount <= left:
        raise TopUpNotRefundable(order.top_up, refundable=left, required=amount)
    return amount


def _notice(refund: TopUpRefund) -> Notice:
    return Notice(
        refund.company,
        f"top-up-refunded-{refund.id}",
        EventType.TOP_UP_REFUNDED,
        {
            "top_up": TOP_UP.name(refund.company, refund.top_up),
            "top_up_refund": TOP_UP_REFUND.name(refund.company, refund.id),
            "amount_micros": refund.amount,
            "currency_code": refund.currency,
            "reason": refund.reason,
        },
        "top_up_refunded",
        {"amount": format_money(refund.amount, refund.currency)},
    )


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
