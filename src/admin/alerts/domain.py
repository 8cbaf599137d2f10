"""Low-balance alerts: how long the money lasts, and when somebody is told.

The burn rate is what was spent on today and the seven days before it (UTC), over the time that has passed since the
first of these days on which anything was: a week evens out the days on which a company sends little. A day is the least
that is counted, so that the first minutes of a company say nothing of its weeks. Refunds are not taken off.

A threshold is an amount, or the money that lasts for a time at that rate. Falling below it is a crossing. A state is
left only well above its threshold, or after a top-up, so that a balance on the line does not tell people again and
again.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum

import msgspec

DAY_SECONDS = 86_400
BURN_DAYS = 7
"""Whole days before today that the rate is reckoned from."""
CLEARING_PART = 4
"""A state is left at 1/4 above its threshold, or at the threshold where the balance has risen by 1/4 of it."""
SECONDS_LEFT_MAX = 10 * 365 * DAY_SECONDS
"""What lasts longer has no end that is worth a date."""
TIME_LEFT_SECONDS_MAX = 365 * DAY_SECONDS
"""The longest threshold."""


class AlertState(IntEnum):
    """How near its end a balance is. The values are stored: never renumber them."""

    OK = 1
    WARNING = 2
    CRITICAL = 3


class Threshold(msgspec.Struct, frozen=True):
    """One of the two: seconds of usage left, 1 to TIME_LEFT_SECONDS_MAX, or micros left, 0 to 9e15."""

    seconds: int | None = None
    amount: int | None = None

    def level(self, burn: "Burn") -> int:
        """Return the amount in micros that what is available must not fall below."""
        if self.amount is not None:
            return self.amount
        assert self.seconds is not None
        return -(-burn.spent * self.seconds // burn.seconds)


class AlertPolicy(msgspec.Struct, frozen=True):
    """Below what a company is told."""

    warning: Threshold = Threshold(seconds=7 * DAY_SECONDS)
    critical: Threshold = Threshold(seconds=DAY_SECONDS)


DEFAULT = AlertPolicy()


class Burn(msgspec.Struct, frozen=True):
    """So many micros were spent in so many seconds, at least a day."""

    spent: int
    seconds: int


class Standing(msgspec.Struct, frozen=True):
    """What a company has, in micros, and what it used of late."""

    balance: int
    available: int
    """Less than the balance by what is held, and by the floor."""
    burn: Burn
    topped_up: bool = False
    """Whether a top-up came in since the last look, however small."""


class Remembered(msgspec.Struct, frozen=True):
    """What is known from the last look: the state, and the lowest balance seen in it, in micros."""

    state: AlertState = AlertState.OK
    lowest: int = 0


def burn_window(now: int) -> date:
    """Return the first day that counts. `now` in microseconds since the epoch."""
    return _day(now) - timedelta(days=BURN_DAYS)


def burn_of(spent_by_day: Mapping[date, int], now: int) -> Burn:
    """Return the rate of late. Days are UTC's, and those before the window are left out; `now` as above."""
    counted = {day: spent for day, spent in spent_by_day.items() if day >= burn_window(now) and spent > 0}
    if not counted:
        return Burn(0, DAY_SECONDS)
    began = datetime.combine(min(counted), datetime.min.time(), UTC)
    passed = now // 1_000_000 - int(began.timestamp())
    return Burn(sum(counted.values()), max(passed, DAY_SECONDS))


def seconds_left(available: int, burn: Burn) -> int | None:
    """Return how long `available` micros last at a rate; None: for ever, as far as one can say."""
    if available <= 0:
        return 0
    if not burn.spent:
        return None
    seconds = available * burn.seconds // burn.spent
    return seconds if seconds <= SECONDS_LEFT_MAX else None


def empty_at(available: int, burn: Burn, now: int) -> int | None:
    """Return when nothing is left, in microseconds since the epoch as `now` is; None where that is never."""
    seconds = seconds_left(available, burn)
    return None if seconds is None else now + seconds * 1_000_000


def judged(before: Remembered, standing: Standing, policy: AlertPolicy) -> Remembered:
    """Return how a company stands now. A state that is worse than before is a crossing: somebody is to be told."""
    state = _state(before, standing, policy)
    if state is not before.state:
        return Remembered(state, standing.balance)
    return Remembered(state, min(before.lowest, standing.balance))


def _state(before: Remembered, standing: Standing, policy: AlertPolicy) -> AlertState:
    for state, threshold in ((AlertState.CRITICAL, policy.critical), (AlertState.WARNING, policy.warning)):
        level = threshold.level(standing.burn)
        if standing.available < level:
            return state
        if before.state >= state and not _cleared(before, standing, level):
            return state
    return AlertState.OK


def _cleared(before: Remembered, standing: Standing, level: int) -> bool:
    """Return whether a state may be left, with at least `level` available: not by a little, and not with nothing."""
    if standing.available <= 0:
        return False
    if standing.topped_up:
        return True
    if standing.available * CLEARING_PART >= level * (CLEARING_PART + 1):
        return True
    return (standing.balance - before.lowest) * CLEARING_PART >= level


def _day(now: int) -> date:
    return datetime.fromtimestamp(now // 1_000_000, UTC).date()
