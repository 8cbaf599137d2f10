"""Times in cells."""

import re
from datetime import UTC, datetime, timedelta

from admin.rates.decks.cells import BadCell, shown
from wallet.domain.times import TIME_MAX

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?\s?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?"
)
_WITH_DOTS = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?")


class Times:
    """Reads a deck's times."""

    def __init__(self, date_format: str = "") -> None:
        """Read dates that are not in ISO 8601 by a format of strptime; without one, as DD.MM.YYYY."""
        self._format = date_format

    def micros_of(self, text: str) -> int:
        """Return a time in microseconds since the epoch, up to TIME_MAX; without an offset it is in UTC.

        Raises BadCell.
        """
        text = text.strip()
        time = self._time(text)
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        micros = (time - _EPOCH) // _MICROSECOND
        if not 0 <= micros <= TIME_MAX:
            raise BadCell(f"{shown(text)} is not between the years 1970 and 9999")
        return micros

    def _time(self, text: str) -> datetime:
        # The deck's own format goes first: who gives "%Y-%d-%m" means it.
        if self._format:
            try:
                return datetime.strptime(text, self._format)  # noqa: DTZ007  Without an offset it is in UTC.
            except ValueError:
                pass
        try:
            if _ISO.fullmatch(text):
                return datetime.fromisoformat(text.replace(" Z", "Z"))
            if not self._format and _WITH_DOTS.fullmatch(text):
                return _with_dots(text)
        except ValueError as error:
            raise BadCell(f"{shown(text)} is no date that there is") from error
        raise BadCell(self._why_none(text))

    def _why_none(self, text: str) -> str:
        if self._format:
            return f"{shown(text)} is neither written as {shown(self._format)} says nor as in 2026-12-31"
        if "/" in text:
            return (
                f"{shown(text)} may be day/month or month/day: say which by date_format, %d/%m/%Y or %m/%d/%Y, or write"
                " it as in 2026-12-31"
            )
        return f"{shown(text)} is no date: write it as in 2026-12-31, 2026-12-31T23:00:00Z or 31.12.2026"


def _with_dots(text: str) -> datetime:
    date, _, time = text.partition(" ")
    day, month, year = map(int, date.split("."))
    hour, minute, second, *_ = (*map(int, time.split(":") if time else ()), 0, 0, 0)
    return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  Without an offset it is in UTC.


def time_text(micros: int) -> str:
    """Return a time as Times reads it: "2026-12-31T23:00:00Z"."""
    time = _EPOCH + micros * _MICROSECOND
    return time.isoformat().replace("+00:00", "Z")
