"""Sends events to companies' webhooks: each at least once, in their order, and no company in another's way.

A company is claimed; its events are sent one after the other, and each is marked. Who is killed between the receiver's
yes and the mark leaves a claim that is over by itself, and the event is sent again, under the same id.
"""

import asyncio
import ssl
import time

import structlog

from admin.metrics import webhook_events_oldest_seconds, webhook_events_waiting, webhook_tries
from admin.notices.domain import Delivery
from admin.webhooks.domain import Claim, Parcel
from admin.webhooks.event_store import Events
from admin.webhooks.sender import ATTEMPT_SECONDS_MAX, NotDelivered, Sender, sender

PAUSE_SECONDS = 1.0
COMPANIES_AT_ONCE_MAX = 20
RUN_SECONDS_MAX = 10.0
"""After which no further event is begun."""
LOOK_SECONDS = 0.5
"""How often, while slow receivers take their time, others are looked for."""
CLAIM_SECONDS = 60.0
"""Longer than a run and the last event of it take."""
assert RUN_SECONDS_MAX + ATTEMPT_SECONDS_MAX < CLAIM_SECONDS

log = structlog.get_logger(__name__)


class WebhookWorker:
    """Sends what waits."""

    def __init__(self, events: Events, *, allow_private: bool, tls: ssl.SSLContext | None = None) -> None:
        """Send what `events` has; `allow_private` also to addresses that are not public."""
        self._events = events
        self._allow_private = allow_private
        self._tls = tls

    async def run_once(self) -> int:
        """Send what is due, or for RUN_SECONDS_MAX; return how many events got through. Raises LedgerUnavailable."""
        try:
            return await self._run()
        finally:
            waiting = await self._events.waiting()
            webhook_events_waiting.set(waiting.events)
            webhook_events_oldest_seconds.set(waiting.oldest_seconds)

    async def _run(self) -> int:
        stop_at = time.monotonic() + RUN_SECONDS_MAX
        sent = 0
        running: set[asyncio.Task[int]] = set()
        async with sender(allow_private=self._allow_private, tls=self._tls) as way:
            try:
                while True:
                    if time.monotonic() < stop_at and len(running) < COMPANIES_AT_ONCE_MAX:
                        claims = await self._events.claim(COMPANIES_AT_ONCE_MAX - len(running), CLAIM_SECONDS)
                        running |= {asyncio.create_task(self._company(way, claim, stop_at)) for claim in claims}
                    if not running:
                        return sent
                    done, running = await asyncio.wait(
                        running, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                    )
                    sent += sum(task.result() for task in done)
            finally:
                # Where the ledger is away, or this process stops: claims are over by themselves.
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    async def _company(self, way: Sender, claim: Claim, stop_at: float) -> int:
        """Send what waits of a company, until one does not get through; return how many did."""
        sent = 0
        while time.monotonic() < stop_at and (parcel := await self._events.next(claim)) is not None:
            error = await _sent(way, parcel)
            if error is not None:
                stands = await self._events.failed(claim, parcel, error)
                webhook_tries.labels("given_up" if stands is Delivery.GIVEN_UP else "deferred").inc()
                # The URL may have a secret of the company's in it, and stays out of the log.
                log.warning(
                    "webhook_event_not_delivered",
                    company=parcel.company,
                    serial=parcel.serial,
                    again=stands is Delivery.WAITING,
                    error=error,
                )
                return sent
            await self._events.delivered(parcel)
            webhook_tries.labels("delivered").inc()
            sent += 1
        await self._events.release(claim)
        return sent


async def _sent(way: Sender, parcel: Parcel) -> str | None:
    """Send an event; return None, or why it did not get through. A fault of ours stops no other company's events."""
    try:
        await way.send(parcel)
    except NotDelivered as error:
        return str(error)
    except Exception:
        log.exception("webhook_event_cannot_be_sent", company=parcel.company, serial=parcel.serial)
        return "the service has a fault"
    return None
