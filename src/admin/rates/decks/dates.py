"""Cells with times."""

from admin.rates.decks.cells import BadCell, quoted
from admin.time_text import UnreadableTime, parse_time


class TimeParser:
    """Parses the times of a deck."""

    def __init__(self, date_format: str = "") -> None:
        """Parse dates that are not in ISO 8601 by a format of strptime; without one, as DD.MM.YYYY."""
        self._format = date_format

    def parse(self, text: str) -> int:
        """Return a time in microseconds since the epoch, up to TIME_MAX; without an offset it is in UTC.

        Raises BadCell.
        """
        try:
            return parse_time(text, self._format)
        except UnreadableTime as error:
            raise BadCell(self._problem(text.strip(), str(error))) from error

    def _problem(self, text: str, problem: str) -> str:
        if problem == "is not a date" and self._format:
            return f"{quoted(text)} is neither written as {quoted(self._format)} says nor as in 2026-12-31"
        advice = {
            "is not a date": ": write it as in 2026-12-31, 2026-12-31T23:00:00Z or 31.12.2026",
            "may be day/month or month/day": (
                ": say which by date_format, %d/%m/%Y or %m/%d/%Y, or write it as in 2026-12-31"
            ),
        }
        return f"{quoted(text)} {problem}{advice.get(problem, '')}"
