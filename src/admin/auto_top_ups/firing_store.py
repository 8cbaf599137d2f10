"""What automatic top-ups are begun, and how they end.

A firing is put here before anything is asked of anybody, under the lock of its rule's row: so two workers at once begin
one, and whoever dies afterwards leaves what another continues, under the same name. Its end is written under the same
lock, with what follows from it: a decline makes the rule wait, or pauses it, once.
"""

from collections.abc import Sequence

import asyncpg

from admin.auto_top_ups import notices as words
from admin.auto_top_ups.domain import (
    AUTHENTICATION_SECONDS,
    DECLINE_BACKOFF,
    OUTCOME_BACKOFF,
    Added,
    Decision,
    Firing,
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
"""How long a firing is left to who works on it."""

_SQL = load(__name__, FiringState, RuleState, WalletState)
_RULES = load("admin.auto_top_ups.store", FiringState, RuleState)


class AutoTopUpFirings:
    """Time is Postgres's. Every method raises LedgerUnavailable; a change may have been made all the same."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def wanting(self, after: str, limit: int) -> list[str]:
        """Return up to `limit` companies, by id from `after` on, that are to be topped up."""
        async with reading(self._pool) as connection:
            return [row["company_id"] for row in await connection.fetch(_SQL["wanting"], after, limit)]

    async def wanting_among(self, companies: Sequence[str]) -> list[str]:
        """Return those of `companies` that are to be topped up."""
        if not companies:
            return []
        async with reading(self._pool) as connection:
            return [row["company_id"] for row in await connection.fetch(_SQL["wanting_among"], companies)]

    async def begin(self, company: str) -> Firing | None:
        """Begin a top-up where the company is to have one now; return it, or None.

        Where a bound is reached, or it would be a runaway, that is recorded and told instead.
        """
        async with writing(self._pool) as connection:
            rule = await connection.fetchrow(_RULES["lock"], company)
            if rule is None or rule["state"] != RuleState.ACTIVE:
                return None
            # A statement of its own: it sees what was committed before the lock was had.
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
            if decision is Decision.FIRE:
                asked = company, amount, found["currency"], terms.payment_method, CLAIM_SECONDS
                row = await connection.fetchrow(_SQL["begin"], *asked)
                assert row is not None
                firing = _firing_of(row)
                await notices.publish(connection, words.started(firing))
                return firing
            if decision is Decision.RUNAWAY:
                await AutoTopUps.pause(connection, company, PauseReason.RUNAWAY)
            else:
                await _wait(connection, company, decision, found)
            return None

    async def claim_due(self, limit: int) -> list[Firing]:
        """Claim up to `limit` firings that are in flight and that nobody works on: their outcome is to be asked for."""
        async with autocommitting(self._pool) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, CLAIM_SECONDS)
        return [_firing_of(row) for row in rows]

    async def no_answer(self, firing: Firing) -> None:
        """Ask again for a firing's outcome, ever later while there is none."""
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["lock"], firing.company, firing.number)
            assert row is not None
            tries = row["tries"] + 1
            # Where the bank waits for the customer there is no hurry.
            seconds = AUTHENTICATION_SECONDS if row["declined"] else OUTCOME_BACKOFF.delay(tries)
            await connection.execute(_SQL["ask_again"], firing.company, firing.number, tries, seconds)

    async def succeeded(self, firing: Firing) -> bool:
        """Record that it is paid; return False where its end was recorded before."""
        async with writing(self._pool) as connection:
            rule = await connection.fetchrow(_RULES["lock"], firing.company)
            row = await _in_flight(connection, firing)
            if row is None:
                return False
            ended = firing.company, firing.number, FiringState.SUCCEEDED, "", row["declined"]
            await connection.execute(_SQL["end"], *ended)
            if rule is not None:
                await connection.execute(_SQL["paid"], firing.company)
                first = not rule["confirmed"]
                await notices.publish(connection, words.succeeded(firing, rule["threshold"], first=first))
            return True

    async def failed(self, firing: Firing, code: str, *, decline: bool = True) -> bool:
        """Record that it failed, as by a declined card; return False where its end was recorded before.

        Without `decline` it was never begun, for a reason that is none of the card's.
        """
        async with writing(self._pool) as connection:
            rule = await connection.fetchrow(_RULES["lock"], firing.company)
            row = await _in_flight(connection, firing)
            if row is None:
                return False
            await connection.execute(_SQL["end"], firing.company, firing.number, FiringState.FAILED, code, decline)
            if decline and not row["declined"]:
                await _decline(connection, rule, firing, code)
            return True

    async def wants_customer(self, firing: Firing) -> bool:
        """Record that the card's bank wants the customer: a decline that may turn out well yet.

        Return False where that was recorded before.
        """
        async with writing(self._pool) as connection:
            rule = await connection.fetchrow(_RULES["lock"], firing.company)
            row = await _in_flight(connection, firing)
            if row is None or row["declined"]:
                return False
            code = words.AUTHENTICATION_REQUIRED
            waits = firing.company, firing.number, code, AUTHENTICATION_SECONDS
            await connection.execute(_SQL["mark_declined"], *waits)
            await _decline(connection, rule, firing, code)
            return True


async def _in_flight(connection: Connection, firing: Firing) -> asyncpg.Record | None:
    """Return a firing's row, locked, unless it has ended."""
    row = await connection.fetchrow(_SQL["lock"], firing.company, firing.number)
    return row if row is not None and row["state"] == FiringState.OPEN else None


async def _decline(connection: Connection, rule: asyncpg.Record | None, firing: Firing, code: str) -> None:
    """Count a decline.

    People are told of the first in a row, of the first because of which they must act themselves, and of the one that
    pauses the rule.
    """
    declines = 1 if rule is None else rule["declines"] + 1
    mail = declines == 1
    if not mail and code == words.AUTHENTICATION_REQUIRED:
        before = firing.company, firing.number, declines - 1, code
        mail = not await connection.fetchval(_SQL["told_to_authenticate"], *before)
    await notices.publish(connection, words.failed(firing, code, mail=mail))
    if rule is None:
        return
    seconds = DECLINE_BACKOFF.next_try(declines)
    await connection.execute(_SQL["declined"], firing.company, declines, seconds)
    if seconds is None:
        await AutoTopUps.pause(connection, firing.company, PauseReason.DECLINES)


async def _wait(connection: Connection, company: str, decision: Decision, found: asyncpg.Record) -> None:
    """Let a rule wait for the window that has room for it again."""
    by_day = decision is Decision.WAIT_FOR_DAY
    until = found["next_day" if by_day else "next_month"]
    await connection.execute(_SQL["wait"], company, until)
    window = f"day-{until:%Y-%m-%d}" if by_day else f"month-{until:%Y-%m}"
    await notices.publish(connection, words.limited(company, decision, window, f"{until:%Y-%m-%d} 00:00 UTC"))


def _firing_of(row: asyncpg.Record) -> Firing:
    return struct_of(row, Firing, company=row["company_id"])
