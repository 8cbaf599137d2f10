"""Charges the periods of subscriptions that are due.

After an outage, each period that was missed is charged, in order and once: the number was rented meanwhile. What has no
money for it is past due from the first period on that is declined, not from when it was due.
"""

import asyncio
import time

import structlog

from admin.metrics import subscription_steps
from admin.subscriptions.domain import Subscription, SubscriptionState
from admin.subscriptions.lifecycle import Renewals
from admin.subscriptions.store import Subscriptions
from admin.subscriptions.transitions import postponed
from wallet.domain.errors import Applied, LedgerUnavailable, Unavailable

PAUSE_SECONDS = 5.0
RUN_SECONDS_MAX = 10.0
ENGINE_SECONDS_MAX = 10.0
AT_ONCE = 16
"""How many subscriptions are charged side by side."""
PERIODS_PER_TURN_MAX = 12
"""How many periods of a subscription are charged before it is the next one's turn."""

log = structlog.get_logger(__name__)


class SubscriptionWorker:
    """Goes through what is due, in the order in which it became due."""

    def __init__(self, subscriptions: Subscriptions, renewals: Renewals) -> None:
        """Charge with `renewals`."""
        self._subscriptions = subscriptions
        self._renewals = renewals

    async def run_once(self, now: int | None = None) -> int:
        """Do what is due at `now`, or for RUN_SECONDS_MAX; return how many periods were charged.

        `now` is Postgres's time unless it is given, in microseconds since the epoch. Raises LedgerUnavailable, and in
        the end a fault that one subscription met: it rests for an hour, and the others do not wait for it.
        """
        if now is None:
            now = await self._subscriptions.now()
        give_up_at = time.monotonic() + RUN_SECONDS_MAX
        charged, place, faults = 0, (0, 0), list[Exception]()
        while time.monotonic() < give_up_at and (found := await self._subscriptions.due(now, place, AT_ONCE)):
            place = _place(found[-1])
            # Side by side, so that the engine takes them in one cycle.
            turns = await asyncio.gather(*(self._turn(due, now) for due in found), return_exceptions=True)
            for due, result in zip(found, turns, strict=True):
                if isinstance(result, int):
                    charged += result
                elif isinstance(result, Unavailable):
                    log.warning("subscription_waits", company=due.company, subscription=due.id, error=repr(result))
                elif isinstance(result, Exception):
                    faults.append(result)
                    # Only as it was seen: whoever has changed it meanwhile may have got past the fault.
                    await self._subscriptions.save(due, postponed(due, now))
                else:
                    raise result
            if any(isinstance(result, LedgerUnavailable) for result in turns):
                raise LedgerUnavailable("Postgres went away", applied=Applied.UNKNOWN)
        if faults:
            raise faults[0]
        return charged

    async def _turn(self, due: Subscription, now: int) -> int:
        """Do what is due for one subscription; return how many periods were charged."""
        at = due
        for _ in range(PERIODS_PER_TURN_MAX):
            before, at = at, await self._renewals.step(at, now, timeout=ENGINE_SECONDS_MAX)
            _count(before, at)
            if at.due_at is None or at.due_at > now:
                break
        return at.charged - due.charged


def _count(before: Subscription, after: Subscription) -> None:
    if after.charged > before.charged:
        outcome = "charged"
    elif after.declines > before.declines and after.declined == "RateNotFound":
        outcome = "unpriced"
        log.warning("subscription_has_no_price", company=after.company, subscription=after.id)
    elif after.state is SubscriptionState.SUSPENDED:
        outcome = "suspended"
    elif after.declines > before.declines:
        outcome = "declined"
    else:
        outcome = "canceled"
    subscription_steps.labels(outcome).inc()


def _place(of: Subscription) -> tuple[int, int]:
    """Return where a subscription stands among those that are due."""
    assert of.due_at is not None
    return of.due_at, of.serial
