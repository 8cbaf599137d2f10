"""Charges the periods of subscriptions that are due.

After an outage each missed period is charged, once and in order: the number was rented meanwhile. A company without the
money for them is past due from the time of the first decline, not from when the period was due.
"""

import asyncio
import time

import structlog

from admin.metrics import subscription_steps
from admin.subscriptions.domain import Subscription, SubscriptionState
from admin.subscriptions.lifecycle import SubscriptionLifecycle
from admin.subscriptions.store import Subscriptions
from admin.subscriptions.transitions import postpone
from wallet.domain.errors import Applied, LedgerUnavailable, Unavailable

PAUSE_SECONDS = 5.0
RUN_SECONDS_MAX = 10.0
ENGINE_SECONDS_MAX = 10.0
AT_ONCE_MAX = 16
"""How many subscriptions are charged concurrently."""
PERIODS_PER_TURN_MAX = 12
"""How many periods of one subscription are charged before others have their turn."""

log = structlog.get_logger(__name__)


class SubscriptionWorker:
    """Processes due subscriptions, in the order in which they became due."""

    def __init__(self, subscriptions: Subscriptions, lifecycle: SubscriptionLifecycle) -> None:
        """Find due subscriptions in `subscriptions`, and process them by `lifecycle`."""
        self._subscriptions = subscriptions
        self._lifecycle = lifecycle

    async def run_once(self, now: int | None = None) -> int:
        """Process subscriptions that are due at `now`, for up to RUN_SECONDS_MAX; return how many periods were charged.

        `now` is in microseconds since the epoch; None: Postgres's time. Raises LedgerUnavailable, and at the end the
        first unexpected error: its subscription is postponed by an hour, and the others do not wait for it.
        """
        if now is None:
            now = await self._subscriptions.now()
        give_up_at = time.monotonic() + RUN_SECONDS_MAX
        charged, position, errors = 0, (0, 0), list[Exception]()
        while time.monotonic() < give_up_at and (found := await self._subscriptions.due(now, position, AT_ONCE_MAX)):
            position = _position(found[-1])
            # Concurrently, so that the engine settles them in one cycle.
            turns = await asyncio.gather(*(self._turn(due, now) for due in found), return_exceptions=True)
            for due, result in zip(found, turns, strict=True):
                if isinstance(result, int):
                    charged += result
                elif isinstance(result, Unavailable):
                    log.warning("subscription_waits", company=due.company, subscription=due.id, error=repr(result))
                elif isinstance(result, Exception):
                    errors.append(result)
                    # Only the version that was read: another process may have processed it successfully since.
                    await self._subscriptions.save(due, postpone(due, now))
                else:
                    raise result
            if any(isinstance(result, LedgerUnavailable) for result in turns):
                raise LedgerUnavailable("Postgres does not answer", applied=Applied.UNKNOWN)
        if errors:
            raise errors[0]
        return charged

    async def _turn(self, due: Subscription, now: int) -> int:
        """Process one subscription; return how many periods were charged."""
        current = due
        for _ in range(PERIODS_PER_TURN_MAX):
            before, current = current, await self._lifecycle.step(current, now, timeout=ENGINE_SECONDS_MAX)
            _count(before, current)
            if current.due_at is None or current.due_at > now:
                break
        return current.charged - due.charged


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


def _position(due: Subscription) -> tuple[int, int]:
    """Return the position of a subscription in the order of those that are due."""
    assert due.due_at is not None
    return due.due_at, due.serial
