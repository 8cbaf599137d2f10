"""Events in Postgres: what happened to companies, and which of it is to be sent to their webhooks.

A claim says who sends a company's events for now, one after the other. It is over by itself: where a sender died,
another goes on, and where that one died after the receiver had the event, it is sent twice, under the same id. An event
is sent at least once.
"""

import json
from datetime import UTC, datetime
from secrets import token_hex

import asyncpg

from admin.notices import store as notices
from admin.notices.domain import Delivery, EventType, Notice
from admin.webhooks.domain import (
    ERROR_CHARACTERS_MAX,
    EVENT_BACKOFF,
    WEBHOOK_BACKOFF,
    Claim,
    Event,
    EventsWaiting,
    Parcel,
    WebhookState,
    is_to_be_paused,
)
from admin.webhooks.store import company_state
from wallet.domain.errors import Applied, EventNotFound, WebhookNotFound
from wallet.domain.resource_names import EVENT, WEBHOOK
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rows import struct_of
from wallet.ledger.transactions import autocommitting, reading, writing

_SQL = load(__name__, Delivery, WebhookState)


class Events:
    """Time is Postgres's. Every method raises LedgerUnavailable where it does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def get(self, company: str, serial: int) -> Event:
        """Return an event. Raises EventNotFound."""
        async with reading(self._pool) as connection:
            return await _get(connection, company, serial)

    async def page(self, company: str, before: int | None, delivery: Delivery | None, limit: int) -> list[Event]:
        """Return up to `limit` events, newest first, from below a serial on. Raises CompanyNotFound."""
        async with reading(self._pool) as connection:
            await company_state(connection, company)
            rows = await connection.fetch(_SQL["list"], company, before, delivery, limit)
        return [_event_of(row) for row in rows]

    async def test(self, company: str) -> Event:
        """Make an event that is sent now, whatever the webhook wants to know. Raises WebhookNotFound."""
        async with writing(self._pool) as connection:
            data = json.dumps({"message": "This is a test."})
            cause = f"webhook-test-{token_hex(8)}"
            serial = await connection.fetchval(_SQL["test"], company, cause, EventType.WEBHOOK_TEST.value, data)
            if serial is None:
                raise WebhookNotFound(company)
            await connection.execute(_SQL["wake"], company)
            return await _get(connection, company, serial)

    async def redeliver(self, company: str, serial: int) -> Event:
        """Have an event sent now, once more or at last. Raises EventNotFound, WebhookNotFound."""
        async with writing(self._pool) as connection:
            await _get(connection, company, serial)
            if not await connection.fetchval(_SQL["has_webhook"], company):
                raise WebhookNotFound(company)
            await connection.execute(_SQL["redeliver"], company, serial)
            await connection.execute(_SQL["wake"], company)
            return await _get(connection, company, serial)

    async def claim(self, limit: int, seconds: float) -> list[Claim]:
        """Claim up to `limit` companies that have events to be sent, for so many seconds."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, seconds)
        return [Claim(row["company_id"], row["claimed_until"]) for row in rows]

    async def next(self, claim: Claim) -> Parcel | None:
        """Return the first event of a company that is to be sent; None where there is none, or the claim is over."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["next"], claim.company, claim.until)
        if row is None:
            return None
        secrets = [secret for secret in (row["secret"], row["previous_secret"]) if secret]
        return struct_of(row, Parcel, company=claim.company, data=json.loads(row["data"]), secrets=secrets)

    async def delivered(self, parcel: Parcel) -> None:
        """Record that an event got through."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(_SQL["delivered"], parcel.company, parcel.serial)

    async def failed(self, claim: Claim, parcel: Parcel, error: str) -> Delivery:
        """Record a try in vain, which ends the claim: event and webhook rest. Return how the event stands.

        A webhook that has failed for long is paused, and its company told: in the same transaction, so once. Where the
        claim was over, whoever has it now records what he finds.
        """
        delay = EVENT_BACKOFF.next_try(parcel.failures + 1, parcel.age_seconds)
        rest = WEBHOOK_BACKOFF.delay(parcel.webhook_failures + 1)
        # What a server says may hold bytes that Postgres's text cannot.
        text = error.replace("\0", "")[:ERROR_CHARACTERS_MAX]
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["rest"], claim.company, claim.until, rest)
            if row is None:
                return Delivery.WAITING
            await connection.execute(_SQL["failed"], parcel.company, parcel.serial, delay, text)
            if is_to_be_paused(row["failures"], row["failing_seconds"]):
                await connection.execute(_SQL["pause"], claim.company)
                await notices.publish(connection, _paused(claim.company, row, text))
        return Delivery.GIVEN_UP if delay is None else Delivery.WAITING

    async def release(self, claim: Claim) -> None:
        """Give a claim up."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(_SQL["release"], claim.company, claim.until)

    async def waiting(self) -> EventsWaiting:
        """Return how many events are to be sent, to webhooks that take any, and how long the oldest has waited."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["waiting"])
        assert row is not None
        return EventsWaiting(row["events"], row["oldest_seconds"])


async def _get(connection: Connection, company: str, serial: int) -> Event:
    row = await connection.fetchrow(_SQL["get"], company, serial)
    if row is None:
        raise EventNotFound(EVENT.name(company, serial))
    return _event_of(row)


def _event_of(row: asyncpg.Record) -> Event:
    return struct_of(row, Event, company=row["company_id"], data=json.loads(row["data"]), error=row["error"] or "")


def _paused(company: str, row: asyncpg.Record, error: str) -> Notice:
    since = datetime.fromtimestamp(row["failing"] // 1_000_000, UTC)
    return Notice(
        company,
        f"webhook-paused-{row['failing']}",
        EventType.WEBHOOK_PAUSED,
        {"webhook": WEBHOOK.name(company), "failing_since_time": f"{since:%Y-%m-%dT%H:%M:%SZ}"},
        "webhook_paused",
        {"url": row["url"], "failing_since": f"{since:%Y-%m-%d %H:%M} UTC", "error": error},
    )
