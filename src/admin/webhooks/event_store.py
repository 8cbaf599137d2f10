"""Events in Postgres, and the state of their delivery to companies' webhooks.

A worker claims a company for a time, and sends its events one after the other. When the worker dies, its claim expires
and another worker continues; if the first one died after the receiver had accepted an event, that is sent twice, with
the same id. So an event is sent at least once.
"""

import json
from datetime import UTC, datetime
from secrets import token_hex

import asyncpg

from admin.notices import store as notices
from admin.notices.domain import Delivery, Notice
from admin.notices.event_types import EventType
from admin.webhooks.domain import (
    ERROR_CHARACTERS_MAX,
    EVENT_BACKOFF,
    WEBHOOK_BACKOFF,
    Claim,
    DueEvent,
    Event,
    EventBacklog,
    WebhookState,
    should_pause,
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
    """The events of all companies. Times are Postgres's. Every method may raise LedgerUnavailable."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool

    async def get(self, company: str, serial: int) -> Event:
        """Return an event. Raises EventNotFound."""
        async with reading(self._pool) as connection:
            return await _get(connection, company, serial)

    async def list_events(self, company: str, before: int | None, delivery: Delivery | None, limit: int) -> list[Event]:
        """Return up to `limit` events with serials below `before`, newest first. Raises CompanyNotFound."""
        async with reading(self._pool) as connection:
            await company_state(connection, company)
            rows = await connection.fetch(_SQL["list"], company, before, delivery, limit)
        return [_event_of(row) for row in rows]

    async def create_test_event(self, company: str) -> Event:
        """Make a test event that is due now, regardless of the webhook's event types. Raises WebhookNotFound."""
        async with writing(self._pool) as connection:
            data = json.dumps({"message": "This is a test."})
            cause = f"webhook-test-{token_hex(8)}"
            serial = await connection.fetchval(
                _SQL["insert_test_event"], company, cause, EventType.WEBHOOK_TEST.value, data
            )
            if serial is None:
                raise WebhookNotFound(company)
            await connection.execute(_SQL["make_due"], company)
            return await _get(connection, company, serial)

    async def redeliver(self, company: str, serial: int) -> Event:
        """Make an event due now, whatever its delivery state. Raises EventNotFound, WebhookNotFound."""
        async with writing(self._pool) as connection:
            await _get(connection, company, serial)
            if not await connection.fetchval(_SQL["has_webhook"], company):
                raise WebhookNotFound(company)
            await connection.execute(_SQL["redeliver"], company, serial)
            await connection.execute(_SQL["make_due"], company)
            return await _get(connection, company, serial)

    async def claim(self, limit: int, seconds: float) -> list[Claim]:
        """Claim up to `limit` companies that have due events, for `seconds`."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            rows = await connection.fetch(_SQL["claim"], limit, seconds)
        return [Claim(row["company_id"], row["claimed_until"]) for row in rows]

    async def next_due(self, claim: Claim) -> DueEvent | None:
        """Return the first due event of a claimed company; None if there is none, or the claim has expired."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["next_due"], claim.company, claim.until)
        if row is None:
            return None
        secrets = [secret for secret in (row["secret"], row["previous_secret"]) if secret]
        return struct_of(row, DueEvent, company=claim.company, data=json.loads(row["data"]), secrets=secrets)

    async def record_delivery(self, event: DueEvent) -> None:
        """Record that a receiver has accepted an event."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(_SQL["record_delivery"], event.company, event.serial)

    async def record_failure(self, claim: Claim, event: DueEvent, error: str) -> Delivery:
        """Record a failed attempt, delay the event and the webhook, and end the claim. Return the event's state.

        A webhook that has failed for long is paused, with a notice in the same transaction, so exactly one. If the
        claim has expired nothing is recorded: the worker that has claimed the company since records its own result.
        """
        event_delay = EVENT_BACKOFF.next_try(event.failures + 1, event.age_seconds)
        webhook_delay = WEBHOOK_BACKOFF.delay(event.webhook_failures + 1)
        # A server's answer may hold NUL, which text in Postgres cannot.
        text = error.replace("\0", "")[:ERROR_CHARACTERS_MAX]
        async with writing(self._pool) as connection:
            row = await connection.fetchrow(_SQL["delay_webhook"], claim.company, claim.until, webhook_delay)
            if row is None:
                return Delivery.WAITING
            await connection.execute(_SQL["record_failure"], event.company, event.serial, event_delay, text)
            if should_pause(row["failures"], row["failing_seconds"]):
                await connection.execute(_SQL["pause"], claim.company)
                await notices.publish(connection, _paused_notice(claim.company, row, text))
        return Delivery.GIVEN_UP if event_delay is None else Delivery.WAITING

    async def release(self, claim: Claim) -> None:
        """End a claim; other companies come first then."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(_SQL["release"], claim.company, claim.until)

    async def backlog(self) -> EventBacklog:
        """Return how many events wait for enabled webhooks, and how long the oldest has waited."""
        async with reading(self._pool) as connection:
            row = await connection.fetchrow(_SQL["backlog"])
        assert row is not None
        return EventBacklog(row["events"], row["oldest_seconds"])


async def _get(connection: Connection, company: str, serial: int) -> Event:
    row = await connection.fetchrow(_SQL["get"], company, serial)
    if row is None:
        raise EventNotFound(EVENT.name(company, serial))
    return _event_of(row)


def _event_of(row: asyncpg.Record) -> Event:
    return struct_of(row, Event, company=row["company_id"], data=json.loads(row["data"]), error=row["error"] or "")


def _paused_notice(company: str, row: asyncpg.Record, error: str) -> Notice:
    since = datetime.fromtimestamp(row["failing"] // 1_000_000, UTC)
    return Notice(
        company,
        f"webhook-paused-{row['failing']}",
        EventType.WEBHOOK_PAUSED,
        {"webhook": WEBHOOK.name(company), "failing_since_time": f"{since:%Y-%m-%dT%H:%M:%SZ}"},
        "webhook_paused",
        {"url": row["url"], "failing_since": f"{since:%Y-%m-%d %H:%M} UTC", "error": error},
    )
