"""Reads a deck: every row as a rate, or every row that keeps the deck out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import pairwise
from typing import Generic, TypeVar

from admin.rates.decks.cells import (
    BadCell,
    channel_of,
    country_of,
    description_of,
    prefix_of,
    variant_of,
)
from admin.rates.decks.columns import Columns, columns_of, recognized
from admin.rates.decks.dates import Times, time_text
from admin.rates.decks.files import BadFile, Row, rows_of
from admin.rates.decks.numbers import Amounts, increments_of, quantity_of
from wallet.domain.rates import NEVER, Place, Rate
from wallet.domain.usage import Channel

BAD_ROWS_LISTED_MAX = 10_000
CELLS_REMEMBERED = 4_096
"""Of each column: most cells of a deck say what one before them said."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DeckSettings:
    """How a deck is read."""

    channel: Channel | None = None
    """What it is for; None: it has a column for that. Where it has one as well, that may say nothing else."""
    variant: str = ""
    """The variant of its rows, where it has no column for it."""
    effective_at: int | None = None
    """When rows begin that have no date of their own, in microseconds since the epoch; None: now."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Field, one of columns.NAMES → header, for columns without a usual name."""
    date_format: str = ""
    """How dates are written that are not in ISO 8601, as strptime reads them."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """Why a row cannot be read. `line` is where it begins, from 1; `column` its header, or empty if it is all of it."""

    line: int
    column: str
    description: str


@dataclass(frozen=True, slots=True)
class Deck:
    """What was read. Nothing of a deck with bad rows can be used, so it has no rates."""

    rates: list[Rate]
    rows: int
    """How many rows were looked at, the header and empty ones left out."""
    bad_rows: list[BadRow]
    """By line, BAD_ROWS_LISTED_MAX at most."""
    bad_rows_found: int
    ignored_columns: tuple[str, ...] = ()
    """Headers that mean nothing here: whoever sent the deck should know that they were passed over."""


class _BadRows:
    """Lists bad rows as far as they are listed, and counts them all."""

    def __init__(self) -> None:
        self.listed: list[BadRow] = []
        self.found = 0

    def add(self, line: int, column: str, description: str) -> None:
        self.found += 1
        if len(self.listed) < BAD_ROWS_LISTED_MAX:
            self.listed.append(BadRow(line, column, description))


def read_deck(data: bytes, settings: DeckSettings, *, now: int) -> Deck:
    """Read a deck in CSV. Whatever is wrong with it is in the answer; it raises nothing.

    `now` in microseconds since the epoch. The rates are in the order of the rows. None ends before it begins, and no
    two of a place are in force at once, but that the next one's beginning ends one that has no end of its own.
    """
    bad = _BadRows()
    rates: list[Rate] = []
    lines: list[int] = []
    rows = 0
    columns: Columns | None = None
    try:
        file = rows_of(data, partial(recognized, chosen=settings.columns))
        columns = _header(file, settings, bad)
        row_reader = columns and _RowReader(columns, settings, now)
        if row_reader:
            for line, cells in file:
                rows += 1
                try:
                    rates.append(row_reader.rate_of(cells))
                    lines.append(line)
                except BadCell as error:
                    bad.add(line, error.column, str(error))
            if not rows:
                bad.add(1, "", "the deck has a header and no rows")
            _check_places(rates, lines, bad)
    except BadFile as error:
        bad.add(error.line, "", str(error))
    bad.listed.sort(key=lambda row: row.line)
    return Deck(
        [] if bad.found else rates, rows, bad.listed, bad.found, ignored_columns=columns.ignored if columns else ()
    )


def _header(file: Iterator[Row], settings: DeckSettings, bad: _BadRows) -> Columns | None:
    line, headers = next(file)
    try:
        return columns_of(headers, settings.columns, has_channel=settings.channel is not None)
    except BadCell as error:
        bad.add(line, error.column, str(error))
        return None


class _Column(Generic[T]):
    """One field's cells."""

    def __init__(self, columns: Columns, name: str, parse: Callable[[str], T], absent: T) -> None:
        self.place = columns.places.get(name)
        self.header = "" if self.place is None else columns.headers[self.place]
        self._parse = lru_cache(CELLS_REMEMBERED)(parse)
        self._absent = absent

    def of(self, cells: list[str]) -> T:
        """Return what a row's cell says, or what it means that there is no column. Raises BadCell."""
        if self.place is None:
            return self._absent
        try:
            return self._parse(cells[self.place])
        except BadCell as error:
            error.column = self.header
            raise


def _unless_empty(parse: Callable[[str], T], empty: T) -> Callable[[str], T]:
    return lambda text: parse(text) if text.strip() else empty


def _ending(time: Callable[[str], int]) -> Callable[[str], int]:
    def parse(text: str) -> int:
        micros = time(text)
        if micros == NEVER:
            raise BadCell("ends with the year 1969: leave it empty where there is no end")
        return micros

    return parse


class _RowReader:
    """Makes rates of rows."""

    def __init__(self, columns: Columns, settings: DeckSettings, now: int) -> None:
        amount = Amounts().micros_of
        time = Times(settings.date_format).micros_of
        begin = now if settings.effective_at is None else settings.effective_at
        self._width = len(columns.headers)
        self._given_channel = settings.channel
        channel = _unless_empty(channel_of, settings.channel) if settings.channel else channel_of
        self._channel = _Column[Channel | None](columns, "channel", channel, settings.channel)
        self._variant = _Column(columns, "variant", variant_of, settings.variant)
        self._prefix = _Column[str | None](columns, "prefix", _unless_empty(prefix_of, None), None)
        self._country = _Column[str | None](columns, "country", _unless_empty(country_of, None), None)
        self._description = _Column(columns, "destination", description_of, "")
        self._rate = _Column(columns, "rate", amount, 0)
        self._connect_fee = _Column(columns, "connect_fee", _unless_empty(amount, 0), 0)
        self._minimum = _Column(columns, "minimum", _unless_empty(quantity_of, 0), 0)
        self._first = _Column(columns, "first_increment", _unless_empty(quantity_of, 0), 0)
        self._next = _Column(columns, "next_increment", _unless_empty(quantity_of, 1), 1)
        increments = _unless_empty(increments_of, (0, 1))
        self._increments = _Column(columns, "increments", increments, (0, 1))
        self._effective = _Column(columns, "effective", _unless_empty(time, begin), begin)
        self._expire = _Column(columns, "expire", _unless_empty(_ending(time), NEVER), NEVER)
        self._has_destination = self._prefix.place is not None or self._country.place is not None

    def rate_of(self, cells: list[str]) -> Rate:
        """Return the rate of a row. Raises BadCell."""
        if len(cells) != self._width:
            raise BadCell(f"has {len(cells)} cells, where the header has {self._width}")
        effective_at, expires_at = self._effective.of(cells), self._expire.of(cells)
        if expires_at != NEVER and expires_at <= effective_at:
            error = BadCell(f"ends before it begins, which is at {time_text(effective_at)}")
            error.column = self._expire.header
            raise error
        first, following = self._first.of(cells), self._next.of(cells)
        if self._increments.place is not None:
            first, following = self._increments.of(cells)
        return Rate(
            self._channel_of(cells),
            self._variant.of(cells),
            self._destination_of(cells),
            self._rate.of(cells),
            self._connect_fee.of(cells),
            self._minimum.of(cells),
            first,
            following or 1,
            effective_at,
            expires_at,
            self._description.of(cells),
        )

    def _channel_of(self, cells: list[str]) -> Channel:
        channel = self._channel.of(cells)
        assert channel is not None
        if self._given_channel not in {None, channel}:
            error = BadCell(f"is {channel.name.lower()}, where the deck is said to be for another channel")
            error.column = self._channel.header
            raise error
        return channel

    def _destination_of(self, cells: list[str]) -> str:
        """Return where a row leads. A prefix says more than the country beside it, which may be in any words then."""
        prefix = self._prefix.of(cells)
        if prefix is not None:
            return prefix
        country = self._country.of(cells)
        if country is None and self._has_destination:
            error = BadCell("is empty: write * for everywhere else")
            error.column = self._prefix.header or self._country.header
            raise error
        return country or ""


def _check_places(rates: list[Rate], lines: list[int], bad: _BadRows) -> None:
    """Find rates of one place that begin at the same time, or before one ends whose end is written down."""
    first_of: dict[Place, int] = {}
    several: dict[Place, list[int]] = {}
    for n, rate in enumerate(rates):
        place = rate.place
        first = first_of.setdefault(place, n)
        if first != n:
            several.setdefault(place, [first]).append(n)
    for same in several.values():
        same.sort(key=lambda n: (rates[n].effective_at, n))
        for earlier, later in pairwise(same):
            before, after = rates[earlier], rates[later]
            if before.effective_at == after.effective_at:
                what = "is for the same and begins at the same time as"
            elif before.expires_at > after.effective_at:  # NEVER is not.
                what = "is in force at the same time as"
            else:
                continue
            one, other = sorted((lines[earlier], lines[later]))
            bad.add(other, "", f"{after.id} {what} line {one}")
