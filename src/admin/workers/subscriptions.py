"""Charges the periods of subscriptions that are due.

After an outage, each period that was missed is charged, in order and once: the number was rented meanwhile. What has no
money for it is past due from the first period on that is declined, not from when it was due.
"""

import time

import structlog

from admin.metrics import subscription_steps
from wallet.domain.errors import LedgerUnavailable, Unavailable
from wallet.domain.subscription_changes import postponed
from wallet.domain.subscriptions import Subscription, SubscriptionState
from wallet.ledger.subscriptions import Subscriptions
from wallet.renewals import Renewals

PAUSE_SECONDS = 5.0
RUN_SECONDS_MAX = 10.0
ENGINE_SECONDS_MAX = 10.0
LOOK = 200
"""How many subscriptions are read at a time."""
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
        while found := await self._subscriptions.due(now, place, LOOK):
            for due in found:
                assert due.due_at is not None
                place = due.due_at, due.serial
                try:
                    charged += await self._turn(due, now)
                except LedgerUnavailable:
                    raise
                except Unavailable as error:
                    log.warning("subscription_waits", company=due.company, subscription=due.id, error=repr(error))
                except Exception as error:  # noqa: BLE001  It is raised in the end.
                    faults.append(error)
                    await self._postpone(due, now)
                if time.monotonic() > give_up_at:
                    return _raised(faults, charged)
        return _raised(faults, charged)

    async def _turn(self, due: Subscription, now: int) -> int:
        """Do what is due for one subscription; return how many periods were charged."""
        at = due
        for _ in range(PERIODS_PER_TURN_MAX):
            before, at = at, await self._renewals.step(at, now, timeout=ENGINE_SECONDS_MAX)
            _count(before, at)
            if at.due_at is None or at.due_at > now:
                break
        return at.charged - due.charged

    async def _postpone(self, due: Subscription, now: int) -> None:
        current = await self._subscriptions.get(due.company, due.id)
        await self._subscriptions.save(current, postponed(current, now))


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


def _raised(faults: list[Exception], charged: int) -> int:
    """Return how many periods were charged, or raise the first fault."""
    if faults:
        raise faults[0]
    return charged
