"""A receiver of webhooks, and steps of tests that publish and send events."""

import asyncio
import base64
import hmac
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg
from aiohttp import web

from admin.notices.domain import Delivery, Notice
from admin.notices.event_types import EventType
from admin.notices.store import publish
from admin.webhooks.worker import WebhookWorker
from devstack.ports import LOOPBACK, free_port
from tests.support.wallets import Wallets

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
RUN_SECONDS_MAX = 5.0


class ReceivedEvent(NamedTuple):
    """An event as the receiver got it."""

    id: str
    timestamp: str
    signatures: Sequence[str]
    body: bytes

    def verifies(self, secret: str) -> bool:
        """Return whether a receiver that knows `secret` accepts it, by the specification."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.id}.{self.timestamp}.".encode() + self.body
        expected = "v1," + base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
        return expected in self.signatures and abs(time.time() - int(self.timestamp)) < 60


class Receiver:
    """A company's program: keeps the events that it receives, and answers with `status` and `headers`."""

    def __init__(self, port: int, scheme: str = "http") -> None:
        self.received: list[ReceivedEvent] = []
        self.url = f"{scheme}://{LOOPBACK}:{port}/hooks?of=acme"
        self.status: Callable[[ReceivedEvent], int] = lambda _: 204
        self.headers: dict[str, str] = {}
        self.before_answer: Callable[[], Any] | None = None

    @property
    def ids(self) -> list[str]:
        """The ids of the received events, in order."""
        return [event.id for event in self.received]

    async def handle(self, request: web.Request) -> web.Response:
        """Keep an event and answer it."""
        headers = request.headers
        signatures = headers["webhook-signature"].split()
        event = ReceivedEvent(headers["webhook-id"], headers["webhook-timestamp"], signatures, await request.read())
        assert headers["Content-Type"] == "application/json"
        self.received.append(event)
        if self.before_answer is not None:
            await self.before_answer()
        return web.Response(status=self.status(event), headers=self.headers, body=b"x" * 100_000)


@asynccontextmanager
async def run_receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Run a receiver within the context, on a free port."""
    receiver = Receiver(free_port(), "http" if tls is None else "https")
    served = web.Application()
    served.router.add_post("/hooks", receiver.handle)
    runner = web.AppRunner(served, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    port = int(receiver.url.split(":")[2].partition("/")[0])
    await web.TCPSite(runner, LOOPBACK, port, ssl_context=tls).start()
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def publish_event(
    database: asyncpg.Connection,
    cause: str = "test",
    kind: EventType = EventType.TOP_UP_SUCCEEDED,
    *,
    company: str = "acme",
) -> int:
    """Publish an event; return its serial."""
    assert await publish(database, Notice(company, cause, kind, {"amount_micros": 9 * 10**15, "name": "x"}))
    serial: int = await database.fetchval("SELECT max(serial) FROM events")
    return serial


async def send_due_events(wallets: Wallets, *, allow_private: bool = True, tls: ssl.SSLContext | None = None) -> int:
    """Run a worker once; return how many events it delivered."""
    worker = WebhookWorker(wallets.events, allow_private=allow_private, tls=tls)
    async with asyncio.timeout(RUN_SECONDS_MAX):
        return await worker.run_once()


async def pass_time(database: asyncpg.Connection, seconds: float) -> None:
    """Let time pass for all webhooks and events, without waiting for it."""
    await database.execute(
        "UPDATE webhooks SET due_at = due_at - $1 * interval '1 s', "
        "claimed_until = claimed_until - $1 * interval '1 s', "
        "failing_since = failing_since - $1 * interval '1 s', previous_until = previous_until - $1 * interval '1 s'",
        seconds,
    )
    await database.execute(
        "UPDATE events SET due_at = due_at - $1 * interval '1 s', wanted_at = wanted_at - $1 * interval '1 s'", seconds
    )


async def delivery_states(database: asyncpg.Connection) -> list[Delivery]:
    """Return the delivery states of all events, in their order."""
    return [Delivery(row["delivery"]) for row in await database.fetch("SELECT delivery FROM events ORDER BY serial")]
