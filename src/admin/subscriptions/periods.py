"""The calendar of recurring charges: when each period begins and ends. UTC alone, so no day has 23 or 25 hours.

Times are microseconds since the epoch. Periods are numbered; each ends when the next one begins.
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
    """What periods are counted in. The values are stored: never renumber them."""

    DAY = 1
    WEEK = 2
    MONTH = 3


class Period(NamedTuple):
    """From `starts_at` up to, and not including, `ends_at`. `whole` is how long it is when not cut short."""

    starts_at: int
    ends_at: int
    whole: int

    @property
    def cut(self) -> bool:
        """Whether it began between two anchors, and is shorter than a period."""
        return self.ends_at - self.starts_at < self.whole


class Schedule(msgspec.Struct, frozen=True):
    """Periods of `count` units, one after the other, from `origin_at` on; the first of them has number `first`.

    `anchor_day` is the day of the month, 1 to 31, on which periods of months begin: the last day of the month where
    it is shorter, and the 31st again in the next one that has it. Days and weeks have none (0): they follow from the
    origin. Every period begins at the origin's time of day. Where the origin is not on the anchor day, the first period
    is cut short: it ends at the next anchor.
    """

    unit: Unit
    count: int
    origin_at: int
    anchor_day: int = 0
    first: int = 1

    def period(self, number: int) -> Period:
        """Return a period, `first` or later."""
        place = number - self.first
        assert place >= 0, "there is no period before the origin"
        if self.unit is not Unit.MONTH:
            length = self.count * DAY_US * (DAYS_PER_WEEK if self.unit is Unit.WEEK else 1)
            starts_at = self.origin_at + place * length
            return Period(starts_at, starts_at + length, length)
        starts_at, ends_at = self._anchor(place), self._anchor(place + 1)
        whole = ends_at - starts_at
        return Period(max(starts_at, self.origin_at), ends_at, whole)

    def _anchor(self, place: int) -> int:
        """Return where a period begins. That of the first may be before the origin, which then cuts it short."""
        month = month_of(self.origin_at)
        if anchored(month, self.anchor_day, self.origin_at) < self.origin_at:
            month += 1
        # `month` has the first anchor that is not before the origin: the first period's, or the second's.
        on_anchor = anchored(month, self.anchor_day, self.origin_at) == self.origin_at
        return anchored(month + (place - (not on_anchor)) * self.count, self.anchor_day, self.origin_at)


def month_of(at: int) -> int:
    """Return the month of a time, in months since the year 0."""
    day = _date(at)
    return day.year * MONTHS_PER_YEAR + day.month - 1


def day_of(at: int) -> int:
    """Return the day of the month of a time, 1 to 31."""
    return _date(at).day


def anchored(month: int, day: int, time_of_day: int) -> int:
    """Return the anchor in a month (as of `month_of`): on `day` or the month's last, at the time of day of a time."""
    year, index = divmod(month, MONTHS_PER_YEAR)
    first = date(year, index + 1, 1)
    following = date(year + (index + 1) // MONTHS_PER_YEAR, (index + 1) % MONTHS_PER_YEAR + 1, 1)
    last = (following - timedelta(days=1)).day
    days = (first - _EPOCH).days + min(day, last) - 1
    return days * DAY_US + time_of_day % DAY_US


def _date(at: int) -> date:
    return _EPOCH + timedelta(days=at // DAY_US)
