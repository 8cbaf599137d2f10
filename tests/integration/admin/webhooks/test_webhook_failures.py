"""Webhooks: an event that is not delivered is tried again, then given up; a webhook that always fails is paused."""

import asyncio

import asyncpg
import pytest

from admin.metrics import webhook_events_oldest_seconds, webhook_events_waiting
from admin.notices.domain import Delivery
from admin.webhooks import sender, worker
from admin.webhooks.domain import (
    EVENT_BACKOFF,
    PAUSE_FAILURES_MIN,
    DueEvent,
    WebhookChange,
    WebhookState,
)
from devstack.ports import LOOPBACK, free_port
from tests.support.builders import make_company
from tests.support.polling import until
from tests.support.wallets import Wallets
from tests.support.webhooks import (
    SECRET,
    Receiver,
    delivery_states,
    pass_time,
    publish_event,
    run_receiver,
    send_due_events,
)


@pytest.mark.parametrize("status", [301, 404, 410, 429, 500, 503])
async def test_an_event_that_is_not_accepted_is_sent_again_with_the_same_id(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, status: int
) -> None:
    serial = await publish_event(database)
    receiver.status = lambda _: status
    assert await send_due_events(acme) == 0
    event = await acme.events.get("acme", serial)
    assert (event.delivery, event.attempts) == (Delivery.WAITING, 1)
    assert str(status) in event.error
    assert "xxx" not in event.error, "the answer's body is not kept"
    assert await send_due_events(acme) == 0
    assert len(receiver.received) == 1, "it is delayed"
    receiver.status = lambda _: 200
    await pass_time(database, 10)
    assert await send_due_events(acme) == 1
    assert receiver.ids == [f"evt_{serial}"] * 2
    assert receiver.received[0].body == receiver.received[1].body
    assert (await acme.webhooks.get("acme")).failing_since is None


async def test_redelivery_and_test_events_end_the_delay_of_the_webhook(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    receiver.status = lambda _: 500
    serial = await publish_event(database)
    assert await send_due_events(acme) == 0
    receiver.status = lambda _: 204
    assert await send_due_events(acme) == 0, "it is delayed"
    await acme.events.redeliver("acme", serial)
    await acme.events.create_test_event("acme")
    assert await send_due_events(acme) == 2


async def test_a_slow_receiver_times_out_and_delays_no_other_company(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "ATTEMPT_SECONDS_MAX", 1.0)
    monkeypatch.setattr(worker, "POLL_SECONDS", 0.05)
    receiver.before_answer = asyncio.Event().wait
    await make_company(database, "quick")
    slow = await publish_event(database)
    async with run_receiver() as quick:
        await acme.webhooks.create("quick", WebhookChange(url=quick.url), SECRET)
        running = asyncio.create_task(send_due_events(acme))
        await until(lambda: receiver.received)
        # It is published in the middle of the run, while the slow receiver is being waited for.
        await publish_event(database, company="quick")
        await until(lambda: quick.received)
        assert not running.done()
        assert await running == 1
    assert "no answer within" in (await acme.events.get("acme", slow)).error


async def test_a_bug_with_one_company_stops_no_other(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_company(database, "odd")
    await acme.webhooks.create("odd", WebhookChange(url=receiver.url), SECRET)
    odd, good = await publish_event(database, company="odd"), await publish_event(database)
    original = sender.body_of

    def body_of(event: DueEvent) -> bytes:
        if event.company == "odd":
            raise KeyError("a fault")
        return original(event)

    monkeypatch.setattr(sender, "body_of", body_of)
    assert await send_due_events(acme) == 1
    assert receiver.ids == [f"evt_{good}"]
    assert (await acme.events.get("odd", odd)).error == "the service has a fault"


async def test_events_keep_their_order_over_a_short_outage_of_the_receiver(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    first, second = [await publish_event(database, f"cause-{number}") for number in range(2)]
    await acme.webhooks.update("acme", WebhookChange(url=f"http://{LOOPBACK}:{free_port()}/"))
    assert await send_due_events(acme) == 0
    assert "cannot be reached" in (await acme.events.get("acme", first)).error
    assert (await acme.events.get("acme", second)).attempts == 0, "the webhook is delayed as a whole"
    await acme.webhooks.update("acme", WebhookChange(url=receiver.url))
    await pass_time(database, 10)
    assert await send_due_events(acme) == 2
    assert receiver.ids == [f"evt_{first}", f"evt_{second}"]


async def test_an_event_that_always_fails_is_overtaken(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    bad, *good = [await publish_event(database, f"cause-{number}") for number in range(3)]
    receiver.status = lambda event: 500 if event.id == f"evt_{bad}" else 200
    for _ in range(4):
        await send_due_events(acme)
        await pass_time(database, 10)
    assert await delivery_states(database) == [Delivery.WAITING, Delivery.DELIVERED, Delivery.DELIVERED]
    assert receiver.ids[-2:] == [f"evt_{serial}" for serial in good]


async def test_an_event_is_given_up_after_days_and_can_be_redelivered(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    serial = await publish_event(database)
    receiver.status = lambda _: 500
    await pass_time(database, EVENT_BACKOFF.age_seconds_max + 1)
    assert await send_due_events(acme) == 0
    assert await delivery_states(database) == [Delivery.GIVEN_UP]
    await pass_time(database, 3600)
    assert await send_due_events(acme) == 0
    assert len(receiver.received) == 1
    receiver.status = lambda _: 200
    again = await acme.events.redeliver("acme", serial)
    assert again.delivery is Delivery.WAITING
    assert await send_due_events(acme) == 1


async def test_a_webhook_that_fails_for_days_is_paused_with_one_notice(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    await database.execute("UPDATE companies SET billing_email = 'people@acme.example'")
    receiver.status = lambda _: 500
    await publish_event(database)
    tries = 0
    while (await acme.webhooks.get("acme")).state is WebhookState.ENABLED:
        await send_due_events(acme)
        await pass_time(database, 3600)
        tries += 1
        assert tries < 100
    assert tries > PAUSE_FAILURES_MIN
    assert len(receiver.received) == tries
    (mail,) = await acme.mails.claim(10, 60.0)
    assert (mail.template, mail.variables["url"], mail.variables["error"]) == (
        "webhook_paused",
        receiver.url,
        "it answered 500",
    )
    await send_due_events(acme)
    assert len(receiver.received) == tries
    receiver.status = lambda _: 200
    await acme.webhooks.update("acme", WebhookChange(state=WebhookState.ENABLED))
    assert await send_due_events(acme) == 2, "the event that waited, and the notice of the pause"


async def test_metrics_show_the_backlog(acme: Wallets, database: asyncpg.Connection, receiver: Receiver) -> None:
    receiver.status = lambda _: 500
    await publish_event(database)
    await pass_time(database, 1000)
    await send_due_events(acme)
    assert webhook_events_waiting._value.get() == 1
    assert webhook_events_oldest_seconds._value.get() >= 1000
    receiver.status = lambda _: 200
    await pass_time(database, 1000)
    await send_due_events(acme)
    assert webhook_events_waiting._value.get() == webhook_events_oldest_seconds._value.get() == 0


async def test_neither_secrets_nor_urls_are_logged(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    receiver.status = lambda _: 500
    await publish_event(database)
    await send_due_events(acme)
    logged = "".join(capfd.readouterr())
    assert "webhook_event_not_delivered" in logged
    assert SECRET not in logged
    assert "whsec" not in logged
    assert receiver.url not in logged
