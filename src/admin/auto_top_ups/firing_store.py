"""Firings of automatic top-ups in Postgres: how they begin, and how they end.

A firing is written before its top-up is created, under the lock of its rule's row: two concurrent workers begin one,
and after a crash another worker resumes it, with the same top-up. Its end is written under the same lock, together with
its consequences: a decline makes the rule wait, or pauses it, once.
"""

from collections.abc import Sequence

import asyncpg

from admin.auto_top_ups import notices as firing_notices
from admin.auto_top_ups.domain import (
    AUTHENTICATION_SECONDS,
    DECLINE_BACKOFF,
    OUTCOME_BACKOFF,
    Added,
    Firing,
    FiringDecision,
    FiringState,
    PauseReason,
    RuleState,
    decide,
)
from admin.auto_top_ups.store import AutoTopUps, terms_of
from admin.notices import store as notices
from wallet.domain.entries import WalletState
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of
from wallet.ledger.transactions import autocommitting, reading, writing

CLAIM_SECONDS = 20.0
"""How long a claimed firing is left to the worker that claimed it."""

_SQL = load(__name__, FiringState, RuleState, WalletState)
_RULES = load("admin.auto_top_ups.store", FiringState, RuleState)


class AutoTopUpFirings:
    """Times are Postgres's. Every method raises LedgerUnavailable; a change may still have been made."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def due_companies(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` companies, by id from `after` on, that are due for a top-up."""
        async with reading(self._pool) as connection:
            return [row["company_id"] for row in await connection.fetch(_SQL["due_companies"], after, limit)]

    async def due_among(self, companies: Sequence[str]) -> list[str]:
        """Return those of `companies` that are due for a top-up."""
        if not companies:
            return []
        async with reading(self._pool) as connection:
            return [row["company_id"] for row in await connection.fetch(_SQL["due_among"], companies)]

    async def begin(self, company: str) -> Firing | None:
        """Begin a firing if the company is due for a top-up now; return it, or None.

        If a bound is reached or it would be a runaway, that is recorded instead, and the company is notified.
        """
        async with writing(self._pool) as connection:
            rule = await connection.fetchrow(_RULES["lock"], company)
            if rule is None or rule["state"] != RuleState.ACTIVE:
                return None
            # A second statement, so that it sees what was committed before the lock was acquired.
            found = await connection.fetchrow(_SQL["standing"], company)
            assert found is not None, "a rule's wallet is never deleted"
            terms = terms_of(rule)
            if (
                found["wallet_state"] != WalletState.ACTIVE
                or found["in_flight"]
                or found["waits"]
                or found["available"] >= terms.threshold
            ):
                return None
            added = Added(found["day_amount"], found["day_count"], found["month_amount"], found["month_count"])
            decision, amount = decide(terms, found["available"], added)
            if decision is FiringDecision.FIRE:
                terms_fired = company, amount, found["currency"], terms.payment_method, CLAIM_SECONDS
                row = await connection.fetchrow(_SQL["begin"], *terms_fired)
                assert row is not None
                firing = _firing_of(row)
                await notices.publish(connection, firing_notices.started(firing))
                return firing
            if decision is FiringDecision.RUNAWAY:
                await AutoTopUps.pause(connection, company, PauseReason.RUNAWAY)
            else:
                await _wait_for_window(connection, company, decision, found)
            return None

    async def claim_due(self, limit: int) -> list[Firing]:
        """Claim up to `limit` open firings that no worker has claimed, in order to resume their top-ups."""
        async with autocommitting(self._pool) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, CLAIM_SECONDS)
        return [_firing_of(row) for row in rows]

    async def retry_later(self, firing: Firing) -> None:
        """Make a firing due again later, each time after a longer delay."""
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["lock"], firing.company, firing.number)
            assert row is not None
            tries = row["tries"] + 1
            # A bank that waits for the customer's authentication seldom answers soon.
            seconds = AUTHENTICATION_SECONDS if row["declined"] else OUTCOME_BACKOFF.delay(tries)
            await connection.execute(_SQL["retry_later"], firing.company, firing.number, tries, seconds)

    async def record_success(self, firing: Firing) -> bool:
        """Record that a firing's top-up succeeded; return False if its end was recorded before."""
        async with writing(self._pool) as connection:
            rule = await connection.fetchrow(_RULES["lock"], firing.company)
            row = await _lock_open(connection, firing)
            if row is None:
                return False
            ended = firing.company, firing.number, FiringState.SUCCEEDED, "", row["declined"]
            await connection.execute(_SQL["end"], *ended)
            if rule is not None:
                await connection.execute(_SQL["paid"], firing.company)
                first = not rule["confirmed"]
                await notices.publish(connection, firing_notices.succeeded(firing, rule["threshold"], first=first))
            return True

    async def record_failure(self, firing: Firing, code: str, *, decline: bool = True) -> bool:
        """Record that a firing's top-up failed with a code; return False if its end was recorded before.

        `decline` False means that no payment was begun, for a reason that says nothing about the card.
        """
        async with writing(self._pool) as connection:
            rule = await connection.fetchrow(_RULES["lock"], firing.company)
            row = await _lock_open(connection, firing)
            if row is None:
                return False
            await connection.execute(_SQL["end"], firing.company, firing.number, FiringState.FAILED, code, decline)
            if decline and not row["declined"]:
                await _decline(connection, rule, firing, code)
            return True

    async def record_authentication_required(self, firing: Firing) -> bool:
        """Record that the bank requires the customer's authentication: a decline that may still succeed.

        Return False if that was recorded before.
        """
        async with writing(self._pool) as connection:
            rule = await connection.fetchrow(_RULES["lock"], firing.company)
            row = await _lock_open(connection, firing)
            if row is None or row["declined"]:
                return False
            code = firing_notices.AUTHENTICATION_REQUIRED
            waits = firing.company, firing.number, code, AUTHENTICATION_SECONDS
            await connection.execute(_SQL["mark_declined"], *waits)
            await _decline(connection, rule, firing, code)
            return True


async def _lock_open(connection: Connection, firing: Firing) -> asyncpg.Record | None:
    """Return the row of a firing, locked, or None if its end is recorded."""
    row = await connection.fetchrow(_SQL["lock"], firing.company, firing.number)
    return row if row is not None and row["state"] == FiringState.OPEN else None


async def _decline(connection: Connection, rule: asyncpg.Record | None, firing: Firing, code: str) -> None:
    """Count a decline, and let the rule wait or pause it.

    A mail is sent about the first in a row, about the first that requires authentication, and about the pause.
    """
    declines = 1 if rule is None else rule["declines"] + 1
    mail = declines == 1
    if not mail and code == firing_notices.AUTHENTICATION_REQUIRED:
        before = firing.company, firing.number, declines - 1, code
        mail = not await connection.fetchval(_SQL["authentication_notified"], *before)
    await notices.publish(connection, firing_notices.failed(firing, code, mail=mail))
    if rule is None:
        return
    seconds = DECLINE_BACKOFF.next_try(declines)
    await connection.execute(_SQL["declined"], firing.company, declines, seconds)
    if seconds is None:
        await AutoTopUps.pause(connection, firing.company, PauseReason.DECLINES)


async def _wait_for_window(
    connection: Connection, company: str, decision: FiringDecision, found: asyncpg.Record
) -> None:
    """Let a rule wait for the next day or month."""
    by_day = decision is FiringDecision.WAIT_FOR_DAY
    until = found["next_day" if by_day else "next_month"]
    await connection.execute(_SQL["wait"], company, until)
    window = f"day-{until:%Y-%m-%d}" if by_day else f"month-{until:%Y-%m}"
    await notices.publish(connection, firing_notices.limited(company, decision, window, f"{until:%Y-%m-%d} 00:00 UTC"))


def _firing_of(row: asyncpg.Record) -> Firing:
    return struct_of(row, Firing, company=row["company_id"])
