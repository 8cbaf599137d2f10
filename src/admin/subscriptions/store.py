"""Subscriptions in Postgres. A change is saved with its notices, if the version is still the one it was made from."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from admin.notices import store as notices
from admin.notices.domain import Notice
from admin.subscriptions.domain import NewSubscription, Subscription, SubscriptionState, Terms
from admin.subscriptions.periods import Schedule, Unit
from admin.subscriptions.transitions import TAKEOVER_SECONDS
from wallet.domain.entries import WalletState
from wallet.domain.errors import (
    CompanyClosed,
    CompanyNotFound,
    IdempotencyKeyReused,
    SubscriptionNotFound,
)
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of, usage_of
from wallet.ledger.transactions import autocommitting, reading, writing

_SQL = load(__name__, SubscriptionState)


class Subscriptions:
    """The subscriptions of all companies. Every method may raise LedgerUnavailable."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def now(self) -> int:
        """Return Postgres's time, the same for all processes, in microseconds since the epoch."""
        async with reading(self._pool) as connection:
            now: int = await connection.fetchval(_SQL["now"])
        return now

    async def find(self, company: str, subscription: str) -> Subscription | None:
        """Return a subscription, or None if there is none."""
        async with reading(self._pool) as connection:
            return await _find(connection, company, subscription)

    async def get(self, company: str, subscription: str) -> Subscription:
        """Return a subscription. Raises SubscriptionNotFound."""
        found = await self.find(company, subscription)
        if found is None:
            raise SubscriptionNotFound(subscription)
        return found

    async def create(self, new: NewSubscription, now: int) -> Subscription:
        """Store a subscription, or return the one that the same request has created before.

        It is due for a worker when its first period begins. If that is at once, the creating request charges it, and a
        worker only if the request has not after TAKEOVER_SECONDS. Raises CompanyNotFound, CompanyClosed,
        IdempotencyKeyReused.
        """
        async with autocommitting(self._pool) as connection:
            found = await _find(connection, new.company, new.id)
            if found is None:
                await _check_open(connection, new.company)
                schedule, at_once = new.schedule(now), new.starts_at is None
                due_at = now + TAKEOVER_SECONDS * 1_000_000 if at_once else schedule.origin_at
                terms = _arguments(new.terms)
                calendar = schedule.unit, schedule.count, schedule.anchor_day, schedule.origin_at
                await connection.fetchval(
                    _SQL["insert"], new.company, new.id, new.fingerprint, *terms, *calendar, at_once, due_at
                )
                found = await _find(connection, new.company, new.id)
        assert found is not None, "subscriptions are never deleted"
        if found.fingerprint != new.fingerprint:
            raise IdempotencyKeyReused(new.id)
        return found

    async def list_subscriptions(
        self, *, company: str = "", state: SubscriptionState | None = None, after: int, limit: int
    ) -> list[Subscription]:
        """Return up to `limit` subscriptions with serials above `after`, oldest first.

        Only those of `company` and in `state`; "" and None: of all companies, in any state.
        """
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["list"], company or None, state, after, limit)
        return [_subscription_of(row) for row in rows]

    async def due(self, now: int, after: tuple[int, int], limit: int) -> list[Subscription]:
        """Return up to `limit` due subscriptions after a position, in the order of `(due_at, serial)`."""
        async with reading(self._pool) as connection:
            rows = await connection.fetch(_SQL["due"], now, *after, limit)
        return [_subscription_of(row) for row in rows]

    async def save(
        self, before: Subscription, after: Subscription, to_publish: Sequence[Notice] = ()
    ) -> Subscription | None:
        """Save a change and publish its notices, in one transaction. Return the subscription as saved.

        Return None, without a change, if the stored version is no longer that of `before`.
        """
        schedule = after.schedule
        values = (
            after.state,
            *_arguments(after.terms),
            schedule.anchor_day,
            schedule.origin_at,
            schedule.first,
            after.charged,
            after.period_starts_at,
            after.period_ends_at,
            after.last_number,
            after.due_at,
            after.past_due_at,
            after.declines,
            after.declined,
            after.resumed_at,
            after.cancel_at_period_end,
            after.canceled_at,
            after.starts_at,
        )
        async with writing(self._pool) as connection:
            version = await connection.fetchval(_SQL["save"], before.company, before.id, before.version, *values)
            if version is None:
                return None
            for notice in to_publish:
                await notices.publish(connection, notice)
            return await _find(connection, before.company, before.id)


async def _check_open(connection: Connection, company: str) -> None:
    row = await connection.fetchrow(_SQL["wallet"], company)
    if row is None:
        raise CompanyNotFound(company)
    if row["state"] == WalletState.CLOSED:
        raise CompanyClosed(company)


async def _find(connection: Connection, company: str, subscription: str) -> Subscription | None:
    row = await connection.fetchrow(_SQL["get"], company, subscription)
    return None if row is None else _subscription_of(row)


def _arguments(terms: Terms) -> tuple[Any, ...]:
    """Return the columns of terms, from display_name to grace_seconds."""
    usage = terms.usage
    return (
        terms.display_name,
        usage.channel,
        usage.variant,
        terms.number,
        usage.country,
        usage.quantity,
        usage.campaign_id,
        usage.contact_id,
        terms.amount,
        terms.grace_seconds,
    )


def _subscription_of(row: asyncpg.Record) -> Subscription:
    return struct_of(
        row,
        Subscription,
        company=row["company_id"],
        id=row["subscription_id"],
        terms=struct_of(row, Terms, usage=usage_of(row)),
        schedule=Schedule(
            Unit(row["period_unit"]),
            row["period_count"],
            row["origin_at"],
            row["anchor_day"],
            row["first_period"],
        ),
    )
