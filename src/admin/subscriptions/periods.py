"""The calendar of recurring charges: when each period begins and ends. In UTC, so that no day has 23 or 25 hours.

Times are in microseconds since the epoch. Periods are numbered; each ends when the next one begins.
"""

from datetime import date, timedelta
from enum import IntEnum
from typing import NamedTuple

import msgspec

from wallet.domain.limits import DAY_US

DAYS_PER_WEEK = 7
MONTHS_PER_YEAR = 12
ANCHOR_DAY_MAX = 31
_EPOCH = date(1970, 1, 1)


class Unit(IntEnum):
    """The unit of a period's length. The values are stored: never renumber them."""

    DAY = 1
    WEEK = 2
    MONTH = 3


class SubscriptionPeriod(NamedTuple):
    """The time from `starts_at` up to, excluding, `ends_at`. `whole` is the length of the uncut period."""

    starts_at: int
    ends_at: int
    whole: int

    @property
    def cut(self) -> bool:
        """Whether it began between two anchors, and is shorter than a whole period."""
        return self.ends_at - self.starts_at < self.whole


class Schedule(msgspec.Struct, frozen=True):
    """Consecutive periods of `count` units from `origin_at` on; the first has the number `first`.

    `anchor_day` is the day of the month, 1 to 31, on which monthly periods begin: the last day of a shorter month, and
    the 31st again in the next month that has one. Days and weeks have no anchor (0): they are counted from the origin.
    Every period begins at the origin's time of day. If the origin is not on the anchor day, the first period is cut: it
    ends at the next anchor.
    """

    unit: Unit
    count: int
    origin_at: int
    anchor_day: int = 0
    first: int = 1

    def period(self, number: int) -> SubscriptionPeriod:
        """Return the period with a number, `first` or later."""
        index = number - self.first
        assert index >= 0, "there is no period before the origin"
        if self.unit is not Unit.MONTH:
            length = self.count * DAY_US * (DAYS_PER_WEEK if self.unit is Unit.WEEK else 1)
            starts_at = self.origin_at + index * length
            return SubscriptionPeriod(starts_at, starts_at + length, length)
        starts_at, ends_at = self._anchor(index), self._anchor(index + 1)
        whole = ends_at - starts_at
        return SubscriptionPeriod(max(starts_at, self.origin_at), ends_at, whole)

    def _anchor(self, index: int) -> int:
        """Return the anchor of a period. That of the first may be before the origin: then the period is cut."""
        month = month_of(self.origin_at)
        if anchored(month, self.anchor_day, self.origin_at) < self.origin_at:
            month += 1
        # The first anchor that is not before the origin is in `month`. It is that of the first period or of the second.
        on_anchor = anchored(month, self.anchor_day, self.origin_at) == self.origin_at
        return anchored(month + (index - (not on_anchor)) * self.count, self.anchor_day, self.origin_at)


def month_of(at: int) -> int:
    """Return the month of a time, in months since the year 0."""
    day = _date(at)
    return day.year * MONTHS_PER_YEAR + day.month - 1


def day_of(at: int) -> int:
    """Return the day of the month of a time, 1 to 31."""
    return _date(at).day


def anchored(month: int, day: int, time_of_day: int) -> int:
    """Return the anchor in a month (see `month_of`): on `day` or the last day, at the time of day of `time_of_day`."""
    year, index = divmod(month, MONTHS_PER_YEAR)
    first = date(year, index + 1, 1)
    following = date(year + (index + 1) // MONTHS_PER_YEAR, (index + 1) % MONTHS_PER_YEAR + 1, 1)
    last = (following - timedelta(days=1)).day
    days = (first - _EPOCH).days + min(day, last) - 1
    return days * DAY_US + time_of_day % DAY_US


def _date(at: int) -> date:
    return _EPOCH + timedelta(days=at // DAY_US)
