"""Sends events to companies' webhooks: each at least once and in order, and no slow receiver delays other companies.

A company is claimed; its events are sent one after the other, and each is marked. If the worker is killed between the
receiver's answer and the mark, its claim expires, and the event is sent again with the same id.
"""

import asyncio
import ssl
import time

import structlog

from admin.metrics import webhook_events_oldest_seconds, webhook_events_waiting, webhook_tries
from admin.notices.domain import Delivery
from admin.webhooks.domain import Claim, DueEvent
from admin.webhooks.event_store import Events
from admin.webhooks.sender import ATTEMPT_SECONDS_MAX, DeliveryFailed, Sender, open_sender

PAUSE_SECONDS = 1.0
COMPANIES_AT_ONCE_MAX = 20
RUN_SECONDS_MAX = 10.0
"""After so long no further event is begun."""
POLL_SECONDS = 0.5
"""How often further companies are claimed while slow receivers are being waited for."""
CLAIM_SECONDS = 60.0
"""Longer than a run and its last event take."""
assert RUN_SECONDS_MAX + ATTEMPT_SECONDS_MAX < CLAIM_SECONDS

log = structlog.get_logger(__name__)


class WebhookWorker:
    """Sends due events, to up to COMPANIES_AT_ONCE_MAX companies at once."""

    def __init__(self, events: Events, *, allow_private: bool, tls: ssl.SSLContext | None = None) -> None:
        """Send the events of `events`; `allow_private` allows addresses that are not public."""
        self._events = events
        self._allow_private = allow_private
        self._tls = tls

    async def run_once(self) -> int:
        """Send due events, for up to RUN_SECONDS_MAX; return how many were delivered. Raises LedgerUnavailable."""
        try:
            return await self._run()
        finally:
            backlog = await self._events.backlog()
            webhook_events_waiting.set(backlog.events)
            webhook_events_oldest_seconds.set(backlog.oldest_seconds)

    async def _run(self) -> int:
        stop_at = time.monotonic() + RUN_SECONDS_MAX
        sent = 0
        running: set[asyncio.Task[int]] = set()
        async with open_sender(allow_private=self._allow_private, tls=self._tls) as sender:
            try:
                while True:
                    if time.monotonic() < stop_at and len(running) < COMPANIES_AT_ONCE_MAX:
                        claims = await self._events.claim(COMPANIES_AT_ONCE_MAX - len(running), CLAIM_SECONDS)
                        running |= {asyncio.create_task(self._send_events(sender, claim, stop_at)) for claim in claims}
                    if not running:
                        return sent
                    done, running = await asyncio.wait(
                        running, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED
                    )
                    sent += sum(task.result() for task in done)
            finally:
                # If Postgres fails or this process stops: the claims expire.
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    async def _send_events(self, sender: Sender, claim: Claim, stop_at: float) -> int:
        """Send a company's due events until one fails; return how many were delivered."""
        sent = 0
        while time.monotonic() < stop_at and (event := await self._events.next_due(claim)) is not None:
            error = await _send(sender, event)
            if error is not None:
                state = await self._events.record_failure(claim, event, error)
                webhook_tries.labels("given_up" if state is Delivery.GIVEN_UP else "deferred").inc()
                # The URL may contain a secret of the company, and stays out of the log.
                log.warning(
                    "webhook_event_not_delivered",
                    company=event.company,
                    serial=event.serial,
                    again=state is Delivery.WAITING,
                    error=error,
                )
                return sent
            await self._events.record_delivery(event)
            webhook_tries.labels("delivered").inc()
            sent += 1
        await self._events.release(claim)
        return sent


async def _send(sender: Sender, event: DueEvent) -> str | None:
    """Send an event; return None, or why it was not delivered. A bug of ours stops no other company's events."""
    try:
        await sender.send(event)
    except DeliveryFailed as error:
        return str(error)
    except Exception:
        log.exception("webhook_event_cannot_be_sent", company=event.company, serial=event.serial)
        return "the service has a fault"
    return None
