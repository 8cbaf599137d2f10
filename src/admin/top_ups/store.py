"""Top-ups in Postgres, and who companies are to the payment provider."""

from secrets import choice

import asyncpg

from admin.notices import store as notices
from admin.notices.domain import EventType, Notice
from admin.top_ups.domain import (
    FIRST_LOOK_SECONDS,
    LOOK_SECONDS_MAX,
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
from wallet.domain.money import format_money
from wallet.domain.resource_names import TOP_UP, TRANSACTION
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import micros_of, struct_of
from wallet.ledger.transactions import autocommitting, reading, writing

_SQL = load(__name__, TopUpMethod, TopUpState)
_REFERENCE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""None that are taken for another one."""
_REFERENCE_LENGTH = 12


class TopUpRecords:
    """Every method raises LedgerUnavailable where Postgres does not answer; a change may have been made even so."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def create(self, order: NewTopUp) -> tuple[TopUp, bool]:
        """Make a top-up, PENDING, or return the one that there is; and say whether it is new.

        Raises CompanyNotFound, CompanyClosed, CurrencyMismatch; IdempotencyKeyReused where the id is another request's.
        """
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["get"], order.company, order.id)
            if row is None:
                await _check(connection, order)
                row = await _insert(connection, order)
                if row is not None:
                    return _top_up_of(row), True
                row = await connection.fetchrow(_SQL["get"], order.company, order.id)
        if row is None:
            # It was withdrawn at this moment: another try of the same was declined.
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
        """Return the top-up that a provider's payment belongs to, if it is known."""
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
        """Return up to `limit` top-ups with serials below `before`, newest first: those for which holds what is set."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["list"], company, state, method, before, limit)
        return [_top_up_of(row) for row in rows]

    async def told(
        self,
        top_up: TopUp,
        state: TopUpState,
        *,
        payment: str = "",
        paid_with: PaidWith | None = None,
        failure: tuple[str, str] = ("", ""),
    ) -> TopUp:
        """Record where a top-up is that has not come in; return it as it is then: it may have come in meanwhile.

        `failure` is a code and a text. People and programs are told of an end that they did not wait for.
        """
        brand, last4 = (paid_with.brand, paid_with.last4) if paid_with else (None, None)
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(
                _SQL["told"], top_up.company, top_up.id, payment or None, state, brand, last4, *failure
            )
            if row is not None and state is TopUpState.FAILED:
                await notices.tell(connection, _failed_notice(_top_up_of(row)))
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
        """Record that money came in and how much; return the top-up as it is then: the first amount stays."""
        brand, last4 = (paid_with.brand, paid_with.last4) if paid_with else (None, None)
        pinned = amount, payment or None, brand, last4, reference or None, FIRST_LOOK_SECONDS
        async with autocommitting(self._pool) as connection:
            row = await connection.fetchrow(_SQL["pin"], top_up.company, top_up.id, *pinned)
        return await self.get(top_up.company, top_up.id) if row is None else _top_up_of(row)

    async def attach(self, top_up: TopUp, payment: str) -> TopUp:
        """Record which payment it is that people confirmed; return the top-up as it is then: the first one stays."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["attach"], top_up.company, top_up.id, payment)
        return await self.get(top_up.company, top_up.id)

    async def withdraw(self, top_up: TopUp) -> None:
        """Forget a METHOD_MANUAL that the ledger declined: a decline is an answer, not a record."""
        async with autocommitting(self._pool) as connection:
            await connection.execute(_SQL["withdraw"], top_up.company, top_up.id)

    async def succeed(self, top_up: TopUp, entry: Entry) -> TopUp:
        """Record the entry that credits a top-up, and tell the company, once."""
        ended = top_up.company, top_up.id, entry.number, entry.balance_after
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["succeed"], *ended)
            if row is None and top_up.method is TopUpMethod.MANUAL:
                # Another try may have been declined meanwhile, and withdrawn.
                await _insert(connection, _order_of(top_up))
                row = await connection.fetchrow(_SQL["succeed"], *ended)
            if row is not None:
                await notices.tell(connection, _succeeded_notice(_top_up_of(row)))
        return await self.get(top_up.company, top_up.id) if row is None else _counted(_top_up_of(row))

    async def claim_due(self, limit: int) -> list[TopUp]:
        """Return up to `limit` top-ups under way that are to be looked at, each to one caller for a while."""
        async with autocommitting(self._pool) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, FIRST_LOOK_SECONDS, LOOK_SECONDS_MAX)
        return [_top_up_of(row) for row in rows]

    async def customer(self, company: str) -> str:
        """Return who a company is to the provider; empty: it was never there."""
        async with reading(self._pool) as connection:
            return await connection.fetchval(_SQL["customer"], company) or ""

    async def add_customer(self, company: str, customer: str) -> str:
        """Remember who a company is to the provider; return who it is: the first one stays."""
        async with autocommitting(self._pool) as connection:
            return str(await connection.fetchval(_SQL["add_customer"], company, customer))


async def _insert(connection: Connection, order: NewTopUp) -> asyncpg.Record | None:
    """Insert a top-up; return None where its id is taken."""
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
        FIRST_LOOK_SECONDS,
    )


def _order_of(top_up: TopUp) -> NewTopUp:
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


async def _check(connection: Connection, order: NewTopUp) -> None:
    """Raise what stands in the way of a top-up that there is not yet."""
    wallet = await connection.fetchrow(_SQL["wallet"], order.company)
    if wallet is None:
        raise CompanyNotFound(order.company)
    recorded = await connection.fetchval(_SQL["key_of"], order.company, order.id)
    if recorded is not None:
        if order.method is TopUpMethod.MANUAL and recorded == order.fingerprint:
            return  # Its entry is the answer, whatever is true by now.
        raise IdempotencyKeyReused(order.id)
    if wallet["currency"] != order.currency:
        raise CurrencyMismatch(wallet=wallet["currency"], given=order.currency)
    if wallet["state"] == WalletState.CLOSED:
        raise CompanyClosed(order.company)


def _counted(changed: TopUp) -> TopUp:
    """Count a top-up that has come to an end, once it is committed that it has."""
    if not changed.state.under_way:
        metrics.top_ups_ended.labels(changed.method.name.lower(), changed.state.name.lower()).inc()
    return changed


def _payment_reference() -> str:
    letters = "".join(choice(_REFERENCE_LETTERS) for _ in range(_REFERENCE_LENGTH))
    return f"VC-{letters[:4]}-{letters[4:8]}-{letters[8:]}"


def _data(top_up: TopUp) -> dict[str, str | int]:
    return {
        "top_up": TOP_UP.name(top_up.company, top_up.id),
        "amount_micros": top_up.amount if top_up.cleared is None else top_up.cleared,
        "currency_code": top_up.currency,
        "method": f"METHOD_{top_up.method.name}",
    }


def _succeeded_notice(top_up: TopUp) -> Notice:
    assert top_up.cleared is not None
    assert top_up.balance_after is not None
    assert top_up.entry_number is not None
    return Notice(
        top_up.company,
        f"top-up-succeeded-{top_up.id}",
        EventType.TOP_UP_SUCCEEDED,
        {**_data(top_up), "transaction": TRANSACTION.name(top_up.company, top_up.entry_number)},
        # Whoever pays by card sees at once that it worked; a transfer takes days.
        "top_up_received" if top_up.method is TopUpMethod.BANK_TRANSFER else "",
        {
            "amount": format_money(top_up.cleared, top_up.currency),
            "balance": format_money(top_up.balance_after, top_up.currency),
            "payment_reference": top_up.payment_reference,
        },
    )


def _failed_notice(top_up: TopUp) -> Notice:
    return Notice(
        top_up.company,
        f"top-up-failed-{top_up.id}",
        EventType.TOP_UP_FAILED,
        {**_data(top_up), "failure_code": top_up.failure_code},
        "top_up_failed" if top_up.method is TopUpMethod.BANK_TRANSFER else "",
        {
            "amount": format_money(top_up.amount, top_up.currency),
            "payment_reference": top_up.payment_reference,
            "why": top_up.failure_message,
        },
    )


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
