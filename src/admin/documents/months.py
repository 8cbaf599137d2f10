"""Months of the calendar, in UTC."""

import calendar
from datetime import UTC, date, datetime

import msgspec

_MICROSECONDS = 1_000_000
YEAR_MIN, YEAR_MAX = 1970, 9998


class Month(msgspec.Struct, frozen=True, order=True):
    """A month, such as 2026-11."""

    year: int
    month: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Parse "2026-11". Raises ValueError unless it is a month of the years 1970 to 9998."""
        found = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        if not YEAR_MIN <= found.year <= YEAR_MAX or text != f"{found:%Y-%m}":
            raise ValueError(f"{text} is not a month")
        return cls(found.year, found.month)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def first(self) -> date:
        """The first day."""
        return date(self.year, self.month, 1)

    @property
    def last(self) -> date:
        """The last day."""
        return date(self.year, self.month, calendar.monthrange(self.year, self.month)[1])

    @property
    def starts_at(self) -> int:
        """The start, in microseconds since the epoch."""
        return int(datetime(self.year, self.month, 1, tzinfo=UTC).timestamp()) * _MICROSECONDS

    @property
    def ends_at(self) -> int:
        """The end (exclusive), in microseconds since the epoch."""
        return self.next.starts_at

    @property
    def next(self) -> "Month":
        """The next month."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)
