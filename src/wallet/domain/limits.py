"""Spend limits: upper bounds of the spending in an hour, a day or a month, in UTC."""

from datetime import UTC, datetime
from enum import IntEnum

import msgspec

from wallet.domain.usage import Channel

LIMITS_PER_COMPANY_MAX = 16

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


class Window(IntEnum):
    """The window that a limit counts in. The values are stored: never renumber them."""

    HOUR = 1
    DAY = 2
    MONTH = 3


class SpendLimit(msgspec.Struct, frozen=True, gc=False):
    """The most that a company may spend in a window. `amount` in micros, 0 to 9e15.

    Only usage of `channel` and `country` counts; None and "": any.
    """

    company: str
    id: str
    window: Window
    amount: int
    channel: Channel | None = None
    country: str = ""
    counts_from: int = 0
    """Start of the window in which the limit was made (µs since the epoch): earlier windows are not counted."""


class SpendCounter(msgspec.Struct, frozen=True, gc=False):
    """The spending in one window of one limit. `starts_at` in microseconds since the epoch, `spent` in micros."""

    limit: str
    starts_at: int
    spent: int


class SpendLimitState(msgspec.Struct, frozen=True, gc=False):
    """A limit and the spending in its present window, in micros. `resets_at` in microseconds since the epoch."""

    limit: SpendLimit
    spent: int
    resets_at: int


def window_start(window: Window, at: int) -> int:
    """Return the start of the window that contains `at`. Both in microseconds since the epoch."""
    match window:
        case Window.HOUR:
            return at - at % HOUR_US
        case Window.DAY:
            return at - at % DAY_US
        case Window.MONTH:
            day = datetime.fromtimestamp(at // 1_000_000, UTC)
            return int(datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()) * 1_000_000


def window_end(window: Window, starts_at: int) -> int:
    """Return the end of the window that begins at `starts_at`. Both in microseconds since the epoch."""
    match window:
        case Window.HOUR:
            return starts_at + HOUR_US
        case Window.DAY:
            return starts_at + DAY_US
        case Window.MONTH:
            return window_start(Window.MONTH, starts_at + 32 * DAY_US)
