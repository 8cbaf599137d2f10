"""Times as people write them, in decks and in options of the command line."""

import re
from datetime import UTC, datetime, timedelta

from wallet.domain.times import TIME_MAX

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Stricter than datetime.fromisoformat, which also takes 20261101 and 2026-W45: a slip would be taken for another day.
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?\s?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
_WITH_DOTS = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?")


class UnreadableTime(ValueError):
    """A text is not a time. The message follows the text in a sentence: "is not a valid date"."""


def parse_time(text: str, date_format: str = "") -> int:
    """Return a time in microseconds since the epoch, 0 to TIME_MAX; without an offset it is in UTC.

    A text that is not in ISO 8601 is read by `date_format`, a format of strptime, or without one as DD.MM.YYYY.
    Raises UnreadableTime.
    """
    time = _parse(text.strip(), date_format)
    micros = (time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH) // _MICROSECOND
    if not 0 <= micros <= TIME_MAX:
        raise UnreadableTime("is not between the years 1970 and 9999")
    return micros


def format_time(micros: int) -> str:
    """Return a time in a format that parse_time reads: "2026-12-31T23:00:00Z"."""
    time = _EPOCH + micros * _MICROSECOND
    return time.isoformat().replace("+00:00", "Z")


def _parse(text: str, date_format: str) -> datetime:
    # The format that was given takes precedence, so that "%Y-%d-%m" is possible.
    if date_format:
        try:
            return datetime.strptime(text, date_format)  # noqa: DTZ007  Without an offset it is in UTC.
        except ValueError:
            pass
    try:
        if _ISO.fullmatch(text):
            return datetime.fromisoformat(text.replace(" Z", "Z"))
        if not date_format and _WITH_DOTS.fullmatch(text):
            return _parse_with_dots(text)
    except ValueError as error:
        raise UnreadableTime("is not a valid date") from error
    if not date_format and "/" in text:
        raise UnreadableTime("may be day/month or month/day")
    raise UnreadableTime("is not a date")


def _parse_with_dots(text: str) -> datetime:
    date, _, time = text.partition(" ")
    day, month, year = map(int, date.split("."))
    hour, minute, second, *_ = (*map(int, time.split(":") if time else ()), 0, 0, 0)
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  Without an offset it is in UTC.
