"""Cells with times."""

import re
from datetime import UTC, datetime, timedelta

from admin.rates.decks.cells import BadCell, quoted
from wallet.domain.times import TIME_MAX

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?\s?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
_WITH_DOTS = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?")


class TimeParser:
    """Parses the times of a deck."""

    def __init__(self, date_format: str = "") -> None:
        """Parse dates that are not in ISO 8601 by a format of strptime; without one, as DD.MM.YYYY."""
        self._format = date_format

    def parse(self, text: str) -> int:
        """Return a time in microseconds since the epoch, up to TIME_MAX; without an offset it is in UTC.

        Raises BadCell.
        """
        text = text.strip()
        time = self._time(text)
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        micros = (time - _EPOCH) // _MICROSECOND
        if not 0 <= micros <= TIME_MAX:
            raise BadCell(f"{quoted(text)} is not between the years 1970 and 9999")
        return micros

    def _time(self, text: str) -> datetime:
        # The deck's own format takes precedence, so that "%Y-%d-%m" is possible.
        if self._format:
            try:
                return datetime.strptime(text, self._format)  # noqa: DTZ007  Without an offset it is in UTC.
            except ValueError:
                pass
        try:
            if _ISO.fullmatch(text):
                return datetime.fromisoformat(text.replace(" Z", "Z"))
            if not self._format and _WITH_DOTS.fullmatch(text):
                return _parse_with_dots(text)
        except ValueError as error:
            raise BadCell(f"{quoted(text)} is not a valid date") from error
        raise BadCell(self._problem(text))

    def _problem(self, text: str) -> str:
        if self._format:
            return f"{quoted(text)} is neither written as {quoted(self._format)} says nor as in 2026-12-31"
        if "/" in text:
            return (
                f"{quoted(text)} may be day/month or month/day: say which by date_format, %d/%m/%Y or %m/%d/%Y, or"
                " write it as in 2026-12-31"
            )
        return f"{quoted(text)} is not a date: write it as in 2026-12-31, 2026-12-31T23:00:00Z or 31.12.2026"


def _parse_with_dots(text: str) -> datetime:
    date, _, time = text.partition(" ")
    day, month, year = map(int, date.split("."))
    hour, minute, second, *_ = (*map(int, time.split(":") if time else ()), 0, 0, 0)
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  Without an offset it is in UTC.


def format_time(micros: int) -> str:
    """Return a time in a format that TimeParser reads: "2026-12-31T23:00:00Z"."""
    time = _EPOCH + micros * _MICROSECOND
    return time.isoformat().replace("+00:00", "Z")
