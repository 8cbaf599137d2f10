"""Webhooks: each event gets to its company at least once, signed, in order, and to nobody's private network."""

import asyncio
import base64
import hmac
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
import pytest
import trustme
from aiohttp import web

import admin.webhooks.event_store as adapter
import admin.webhooks.sender as way
import admin.webhooks.worker as worker_module
from admin.metrics import webhook_events_oldest_seconds, webhook_events_waiting
from admin.notices.domain import Delivery, EventType, Notice
from admin.notices.store import publish
from admin.webhooks.domain import (
    EVENT_BACKOFF,
    PAUSE_FAILURES_MIN,
    Parcel,
    WebhookChange,
    WebhookState,
)
from admin.webhooks.signing import new_secret
from admin.webhooks.targets import AddressRefused, socket_maker
from admin.webhooks.worker import CLAIM_SECONDS, WebhookWorker
from devstack.ports import LOOPBACK, free_port
from tests.conftest import OpenWallets
from tests.support.builders import make_company
from tests.support.paths import DOCS
from tests.support.polling import until
from tests.support.wallets import Wallets
from wallet.domain.errors import EventNotFound, LedgerUnavailable, WebhookNotFound

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
RUN_SECONDS_MAX = 5.0
STEPS = {
    "claim": "$1::bigint, $2::float8",
    "next": "$1::text, $2::timestamptz",
    "delivered": "$1::text, $2::bigint",
    "release": "$1::text, $2::timestamptz",
}
"""What is asked of Postgres when an event gets through, and with what."""
FAILING_STEPS = {
    "rest": "$1::text, $2::timestamptz, $3::float8",
    "failed": "$1::text, $2::bigint, $3::float8, $4::text",
    "pause": "$1::text",
}
"""What is asked when none does, at last."""


class Got(NamedTuple):
    """A request as it came."""

    id: str
    timestamp: str
    signatures: Sequence[str]
    body: bytes

    def verifies(self, secret: str) -> bool:
        """Whether a receiver that knows `secret` takes it, by what the specification says."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.id}.{self.timestamp}.".encode() + self.body
        expected = "v1," + base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
        return expected in self.signatures and abs(time.time() - int(self.timestamp)) < 60


class Receiver:
    """A company's program: keeps what it gets, and answers as it is told."""

    def __init__(self, port: int, scheme: str = "http") -> None:
        self.got: list[Got] = []
        self.url = f"{scheme}://{LOOPBACK}:{port}/hooks?of=acme"
        self.status: Callable[[Got], int] = lambda _: 204
        self.headers: dict[str, str] = {}
        self.meanwhile: Callable[[], Any] | None = None

    @property
    def ids(self) -> list[str]:
        """What came, in its order."""
        return [got.id for got in self.got]

    async def take(self, request: web.Request) -> web.Response:
        """Keep a request."""
        headers = request.headers
        signatures = headers["webhook-signature"].split()
        got = Got(headers["webhook-id"], headers["webhook-timestamp"], signatures, await request.read())
        assert headers["Content-Type"] == "application/json"
        self.got.append(got)
        if self.meanwhile is not None:
            await self.meanwhile()
        return web.Response(status=self.status(got), headers=self.headers, body=b"x" * 100_000)


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver(free_port(), "http" if tls is None else "https")
    served = web.Application()
    served.router.add_post("/hooks", receiver.take)
    runner = web.AppRunner(served, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    port = int(receiver.url.split(":")[2].partition("/")[0])
    await web.TCPSite(runner, LOOPBACK, port, ssl_context=tls).start()
    try:
        yield receiver
    finally:
        await runner.cleanup()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as opened:
        yield opened


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection, receiver: Receiver) -> Wallets:
    """A company whose events go to the receiver."""
    await make_company(database)
    await wallets.webhooks.make("acme", WebhookChange(url=receiver.url), SECRET)
    return wallets


async def happen(
    database: asyncpg.Connection,
    cause: str = "test",
    kind: EventType = EventType.TOP_UP_SUCCEEDED,
    *,
    company: str = "acme",
) -> int:
    """Tell a company of something; return the event's number."""
    assert await publish(database, Notice(company, cause, kind, {"amount_micros": 9 * 10**15, "name": "x"}))
    serial: int = await database.fetchval("SELECT max(serial) FROM events")
    return serial


async def run(wallets: Wallets, *, allow_private: bool = True, tls: ssl.SSLContext | None = None) -> int:
    worker = WebhookWorker(wallets.events, allow_private=allow_private, tls=tls)
    async with asyncio.timeout(RUN_SECONDS_MAX):
        return await worker.run_once()


async def let_pass(database: asyncpg.Connection, seconds: float) -> None:
    """Let time pass for all that waits, without waiting for it."""
    await database.execute(
        "UPDATE webhooks SET due_at = due_at - $1 * interval '1 s', "
        "claimed_until = claimed_until - $1 * interval '1 s', "
        "failing_since = failing_since - $1 * interval '1 s', previous_until = previous_until - $1 * interval '1 s'",
        seconds,
    )
    await database.execute(
        "UPDATE events SET due_at = due_at - $1 * interval '1 s', wanted_at = wanted_at - $1 * interval '1 s'", seconds
    )


async def states(database: asyncpg.Connection) -> list[Delivery]:
    return [Delivery(row["delivery"]) for row in await database.fetch("SELECT delivery FROM events ORDER BY serial")]


async def test_an_event_is_delivered_once_signed_and_says_what_happened(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    serial = await happen(database)
    assert await run(acme) == 1
    assert await run(acme) == 0
    (got,) = receiver.got
    assert got.id == f"evt_{serial}"
    assert got.verifies(SECRET)
    assert not got.verifies(new_secret())
    assert not got._replace(body=got.body.replace(b"succeeded", b"failed")).verifies(SECRET)
    event = await acme.events.get("acme", serial)
    happened = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(event.created_at // 10**6))}"
    assert got.body.decode() == (
        f'{{"type":"top_up.succeeded","timestamp":"{happened}.{event.created_at % 10**6:06}Z",'
        f'"company":"companies/acme","name":"companies/acme/events/{serial}",'
        '"data":{"name":"x","amount_micros":9000000000000000}}'
    )
    assert (event.delivery, event.attempts, event.error) == (Delivery.DELIVERED, 1, "")
    assert event.delivered_at is not None


async def test_the_documented_example_verifies_what_comes(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    page = (DOCS / "guides" / "webhooks.md").read_text()
    example: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], example)
    verified = example["verified"]
    await happen(database)
    await run(acme)
    (got,) = receiver.got
    headers = {
        "webhook-id": got.id,
        "webhook-timestamp": got.timestamp,
        "webhook-signature": " ".join(got.signatures),
    }
    assert verified([new_secret(), SECRET], headers, got.body)
    assert not verified([new_secret()], headers, got.body)
    assert not verified([SECRET], headers, got.body + b" ")
    assert not verified([SECRET], {**headers, "webhook-id": "evt_0"}, got.body)
    assert not verified([SECRET], {**headers, "webhook-timestamp": "1"}, got.body)
    assert not verified([SECRET], {**headers, "webhook-signature": "v1 no base64"}, got.body)
    assert not verified([SECRET], headers, b"\xff")
    assert {kind.value for kind in EventType} <= set(re.findall(r"`([a-z_.]+)`", page))


async def test_events_come_in_the_order_in_which_they_happened(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    happened = [await happen(database, f"cause-{number}") for number in range(30)]
    assert await run(acme) == 30
    assert receiver.ids == [f"evt_{serial}" for serial in happened]


async def test_an_event_is_there_where_its_cause_is_committed_and_only_there(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    transaction = database.transaction()
    await transaction.start()
    await happen(database)
    assert await run(acme) == 0
    await transaction.rollback()
    assert await run(acme) == 0
    assert receiver.got == []


async def test_what_is_for_nobody_is_kept_and_waits_for_nobody(
    wallets: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    await make_company(database)
    early = await happen(database, "early")
    await wallets.webhooks.make("acme", WebhookChange(receiver.url, (EventType.TOP_UP_FAILED,)), SECRET)
    await happen(database, "unasked")
    asked = await happen(database, "asked", EventType.TOP_UP_FAILED)
    assert await states(database) == [Delivery.NONE, Delivery.NONE, Delivery.WAITING]
    assert await run(wallets) == 1
    assert receiver.ids == [f"evt_{asked}"]
    await wallets.events.redeliver("acme", early)
    await wallets.events.redeliver("acme", asked)
    test = await wallets.events.test("acme")
    assert await run(wallets) == 3
    assert receiver.ids[1:] == [f"evt_{early}", f"evt_{asked}", f"evt_{test.serial}"]
    page = await wallets.events.page("acme", None, None, 10)
    assert [event.delivery for event in page] == [Delivery.DELIVERED] * 2 + [Delivery.NONE, Delivery.DELIVERED]


@pytest.mark.parametrize("status", [301, 404, 410, 429, 500, 503])
async def test_what_is_not_taken_is_sent_again_under_the_same_id(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, status: int
) -> None:
    serial = await happen(database)
    receiver.status = lambda _: status
    assert await run(acme) == 0
    event = await acme.events.get("acme", serial)
    assert (event.delivery, event.attempts) == (Delivery.WAITING, 1)
    assert str(status) in event.error
    assert "xxx" not in event.error, "what it answered is its own"
    assert await run(acme) == 0
    assert len(receiver.got) == 1, "it rests"
    receiver.status = lambda _: 200
    await let_pass(database, 10)
    assert await run(acme) == 1
    assert receiver.ids == [f"evt_{serial}"] * 2
    assert receiver.got[0].body == receiver.got[1].body
    assert (await acme.webhooks.get("acme")).failing_since is None


async def test_who_asks_for_an_event_does_not_wait_for_the_webhook_to_have_rested(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    receiver.status = lambda _: 500
    serial = await happen(database)
    assert await run(acme) == 0
    receiver.status = lambda _: 204
    assert await run(acme) == 0, "it rests"
    await acme.events.redeliver("acme", serial)
    await acme.events.test("acme")
    assert await run(acme) == 2


async def test_a_redirect_is_not_followed(acme: Wallets, database: asyncpg.Connection, receiver: Receiver) -> None:
    async with receiving() as elsewhere:
        receiver.status, receiver.headers = lambda _: 307, {"Location": elsewhere.url}
        serial = await happen(database)
        assert await run(acme) == 0
        assert elsewhere.got == []
    assert "redirects are not followed" in (await acme.events.get("acme", serial)).error


async def test_a_receiver_that_is_slow_is_not_waited_for_and_is_in_nobodys_way(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(way, "ATTEMPT_SECONDS_MAX", 1.0)
    monkeypatch.setattr(worker_module, "LOOK_SECONDS", 0.05)
    receiver.meanwhile = asyncio.Event().wait
    await make_company(database, "quick")
    slow = await happen(database)
    async with receiving() as quick:
        await acme.webhooks.make("quick", WebhookChange(url=quick.url), SECRET)
        running = asyncio.create_task(run(acme))
        await until(lambda: receiver.got)
        # It comes when the run has begun long ago, and is not for the slow one.
        await happen(database, company="quick")
        await until(lambda: quick.got)
        assert not running.done()
        assert await running == 1
    assert "no answer within" in (await acme.events.get("acme", slow)).error


async def test_a_fault_of_ours_with_one_company_stops_no_other(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_company(database, "odd")
    await acme.webhooks.make("odd", WebhookChange(url=receiver.url), SECRET)
    odd, good = await happen(database, company="odd"), await happen(database)
    written = way.body_of

    def body_of(parcel: Parcel) -> bytes:
        if parcel.company == "odd":
            raise KeyError("a fault")
        return written(parcel)

    monkeypatch.setattr(way, "body_of", body_of)
    assert await run(acme) == 1
    assert receiver.ids == [f"evt_{good}"]
    assert (await acme.events.get("odd", odd)).error == "the service has a fault"


async def test_a_receiver_that_is_away_keeps_its_order_when_it_is_soon_back(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    first, second = [await happen(database, f"cause-{number}") for number in range(2)]
    await acme.webhooks.change("acme", WebhookChange(url=f"http://{LOOPBACK}:{free_port()}/"))
    assert await run(acme) == 0
    assert "cannot be reached" in (await acme.events.get("acme", first)).error
    assert (await acme.events.get("acme", second)).attempts == 0, "it rests as a whole"
    await acme.webhooks.change("acme", WebhookChange(url=receiver.url))
    await let_pass(database, 10)
    assert await run(acme) == 2
    assert receiver.ids == [f"evt_{first}", f"evt_{second}"]


async def test_an_event_that_the_receiver_cannot_bear_is_overtaken(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    bad, *good = [await happen(database, f"cause-{number}") for number in range(3)]
    receiver.status = lambda got: 500 if got.id == f"evt_{bad}" else 200
    for _ in range(4):
        await run(acme)
        await let_pass(database, 10)
    assert await states(database) == [Delivery.WAITING, Delivery.DELIVERED, Delivery.DELIVERED]
    assert receiver.ids[-2:] == [f"evt_{serial}" for serial in good]


async def test_an_event_is_given_up_after_days_and_can_be_sent_all_the_same(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    serial = await happen(database)
    receiver.status = lambda _: 500
    await let_pass(database, EVENT_BACKOFF.age_seconds_max + 1)
    assert await run(acme) == 0
    assert await states(database) == [Delivery.GIVEN_UP]
    await let_pass(database, 3600)
    assert await run(acme) == 0
    assert len(receiver.got) == 1
    receiver.status = lambda _: 200
    again = await acme.events.redeliver("acme", serial)
    assert again.delivery is Delivery.WAITING
    assert await run(acme) == 1


async def test_a_webhook_that_fails_for_days_is_paused_and_told_of_once(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    await database.execute("UPDATE companies SET billing_email = 'people@acme.example'")
    receiver.status = lambda _: 500
    await happen(database)
    tries = 0
    while (await acme.webhooks.get("acme")).state is WebhookState.ENABLED:
        await run(acme)
        await let_pass(database, 3600)
        tries += 1
        assert tries < 100
    assert tries > PAUSE_FAILURES_MIN
    assert len(receiver.got) == tries
    (mail,) = await acme.mails.claim(10, 60.0)
    assert (mail.template, mail.variables["url"], mail.variables["error"]) == (
        "webhook_paused",
        receiver.url,
        "it answered 500",
    )
    await run(acme)
    assert len(receiver.got) == tries
    receiver.status = lambda _: 200
    await acme.webhooks.change("acme", WebhookChange(state=WebhookState.ENABLED))
    assert await run(acme) == 2, "what waited, and that it was paused"


async def test_nothing_is_sent_to_who_wants_nothing_for_now_or_has_gone(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    await acme.webhooks.change("acme", WebhookChange(state=WebhookState.DISABLED))
    serial = await happen(database, "first")
    assert await run(acme) == 0
    assert webhook_events_waiting._value.get() == 0
    await acme.webhooks.change("acme", WebhookChange(state=WebhookState.ENABLED))
    assert await run(acme) == 1
    await happen(database, "second")
    await acme.webhooks.delete("acme")
    assert await run(acme) == 0
    assert await states(database) == [Delivery.DELIVERED, Delivery.NONE]
    for gone in (
        acme.webhooks.get("acme"),
        acme.webhooks.delete("acme"),
        acme.webhooks.rotate("acme", new_secret()),
        acme.events.test("acme"),
        acme.events.redeliver("acme", serial),
    ):
        with pytest.raises(WebhookNotFound):
            await gone
    with pytest.raises(EventNotFound):
        await acme.events.get("acme", serial + 1000)
    await acme.webhooks.make("acme", WebhookChange(url=receiver.url), SECRET)
    assert await run(acme) == 0, "what was kept stays kept"


async def test_it_stops_in_the_middle_where_the_webhook_is_switched_off(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    for number in range(5):
        await happen(database, f"cause-{number}")

    async def switch_off() -> None:
        await acme.webhooks.change("acme", WebhookChange(state=WebhookState.DISABLED))

    receiver.meanwhile = switch_off
    assert await run(acme) == 1


async def test_both_secrets_sign_for_a_while_after_a_rotation(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    fresh = new_secret()
    rotated = await acme.webhooks.rotate("acme", fresh)
    assert rotated.previous_secret_until is not None
    await happen(database, "first")
    await run(acme)
    assert [receiver.got[0].verifies(secret) for secret in (fresh, SECRET)] == [True, True]
    assert len(receiver.got[0].signatures) == 2
    await let_pass(database, 86_401)
    await happen(database, "second")
    await run(acme)
    assert [receiver.got[1].verifies(secret) for secret in (fresh, SECRET)] == [True, False]
    assert (await acme.webhooks.get("acme")).previous_secret_until is None


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_an_event_is_delivered_and_a_second_time_only_under_the_same_id(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial = await happen(database)
    with monkeypatch.context() as patch:
        patch.setitem(adapter._SQL, step, f"SELECT pg_terminate_backend(pg_backend_pid()), {STEPS[step]}")
        with pytest.raises(LedgerUnavailable):
            await run(acme)
    sent = len(receiver.got)
    assert sent == (step in ("delivered", "release"))
    if step != "claim":
        assert await run(acme) == 0, "its claim is not over yet"
    await let_pass(database, CLAIM_SECONDS)
    await run(acme)
    assert await states(database) == [Delivery.DELIVERED]
    assert set(receiver.ids) == {f"evt_{serial}"}
    assert len(receiver.got) == 1 + (step == "delivered")


@pytest.mark.parametrize("step", FAILING_STEPS)
async def test_killed_at_any_step_a_failure_is_recorded_whole_or_not_at_all(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await happen(database)
    receiver.status = lambda _: 500
    await database.execute("UPDATE webhooks SET failures = 50, failing_since = now() - interval '3 days'")
    with monkeypatch.context() as patch:
        patch.setitem(adapter._SQL, step, f"SELECT pg_terminate_backend(pg_backend_pid()), {FAILING_STEPS[step]}")
        with pytest.raises(LedgerUnavailable):
            await run(acme)
    assert (await acme.webhooks.get("acme")).state is WebhookState.ENABLED
    assert await states(database) == [Delivery.WAITING]
    await let_pass(database, CLAIM_SECONDS)
    await run(acme)
    assert (await acme.webhooks.get("acme")).state is WebhookState.PAUSED
    assert await database.fetchval("SELECT count(*) FROM events WHERE type = 'webhook.paused'") == 1


async def test_two_workers_at_once_send_each_event_once_and_in_order(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    beside = await open_more()
    happened = [await happen(database, f"cause-{number}") for number in range(40)]
    sent = await asyncio.gather(*(run(each) for each in (acme, beside, acme, beside)))
    while sum(sent) < len(happened):  # Who found it claimed went home.
        sent.append(await run(beside))
    assert receiver.ids == [f"evt_{serial}" for serial in happened]


async def test_who_slept_through_his_claim_does_not_undo_what_another_did(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver
) -> None:
    await happen(database)
    (claim,) = await acme.events.claim(1, CLAIM_SECONDS)
    parcel = await acme.events.next(claim)
    assert parcel is not None
    await let_pass(database, CLAIM_SECONDS)
    assert await acme.events.next(claim) is None
    assert await run(acme) == 1
    assert await acme.events.failed(claim, parcel, "late") is Delivery.WAITING
    await acme.events.release(claim)
    assert await states(database) == [Delivery.DELIVERED]
    assert (await acme.webhooks.get("acme")).failing_since is None


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1:1/", "https://localhost:1/", "https://2130706433:1/", "https://[::1]:1/", "http://127.0.0.1/"],
)
async def test_a_private_address_is_refused_when_it_is_sent_to(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, url: str
) -> None:
    """Whatever was allowed when it was set; a name is only known to be private by its address."""
    await acme.webhooks.change("acme", WebhookChange(url=url))
    serial = await happen(database)
    assert await run(acme, allow_private=False) == 0
    assert (await acme.events.get("acme", serial)).error in (
        "the URL must have a public address",
        "the host has no public address",
        "the URL must begin with https://",
        "its URL has no host that could be asked for",
    )


async def test_the_receivers_own_address_is_refused_and_nothing_gets_to_it(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    authority = trustme.CA()
    serving, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(serving)
    authority.configure_trust(trusting)
    async with receiving(serving) as private:
        await acme.webhooks.change("acme", WebhookChange(url=private.url.replace(LOOPBACK, "localhost")))
        serial = await happen(database)
        assert await run(acme, allow_private=False, tls=trusting) == 0
        assert (await acme.events.get("acme", serial)).error == "the host has no public address"
        assert private.got == []
        await let_pass(database, 10)
        assert await run(acme, allow_private=True, tls=trusting) == 1
        assert private.ids == [f"evt_{serial}"]


async def test_a_certificate_that_nobody_vouches_for_is_refused(acme: Wallets, database: asyncpg.Connection) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(LOOPBACK).configure_cert(serving)
    async with receiving(serving) as receiver:
        await acme.webhooks.change("acme", WebhookChange(url=receiver.url))
        serial = await happen(database)
        assert await run(acme) == 0
        assert receiver.got == []
    assert "certificate is not trusted" in (await acme.events.get("acme", serial)).error


def test_plain_http_goes_to_loopback_only_whatever_is_allowed() -> None:
    make = socket_maker(allow_private=True, loopback_only=True)
    with pytest.raises(AddressRefused):
        make((2, 1, 6, "", ("192.168.1.1", 80)))
    make((2, 1, 6, "", (LOOPBACK, 80))).close()


async def test_the_figures_say_what_waits(acme: Wallets, database: asyncpg.Connection, receiver: Receiver) -> None:
    receiver.status = lambda _: 500
    await happen(database)
    await let_pass(database, 1000)
    await run(acme)
    assert webhook_events_waiting._value.get() == 1
    assert webhook_events_oldest_seconds._value.get() >= 1000
    receiver.status = lambda _: 200
    await let_pass(database, 1000)
    await run(acme)
    assert webhook_events_waiting._value.get() == webhook_events_oldest_seconds._value.get() == 0


async def test_no_secret_gets_into_the_log(
    acme: Wallets, database: asyncpg.Connection, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    receiver.status = lambda _: 500
    await happen(database)
    await run(acme)
    told = "".join(capfd.readouterr())
    assert "webhook_event_not_delivered" in told
    assert SECRET not in told
    assert "whsec" not in told
    assert receiver.url not in told
