"""Subscriptions for tests, with defaults for what a test does not care about."""

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


def parse_time(text: str) -> int:
    """Return a UTC time such as "2027-01-31" or "2027-01-31T12:30" in microseconds since the epoch."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


def new_subscription(
    subscription: str = "line",
    *,
    company: str = "acme",
    unit: Unit = Unit.MONTH,
    count: int = 1,
    anchor_day: int = 0,
    starts_at: int | None = None,
    **terms: Any,
) -> NewSubscription:
    """Return a request for a subscription: a number for PRICE a month, with a week's grace by default."""
    values: dict[str, Any] = {
        "display_name": "",
        "usage": NUMBER,
        "number": "",
        "amount": PRICE,
        "grace_seconds": 7 * 86_400,
        **terms,
    }
    request_fingerprint = fingerprint(subscription, company, unit, count, anchor_day, starts_at, values)
    return NewSubscription(
        company, subscription, request_fingerprint, Terms(**values), unit, count, anchor_day, starts_at
    )


async def run_worker(wallets: Wallets, now: int) -> int:
    """Run a worker once at a time; return how many periods it charged."""
    return await SubscriptionWorker(wallets.subscriptions, wallets.lifecycle).run_once(now)


async def read_subscription(wallets: Wallets, subscription: str = "line", company: str = "acme") -> Subscription:
    """Return a subscription as it is stored."""
    return await wallets.subscriptions.get(company, subscription)


async def balance_of(wallets: Wallets, company: str = "acme") -> int:
    """Return a company's balance in the ledger, in micros."""
    return (await wallets.reader.wallet(company)).balance


async def charge_keys(database: asyncpg.Connection, prefix: str = "~sub:") -> list[str]:
    """Return the idempotency keys of the charges of subscriptions, in the order of the ledger."""
    rows = await database.fetch(
        "SELECT idempotency_key FROM entries WHERE starts_with(idempotency_key, $1) ORDER BY company_id, number", prefix
    )
    return [row["idempotency_key"] for row in rows]


async def event_types(database: asyncpg.Connection) -> list[str]:
    """Return the types of all events, in order."""
    return [row["type"] for row in await database.fetch("SELECT type FROM events ORDER BY serial")]


async def mail_templates(database: asyncpg.Connection) -> list[str]:
    """Return the templates of all mails, in order."""
    return [row["template"] for row in await database.fetch("SELECT template FROM mails ORDER BY serial")]
