"""Subscriptions for tests, with everything filled in that a test does not care about."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from admin.subscriptions.domain import NewSubscription, Subscription, Terms
from admin.subscriptions.periods import Unit
from admin.subscriptions.worker import SubscriptionWorker
from tests.support.builders import fingerprint
from tests.support.wallets import Wallets
from wallet.domain.usage import Channel, Usage

PRICE = 100
NUMBER = Usage(Channel.PHONE_NUMBER, "mobile", "DE", 1, "support", "carl")
DAY = 86_400_000_000
HOUR = DAY // 24


def at(text: str) -> int:
    """Return "2027-01-31" or "2027-01-31T12:30" in UTC, in microseconds since the epoch."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


def new(
    subscription: str = "line",
    *,
    company: str = "acme",
    unit: Unit = Unit.MONTH,
    count: int = 1,
    anchor_day: int = 0,
    starts_at: int | None = None,
    **terms: Any,
) -> NewSubscription:
    """Return a subscription that is asked for: a number for PRICE a month, with a week's grace."""
    values: dict[str, Any] = {
        "display_name": "",
        "usage": NUMBER,
        "number": "",
        "amount": PRICE,
        "grace_seconds": 7 * 86_400,
        **terms,
    }
    asked = fingerprint(subscription, company, unit, count, anchor_day, starts_at, values)
    return NewSubscription(company, subscription, asked, Terms(**values), unit, count, anchor_day, starts_at)


async def run(wallets: Wallets, now: int) -> int:
    """Let a worker do what is due at a time; return how many periods it charged."""
    return await SubscriptionWorker(wallets.subscriptions, wallets.renewals).run_once(now)


async def read(wallets: Wallets, subscription: str = "line", company: str = "acme") -> Subscription:
    """Return a subscription as it is recorded."""
    return await wallets.subscriptions.get(company, subscription)


async def keys(database: asyncpg.Connection, prefix: str = "~sub:") -> list[str]:
    """Return the keys of what was charged for subscriptions, in the order of the ledger."""
    rows = await database.fetch(
        "SELECT idempotency_key FROM entries WHERE starts_with(idempotency_key, $1) ORDER BY company_id, number", prefix
    )
    return [row["idempotency_key"] for row in rows]


async def told(database: asyncpg.Connection) -> list[str]:
    """Return the types of all events, in their order."""
    return [row["type"] for row in await database.fetch("SELECT type FROM events ORDER BY serial")]


async def mailed(database: asyncpg.Connection) -> list[str]:
    """Return the templates of all mails, in their order."""
    return [row["template"] for row in await database.fetch("SELECT template FROM mails ORDER BY serial")]
