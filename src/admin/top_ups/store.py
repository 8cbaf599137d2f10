"""Top-ups in Postgres."""

from secrets import choice

import asyncpg

from admin.notices import store as notices
from admin.top_ups import notices as top_up_notices
from admin.top_ups.domain import (
    RECONCILE_SECONDS_MAX,
    RECONCILE_SECONDS_MIN,
    NewTopUp,
    PaidWith,
    TopUp,
    TopUpMethod,
    TopUpState,
)
from wallet import metrics
from wallet.domain.entries import Entry, WalletState
from wallet.domain.errors import (
    Applied,
    CompanyClosed,
    CompanyNotFound,
    CurrencyMismatch,
    IdempotencyKeyReused,
    LedgerUnavailable,
    TopUpNotFound,
)
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import micros_of, struct_of
from wallet.ledger.transactions import autocommitting, reading, writing

_SQL = load(__name__, TopUpMethod, TopUpState)
_REFERENCE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Letters and digits that are not mistaken for each other."""
_REFERENCE_LENGTH = 12


class TopUpRecords:
    """Every method raises LedgerUnavailable if Postgres does not answer; a change may still have been made."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def create(self, order: NewTopUp) -> tuple[TopUp, bool]:
        """Create a top-up, PENDING, or return the existing one; the second value says whether it is new.

        Raises CompanyNotFound, CompanyClosed, CurrencyMismatch; IdempotencyKeyReused if the id belongs to another
        request.
        """
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["get"], order.company, order.id)
            if row is None:
                await _check_new(connection, order)
                row = await _insert(connection, order)
                if row is not None:
                    return _top_up_of(row), True
                row = await connection.fetchrow(_SQL["get"], order.company, order.id)
        if row is None:
            # A concurrent attempt of the same request was declined and withdrawn at this moment.
            raise LedgerUnavailable("another request under the key is under way", applied=Applied.NO)
        if row["fingerprint"] != order.fingerprint:
            raise IdempotencyKeyReused(order.id)
        return _top_up_of(row), False

    async def get(self, company: str, top_up: str) -> TopUp:
        """Return a top-up. Raises TopUpNotFound."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["get"], company, top_up)
        if row is None:
            raise TopUpNotFound(top_up)
        return _top_up_of(row)

    async def of_payment(self, payment: str) -> TopUp | None:
        """Return the top-up that has a payment of the provider, if that is recorded."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["of_payment"], payment)
        return None if row is None else _top_up_of(row)

    async def of_reference(self, payment_reference: str) -> TopUp | None:
        """Return the bank transfer that has this payment reference, if there is one."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["of_reference"], payment_reference)
        return None if row is None else _top_up_of(row)

    async def page(
        self, company: str, *, state: TopUpState | None, method: TopUpMethod | None, before: int, limit: int
    ) -> list[TopUp]:
        """Return up to `limit` top-ups with serials below `before`, newest first, of a state and a method if given."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["list"], company, state, method, before, limit)
        return [_top_up_of(row) for row in rows]

    async def record_state(
        self,
        top_up: TopUp,
        state: TopUpState,
        *,
        payment: str = "",
        paid_with: PaidWith | None = None,
        failure: tuple[str, str] = ("", ""),
    ) -> TopUp:
        """Record the state of a top-up that is not paid; return it as it is then: it may have been paid meanwhile.

        `failure` is a code and a text. The company is notified of a failure.
        """
        brand, last4 = (paid_with.brand, paid_with.last4) if paid_with else (None, None)
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(
                _SQL["record_state"], top_up.company, top_up.id, payment or None, state, brand, last4, *failure
            )
            if row is not None and state is TopUpState.FAILED:
                await notices.publish(connection, top_up_notices.failed(_top_up_of(row)))
        return await self.get(top_up.company, top_up.id) if row is None else _counted(_top_up_of(row))

    async def pin(
        self,
        top_up: TopUp,
        amount: int,
        *,
        payment: str = "",
        paid_with: PaidWith | None = None,
        reference: str = "",
    ) -> TopUp:
        """Record the amount received; return the top-up as it is then: the first amount stays."""
        brand, last4 = (paid_with.brand, paid_with.last4) if paid_with else (None, None)
        pinned = amount, payment or None, brand, last4, reference or None, RECONCILE_SECONDS_MIN
        async with autocommitting(self._pool) as connection:
            row = await connection.fetchrow(_SQL["pin"], top_up.company, top_up.id, *pinned)
        return await self.get(top_up.company, top_up.id) if row is None else _top_up_of(row)

    async def attach_payment(self, top_up: TopUp, payment: str) -> TopUp:
        """Record the payment of a transfer that staff confirmed; return the top-up as it is then: the first stays."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["attach_payment"], top_up.company, top_up.id, payment)
        return await self.get(top_up.company, top_up.id)

    async def record_second_payment(
        self, top_up: TopUp, payment: str, amount: int, *, paid_with: PaidWith | None
    ) -> None:
        """Record another payment of a top-up that has one, before it is credited."""
        brand, last4 = (paid_with.brand, paid_with.last4) if paid_with else (None, None)
        async with autocommitting(self._pool) as connection:
            await connection.execute(
                _SQL["record_second_payment"], top_up.company, top_up.id, payment, amount, brand, last4
            )

    async def record_second_credit(self, payment: str, entry: Entry) -> None:
        """Record the entry that credits a second payment."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["record_second_credit"], payment, entry.number)

    async def withdraw(self, top_up: TopUp) -> None:
        """Delete a METHOD_MANUAL that the ledger declined, so that the same request may succeed later."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["withdraw"], top_up.company, top_up.id)

    async def succeed(self, top_up: TopUp, entry: Entry) -> TopUp:
        """Record the entry that credits a top-up, and notify the company, once; return the top-up as it is then."""
        ended = top_up.company, top_up.id, entry.number, entry.balance_after
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["succeed"], *ended)
            if row is None and top_up.method is TopUpMethod.MANUAL:
                # A concurrent attempt may have been declined and withdrawn meanwhile.
                await _insert(connection, _new_top_up_of(top_up))
                row = await connection.fetchrow(_SQL["succeed"], *ended)
            if row is not None:
                await notices.publish(connection, top_up_notices.succeeded(_top_up_of(row)))
        return await self.get(top_up.company, top_up.id) if row is None else _counted(_top_up_of(row))

    async def claim_due(self, limit: int) -> list[TopUp]:
        """Claim up to `limit` pending top-ups that are due; a claimed one is not due again for a while."""
        async with autocommitting(self._pool) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, RECONCILE_SECONDS_MIN, RECONCILE_SECONDS_MAX)
        return [_top_up_of(row) for row in rows]


async def _insert(connection: Connection, order: NewTopUp) -> asyncpg.Record | None:
    """Insert a top-up; return None if its id is taken."""
    return await connection.fetchrow(
        _SQL["insert"],
        order.company,
        order.id,
        order.fingerprint,
        order.method,
        order.amount,
        order.currency,
        order.reference,
        order.requested_by,
        order.automatic,
        order.card,
        order.save_card,
        _payment_reference() if order.method is TopUpMethod.BANK_TRANSFER else "",
        RECONCILE_SECONDS_MIN,
    )


def _new_top_up_of(top_up: TopUp) -> NewTopUp:
    return NewTopUp(
        top_up.company,
        top_up.id,
        top_up.fingerprint,
        top_up.method,
        top_up.amount,
        top_up.currency,
        reference=top_up.reference,
        requested_by=top_up.requested_by,
    )


async def _check_new(connection: Connection, order: NewTopUp) -> None:
    """Raise the error that forbids a new top-up, if any; see TopUpRecords.create."""
    wallet = await connection.fetchrow(_SQL["wallet"], order.company)
    if wallet is None:
        raise CompanyNotFound(order.company)
    recorded = await connection.fetchval(_SQL["key_of"], order.company, order.id)
    if recorded is not None:
        if order.method is TopUpMethod.MANUAL and recorded == order.fingerprint:
            return  # It is credited already, and the state of the company does not matter any more.
        raise IdempotencyKeyReused(order.id)
    if wallet["currency"] != order.currency:
        raise CurrencyMismatch(wallet=wallet["currency"], given=order.currency)
    if wallet["state"] == WalletState.CLOSED:
        raise CompanyClosed(order.company)


def _counted(changed: TopUp) -> TopUp:
    """Count a top-up if it has ended; called after the transaction is committed."""
    if not changed.state.under_way:
        metrics.top_ups_ended.labels(changed.method.name.lower(), changed.state.name.lower()).inc()
    return changed


def _payment_reference() -> str:
    letters = "".join(choice(_REFERENCE_LETTERS) for _ in range(_REFERENCE_LENGTH))
    return f"VC-{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def _top_up_of(row: asyncpg.Record) -> TopUp:
    return struct_of(
        row,
        TopUp,
        company=row["company_id"],
        id=row["top_up_id"],
        payment=row["payment"] or "",
        paid_with=None if row["card_brand"] is None else PaidWith(row["card_brand"], row["card_last4"]),
        now=micros_of(row["read_at"]),
    )
