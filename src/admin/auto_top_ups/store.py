"""The rules of automatic top-ups in Postgres.

Locks are taken in this order: the wallet's row, the rule's, a firing's. A wallet is loaded with the threshold of its
rule whether the rule is paused or not, so that pausing and resuming do not reload it; a signal of a paused rule costs
one query.
"""

from datetime import datetime

import asyncpg

from admin.auto_top_ups import notices as auto_top_up_notices
from admin.auto_top_ups.domain import (
    AutoTopUp,
    AutoTopUpChange,
    AutoTopUpTerms,
    FiringState,
    PauseReason,
    RuleState,
    apply_change,
    top_up_id,
)
from admin.notices import store as notices
from wallet.domain.entries import WalletState
from wallet.domain.errors import AutoTopUpNotFound, CompanyClosed, CompanyNotFound
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import Row, micros_of, struct_of
from wallet.ledger.transactions import reading, writing

_SQL = load(__name__, FiringState, RuleState)


class AutoTopUps:
    """Creates, reads, changes, pauses and deletes rules.

    Every method raises LedgerUnavailable if Postgres does not answer; a change may still have been made.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def get(self, company: str) -> AutoTopUp:
        """Return a company's rule. Raises AutoTopUpNotFound."""
        async with reading(self._pool) as connection:
            return await _get(connection, company)

    async def put(self, company: str, change: AutoTopUpChange) -> AutoTopUp:
        """Change a company's rule, or create it, which requires threshold, amount and payment method.

        A rule that waits stops waiting. Raises CompanyNotFound, CompanyClosed; AutoTopUpNotFound if there is none and a
        required term is missing.
        """
        async with writing(self._pool) as connection:
            await _lock_open_wallet(connection, company)
            row = await connection.fetchrow(_SQL["lock"], company)
            before = None if row is None else terms_of(row)
            terms = apply_change(before, change)
            if terms is None:
                raise AutoTopUpNotFound(company)
            await connection.execute(
                _SQL["put"],
                company,
                terms.threshold,
                terms.amount,
                terms.payment_method,
                terms.day_amount_max,
                terms.month_amount_max,
                terms.day_count_max,
                terms.month_count_max,
            )
            if before is None or before.threshold != terms.threshold:
                await connection.execute(_SQL["fence"], company)
            return await _get(connection, company)

    async def pause_by_request(self, company: str) -> AutoTopUp:
        """Pause a company's rule; a top-up that is in flight continues. Raises AutoTopUpNotFound."""
        async with writing(self._pool) as connection:
            await self.pause(connection, company, PauseReason.REQUESTED)
            return await _get(connection, company)

    @staticmethod
    async def pause(connection: Connection, company: str, reason: PauseReason) -> bool:
        """Pause a company's rule in the caller's transaction, and notify the company.

        Return False if there is none, or it is paused already; a dispute replaces another reason. It locks no
        wallet's row, so it may be called at any point of a transaction.
        """
        row = await connection.fetchrow(_SQL["lock"], company)
        if row is None:
            return False
        before = row["pause_reason"]
        if before is not None and (reason is not PauseReason.DISPUTE or before == reason):
            return False
        pause = await connection.fetchval(_SQL["pause"], company, reason)
        await notices.publish(connection, auto_top_up_notices.paused(company, pause, reason))
        return True

    async def pause_for_dispute(self, company: str) -> None:
        """Pause a company's rule, if there is one, because of a dispute; a repeated call changes nothing."""
        async with writing(self._pool) as connection:
            await self.pause(connection, company, PauseReason.DISPUTE)

    async def resume(self, company: str) -> AutoTopUp:
        """Resume a paused rule, without declines and without waiting.

        Raises CompanyNotFound, CompanyClosed, AutoTopUpNotFound.
        """
        async with writing(self._pool) as connection:
            await _lock_open_wallet(connection, company)
            await connection.execute(_SQL["resume"], company)
            return await _get(connection, company)

    async def delete(self, company: str) -> None:
        """Delete a rule; a top-up that is in flight continues. Raises AutoTopUpNotFound."""
        async with writing(self._pool) as connection:
            await connection.execute(_SQL["lock_wallet"], company)
            if await connection.execute(_SQL["delete"], company) == "DELETE 0":
                raise AutoTopUpNotFound(company)
            await connection.execute(_SQL["fence"], company)


def terms_of(row: Row) -> AutoTopUpTerms:
    """Return the terms in a row of `auto_top_ups`."""
    return struct_of(row, AutoTopUpTerms)


async def _lock_open_wallet(connection: Connection, company: str) -> None:
    """Lock the row of a wallet that is not closed. Raises CompanyNotFound, CompanyClosed."""
    state = await connection.fetchval(_SQL["lock_wallet"], company)
    if state is None:
        raise CompanyNotFound(company)
    if state == WalletState.CLOSED:
        raise CompanyClosed(company)


async def _get(connection: Connection, company: str) -> AutoTopUp:
    row = await connection.fetchrow(_SQL["get"], company)
    if row is None:
        raise AutoTopUpNotFound(company)
    return struct_of(
        row,
        AutoTopUp,
        company=company,
        terms=terms_of(row),
        paused_at=_micros(row["paused_at"]),
        waits_until=_micros(row["wait_until"]),
        in_flight="" if row["in_flight"] is None else top_up_id(row["in_flight"]),
    )


def _micros(time: datetime | None) -> int:
    return 0 if time is None else micros_of(time)
