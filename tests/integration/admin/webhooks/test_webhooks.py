"""Webhooks: each event is delivered once, signed and in order, to the webhook that wants its type."""

import re
import time
from typing import Any

import asyncpg
import pytest

from admin.metrics import webhook_events_waiting
from admin.notices.domain import Delivery
from admin.notices.event_types import EventType
from admin.webhooks.domain import (
    WebhookChange,
    WebhookState,
)
from admin.webhooks.signing import new_secret
from tests.support.builders import make_company
from tests.support.paths import DOCS
from tests.support.wallets import Wallets
from tests.support.webhooks import SECRET, Receiver, delivery_states, pass_time, publish_event, send_due_events
from wallet.domain.errors import EventNotFound, WebhookNotFound


async def test_an_event_is_delivered_once_and_signed(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    serial = await publish_event(database)
    assert await send_due_events(acme) == 1
    assert await send_due_events(acme) == 0
    (received,) = receiver.received
    assert received.id == f"evt_{serial}"
    assert received.verifies(SECRET)
    assert not received.verifies(new_secret())
    assert not received._replace(body=received.body.replace(b"succeeded", b"failed")).verifies(SECRET)
    event = await acme.events.get("acme", serial)
    happened_at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(event.created_at // 10**6))}"
    assert received.body.decode() == (
        f'{{"type":"top_up.succeeded","timestamp":"{happened_at}.{event.created_at % 10**6:06}Z",'
        f'"company":"companies/acme","name":"companies/acme/events/{serial}",'
        '"data":{"name":"x","amount_micros":9000000000000000}}'
    )
    assert (event.delivery, event.attempts, event.error) == (Delivery.DELIVERED, 1, "")
    assert event.delivered_at is not None


async def test_the_documented_example_verifies_events(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    guide = (DOCS / "guides" / "webhooks.md").read_text()
    example: dict[str, Any] = {}
    exec(guide.partition("```python\n")[2].partition("```")[0], example)
    verified = example["verified"]
    await publish_event(database)
    await send_due_events(acme)
    (event,) = receiver.received
    headers = {
        "webhook-id": event.id,
        "webhook-timestamp": event.timestamp,
        "webhook-signature": " ".join(event.signatures),
    }
    assert verified([new_secret(), SECRET], headers, event.body)
    assert not verified([new_secret()], headers, event.body)
    assert not verified([SECRET], headers, event.body + b" ")
    assert not verified([SECRET], {**headers, "webhook-id": "evt_0"}, event.body)
    assert not verified([SECRET], {**headers, "webhook-timestamp": "1"}, event.body)
    assert not verified([SECRET], {**headers, "webhook-signature": "v1 no base64"}, event.body)
    assert not verified([SECRET], headers, b"\xff")
    assert {kind.value for kind in EventType} <= set(re.findall(r"`([a-z_.]+)`", guide))


async def test_events_are_delivered_in_their_order(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    serials = [await publish_event(database, f"cause-{number}") for number in range(30)]
    assert await send_due_events(acme) == 30
    assert receiver.ids == [f"evt_{serial}" for serial in serials]


async def test_an_event_exists_only_if_its_cause_is_committed(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    transaction = database.transaction()
    await transaction.start()
    await publish_event(database)
    assert await send_due_events(acme) == 0
    await transaction.rollback()
    assert await send_due_events(acme) == 0
    assert receiver.received == []


async def test_an_event_that_no_webhook_wants_is_kept_and_not_sent(
    wallets: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    await make_company(database)
    early = await publish_event(database, "early")
    await wallets.webhooks.create("acme", WebhookChange(receiver.url, (EventType.TOP_UP_FAILED,)), SECRET)
    await publish_event(database, "unwanted")
    wanted = await publish_event(database, "wanted", EventType.TOP_UP_FAILED)
    assert await delivery_states(database) == [Delivery.NONE, Delivery.NONE, Delivery.WAITING]
    assert await send_due_events(wallets) == 1
    assert receiver.ids == [f"evt_{wanted}"]
    await wallets.events.redeliver("acme", early)
    await wallets.events.redeliver("acme", wanted)
    test = await wallets.events.create_test_event("acme")
    assert await send_due_events(wallets) == 3
    assert receiver.ids[1:] == [f"evt_{early}", f"evt_{wanted}", f"evt_{test.serial}"]
    events = await wallets.events.list_events("acme", None, None, 10)
    assert [event.delivery for event in events] == [Delivery.DELIVERED] * 2 + [Delivery.NONE, Delivery.DELIVERED]


async def test_nothing_is_sent_to_a_disabled_or_deleted_webhook(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    await acme.webhooks.update("acme", WebhookChange(state=WebhookState.DISABLED))
    serial = await publish_event(database, "first")
    assert await send_due_events(acme) == 0
    assert webhook_events_waiting._value.get() == 0
    await acme.webhooks.update("acme", WebhookChange(state=WebhookState.ENABLED))
    assert await send_due_events(acme) == 1
    await publish_event(database, "second")
    await acme.webhooks.delete("acme")
    assert await send_due_events(acme) == 0
    assert await delivery_states(database) == [Delivery.DELIVERED, Delivery.NONE]
    for call in (
        acme.webhooks.get("acme"),
        acme.webhooks.delete("acme"),
        acme.webhooks.rotate("acme", new_secret()),
        acme.events.create_test_event("acme"),
        acme.events.redeliver("acme", serial),
    ):
        with pytest.raises(WebhookNotFound):
            await call
    with pytest.raises(EventNotFound):
        await acme.events.get("acme", serial + 1000)
    await acme.webhooks.create("acme", WebhookChange(url=receiver.url), SECRET)
    assert await send_due_events(acme) == 0, "events that were kept are not sent later"


async def test_sending_stops_when_the_webhook_is_disabled(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    for number in range(5):
        await publish_event(database, f"cause-{number}")

    async def switch_off() -> None:
        await acme.webhooks.update("acme", WebhookChange(state=WebhookState.DISABLED))

    receiver.before_answer = switch_off
    assert await send_due_events(acme) == 1


async def test_both_secrets_sign_for_a_day_after_a_rotation(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    fresh = new_secret()
    rotated = await acme.webhooks.rotate("acme", fresh)
    assert rotated.previous_secret_until is not None
    await publish_event(database, "first")
    await send_due_events(acme)
    assert [receiver.received[0].verifies(secret) for secret in (fresh, SECRET)] == [True, True]
    assert len(receiver.received[0].signatures) == 2
    await pass_time(database, 86_401)
    await publish_event(database, "second")
    await send_due_events(acme)
    assert [receiver.received[1].verifies(secret) for secret in (fresh, SECRET)] == [True, False]
    assert (await acme.webhooks.get("acme")).previous_secret_until is None
