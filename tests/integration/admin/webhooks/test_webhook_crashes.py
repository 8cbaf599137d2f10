"""Webhooks: each event is delivered at least once and under one id, although workers are killed or run at once."""

import asyncio

import asyncpg
import pytest

from admin.notices.domain import Delivery
from admin.webhooks import event_store
from admin.webhooks.domain import (
    WebhookState,
)
from admin.webhooks.worker import CLAIM_SECONDS
from tests.conftest import OpenWallets
from tests.support.statements import kill_connection_at
from tests.support.wallets import Wallets
from tests.support.webhooks import (
    Receiver,
    delivery_states,
    pass_time,
    publish_event,
    send_due_events,
)
from wallet.domain.errors import LedgerUnavailable

STEPS = {
    "claim": "$1::bigint, $2::float8",
    "next_due": "$1::text, $2::timestamptz",
    "record_delivery": "$1::text, $2::bigint",
    "release": "$1::text, $2::timestamptz",
}
"""The statements that deliver an event, and the types of their arguments."""
FAILING_STEPS = {
    "delay_webhook": "$1::text, $2::timestamptz, $3::float8",
    "record_failure": "$1::text, $2::bigint, $3::float8, $4::text",
    "pause": "$1::text",
}
"""The statements that record a failure, the last one before a pause, and the types of their arguments."""


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_an_event_is_delivered_under_one_id(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = await publish_event(database)
    with monkeypatch.context() as patch:
        kill_connection_at(patch, event_store._SQL, step, STEPS[step])
        with pytest.raises(LedgerUnavailable):
            await send_due_events(acme)
    sent = len(receiver.received)
    assert sent == (step in ("record_delivery", "release"))
    if step != "claim":
        assert await send_due_events(acme) == 0, "its claim has not expired"
    await pass_time(database, CLAIM_SECONDS)
    await send_due_events(acme)
    assert await delivery_states(database) == [Delivery.DELIVERED]
    assert set(receiver.ids) == {f"evt_{serial}"}
    assert len(receiver.received) == 1 + (step == "record_delivery")


@pytest.mark.parametrize("step", FAILING_STEPS)
async def test_killed_at_any_step_a_failure_is_recorded_atomically(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish_event(database)
    receiver.status = lambda _: 500
    await database.execute("UPDATE webhooks SET failures = 50, failing_since = now() - interval '3 days'")
    with monkeypatch.context() as patch:
        kill_connection_at(patch, event_store._SQL, step, FAILING_STEPS[step])
        with pytest.raises(LedgerUnavailable):
            await send_due_events(acme)
    assert (await acme.webhooks.get("acme")).state is WebhookState.ENABLED
    assert await delivery_states(database) == [Delivery.WAITING]
    await pass_time(database, CLAIM_SECONDS)
    await send_due_events(acme)
    assert (await acme.webhooks.get("acme")).state is WebhookState.PAUSED
    assert await database.fetchval("SELECT count(*) FROM events WHERE type = 'webhook.paused'") == 1


async def test_two_workers_at_once_send_each_event_once_and_in_order(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    beside = await open_more()
    serials = [await publish_event(database, f"cause-{number}") for number in range(40)]
    sent = await asyncio.gather(*(send_due_events(each) for each in (acme, beside, acme, beside)))
    while sum(sent) < len(serials):  # A worker that finds the company claimed ends its run.
        sent.append(await send_due_events(beside))
    assert receiver.ids == [f"evt_{serial}" for serial in serials]


async def test_a_worker_with_an_expired_claim_changes_nothing(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    await publish_event(database)
    (claim,) = await acme.events.claim(1, CLAIM_SECONDS)
    event = await acme.events.next_due(claim)
    assert event is not None
    await pass_time(database, CLAIM_SECONDS)
    assert await acme.events.next_due(claim) is None
    assert await send_due_events(acme) == 1
    assert await acme.events.record_failure(claim, event, "late") is Delivery.WAITING
    await acme.events.release(claim)
    assert await delivery_states(database) == [Delivery.DELIVERED]
    assert (await acme.webhooks.get("acme")).failing_since is None
