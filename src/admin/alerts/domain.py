"""Low-balance alerts: how long a balance lasts, and when a company is alerted.

The burn rate is the money spent today and on the seven days before (UTC), divided by the time since the first of these
days with any spending: a week evens out days with little traffic. The time is at least a day, so that the first minutes
of a company are not extrapolated. Refunds are not deducted.

A threshold is an amount, or the amount that lasts for a time at that rate. Falling below it is a crossing. A state is
left only well above its threshold, or after a top-up (hysteresis), so that a balance around a threshold does not cause
an alert again and again.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum

import msgspec

DAY_SECONDS = 86_400
BURN_DAYS = 7
"""The whole days before today that count for the burn rate."""
CLEARING_PART = 4
"""A state is left at 1/4 above its threshold, or at the threshold if the balance has risen by 1/4 of it."""
SECONDS_LEFT_MAX = 10 * 365 * DAY_SECONDS
"""If the balance lasts longer, no date is estimated."""
TIME_LEFT_SECONDS_MAX = 365 * DAY_SECONDS
"""The longest time of a threshold."""


class AlertState(IntEnum):
    """How close a balance is to its end. The values are stored: never renumber them."""

    OK = 1
    WARNING = 2
    CRITICAL = 3


class Threshold(msgspec.Struct, frozen=True):
    """Either the seconds that the balance lasts, 1 to TIME_LEFT_SECONDS_MAX, or an amount in micros, 0 to 9e15."""

    seconds: int | None = None
    amount: int | None = None

    def level(self, burn: "BurnRate") -> int:
        """Return the threshold at a burn rate as an amount in micros of the available balance."""
        if self.amount is not None:
            return self.amount
        assert self.seconds is not None
        return -(-burn.spent * self.seconds // burn.seconds)


class AlertPolicy(msgspec.Struct, frozen=True):
    """The thresholds below which a company is alerted."""

    warning: Threshold = Threshold(seconds=7 * DAY_SECONDS)
    critical: Threshold = Threshold(seconds=DAY_SECONDS)


DEFAULT = AlertPolicy()


class BurnRate(msgspec.Struct, frozen=True):
    """`spent` micros in `seconds`, which are at least a day."""

    spent: int
    seconds: int


class BalanceStatus(msgspec.Struct, frozen=True):
    """A company's balance, in micros, and its recent burn rate."""

    balance: int
    available: int
    """The balance minus the amount held and the floor."""
    burn: BurnRate
    topped_up: bool = False
    """Whether there was a top-up, however small, since the last evaluation."""


class LastEvaluation(msgspec.Struct, frozen=True):
    """The result of the last evaluation: the state, and the lowest balance evaluated in it, in micros."""

    state: AlertState = AlertState.OK
    lowest: int = 0


def burn_window(now: int) -> date:
    """Return the first day that counts for the burn rate. `now` is in microseconds since the epoch."""
    return _day(now) - timedelta(days=BURN_DAYS)


def burn_rate_of(spent_by_day: Mapping[date, int], now: int) -> BurnRate:
    """Return the burn rate of spending by day (UTC). Days before the window are ignored; `now` as for `burn_window`."""
    counted = {day: spent for day, spent in spent_by_day.items() if day >= burn_window(now) and spent > 0}
    if not counted:
        return BurnRate(0, DAY_SECONDS)
    began = datetime.combine(min(counted), datetime.min.time(), UTC)
    passed = now // 1_000_000 - int(began.timestamp())
    return BurnRate(sum(counted.values()), max(passed, DAY_SECONDS))


def seconds_left(available: int, burn: BurnRate) -> int | None:
    """Return how long `available` micros last at a burn rate; None: longer than SECONDS_LEFT_MAX."""
    if available <= 0:
        return 0
    if not burn.spent:
        return None
    seconds = available * burn.seconds // burn.spent
    return seconds if seconds <= SECONDS_LEFT_MAX else None


def empty_at(available: int, burn: BurnRate, now: int) -> int | None:
    """Return when nothing is left, in microseconds since the epoch as `now` is; None as for `seconds_left`."""
    seconds = seconds_left(available, burn)
    return None if seconds is None else now + seconds * 1_000_000


def evaluate(before: LastEvaluation, status: BalanceStatus, policy: AlertPolicy) -> LastEvaluation:
    """Return the new evaluation of a company. A state that is worse than before is a crossing: it is alerted."""
    state = _state(before, status, policy)
    if state is not before.state:
        return LastEvaluation(state, status.balance)
    return LastEvaluation(state, min(before.lowest, status.balance))


def _state(before: LastEvaluation, status: BalanceStatus, policy: AlertPolicy) -> AlertState:
    for state, threshold in ((AlertState.CRITICAL, policy.critical), (AlertState.WARNING, policy.warning)):
        level = threshold.level(status.burn)
        if status.available < level:
            return state
        if before.state >= state and not _cleared(before, status, level):
            return state
    return AlertState.OK


def _cleared(before: LastEvaluation, status: BalanceStatus, level: int) -> bool:
    """Return whether a state ends with at least `level` available: not after a small rise, and never at 0 or less."""
    if status.available <= 0:
        return False
    if status.topped_up:
        return True
    if status.available * CLEARING_PART >= level * (CLEARING_PART + 1):
        return True
    return (status.balance - before.lowest) * CLEARING_PART >= level


def _day(now: int) -> date:
    return datetime.fromtimestamp(now // 1_000_000, UTC).date()
