"""Reads a deck: returns all rows as rates, or all bad rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import pairwise
from typing import Generic, TypeVar

from admin.rates.decks.cells import (
    BadCell,
    parse_channel,
    parse_country,
    parse_description,
    parse_prefix,
    parse_variant,
)
from admin.rates.decks.columns import Columns, count_known_headers, match_columns
from admin.rates.decks.dates import TimeParser
from admin.rates.decks.files import BadFile, Row, read_rows
from admin.rates.decks.numbers import AmountParser, parse_increments, parse_quantity
from admin.time_text import format_time
from wallet.domain.rates import NEVER, Place, Rate
from wallet.domain.usage import Channel

BAD_ROWS_LISTED_MAX = 10_000
CELLS_CACHED = 4_096
"""Per column. Most cells of a deck repeat the value of an earlier one."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DeckSettings:
    """How to read a deck."""

    channel: Channel | None = None
    """The channel of all rows. None: the deck has a column for it. Cells of such a column must agree with it."""
    variant: str = ""
    """The variant of all rows if the deck has no column for it."""
    effective_at: int | None = None
    """The start of rows without a date of their own, in microseconds since the epoch; None: now."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Maps fields, the keys of columns.HEADERS, to headers that are not known ones."""
    date_format: str = ""
    """The format of dates that are not in ISO 8601, for strptime."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read. `line` is where it begins, from 1; `column` is a header, empty for the whole row."""

    line: int
    column: str
    description: str


@dataclass(frozen=True, slots=True)
class Deck:
    """The result of reading a deck. A deck with bad rows has no rates, because none of it may be used."""

    rates: list[Rate]
    rows: int
    """How many rows were read, without the header and empty rows."""
    bad_rows: list[BadRow]
    """In the order of their lines, BAD_ROWS_LISTED_MAX at most."""
    bad_rows_found: int
    ignored_columns: tuple[str, ...] = ()
    """Unknown headers, so that the sender of the deck learns that their columns were ignored."""


class _BadRows:
    """Counts bad rows, and lists the first BAD_ROWS_LISTED_MAX."""

    def __init__(self) -> None:
        self.listed: list[BadRow] = []
        self.found = 0

    def add(self, line: int, column: str, description: str) -> None:
        self.found += 1
        if len(self.listed) < BAD_ROWS_LISTED_MAX:
            self.listed.append(BadRow(line, column, description))


def read_deck(data: bytes, settings: DeckSettings, *, now: int) -> Deck:
    """Read a deck in CSV. All that is wrong with it is in `bad_rows`; it raises nothing.

    `now` is in microseconds since the epoch. The rates are in the order of the rows. Each rate begins before it ends,
    and no two rates of a place overlap, since the start of the next one ends a rate without an end of its own.
    """
    bad = _BadRows()
    rates: list[Rate] = []
    lines: list[int] = []
    rows = 0
    columns: Columns | None = None
    try:
        file = read_rows(data, partial(count_known_headers, chosen=settings.columns))
        columns = _read_header(file, settings, bad)
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
            _check_overlaps(rates, lines, bad)
    except BadFile as error:
        bad.add(error.line, "", str(error))
    bad.listed.sort(key=lambda row: row.line)
    return Deck(
        [] if bad.found else rates, rows, bad.listed, bad.found, ignored_columns=columns.ignored if columns else ()
    )


def _read_header(file: Iterator[Row], settings: DeckSettings, bad: _BadRows) -> Columns | None:
    line, headers = next(file)
    try:
        return match_columns(headers, settings.columns, has_channel=settings.channel is not None)
    except BadCell as error:
        bad.add(line, error.column, str(error))
        return None


class _Column(Generic[T]):
    """The column of a field, which the deck may not have."""

    def __init__(self, columns: Columns, name: str, parse: Callable[[str], T], absent: T) -> None:
        self.index = columns.indexes.get(name)
        self.header = "" if self.index is None else columns.headers[self.index]
        self._parse = lru_cache(CELLS_CACHED)(parse)
        self._absent = absent

    def value_in(self, cells: list[str]) -> T:
        """Return the value in a row's cell, or the default if the deck has no such column. Raises BadCell."""
        if self.index is None:
            return self._absent
        try:
            return self._parse(cells[self.index])
        except BadCell as error:
            error.column = self.header
            raise


def _unless_empty(parse: Callable[[str], T], empty: T) -> Callable[[str], T]:
    return lambda text: parse(text) if text.strip() else empty


def _expiry(time: Callable[[str], int]) -> Callable[[str], int]:
    def parse(text: str) -> int:
        micros = time(text)
        if micros == NEVER:
            raise BadCell("ends with the year 1969: leave it empty where there is no end")
        return micros

    return parse


class _RowReader:
    """Turns rows into rates."""

    def __init__(self, columns: Columns, settings: DeckSettings, now: int) -> None:
        amount = AmountParser().parse
        time = TimeParser(settings.date_format).parse
        begin = now if settings.effective_at is None else settings.effective_at
        self._width = len(columns.headers)
        self._given_channel = settings.channel
        channel = _unless_empty(parse_channel, settings.channel) if settings.channel else parse_channel
        self._channel = _Column[Channel | None](columns, "channel", channel, settings.channel)
        self._variant = _Column(columns, "variant", parse_variant, settings.variant)
        self._prefix = _Column[str | None](columns, "prefix", _unless_empty(parse_prefix, None), None)
        self._country = _Column[str | None](columns, "country", _unless_empty(parse_country, None), None)
        self._description = _Column(columns, "destination", parse_description, "")
        self._rate = _Column(columns, "rate", amount, 0)
        self._connect_fee = _Column(columns, "connect_fee", _unless_empty(amount, 0), 0)
        self._minimum = _Column(columns, "minimum", _unless_empty(parse_quantity, 0), 0)
        self._first = _Column(columns, "first_increment", _unless_empty(parse_quantity, 0), 0)
        self._next = _Column(columns, "next_increment", _unless_empty(parse_quantity, 1), 1)
        increments = _unless_empty(parse_increments, (0, 1))
        self._increments = _Column(columns, "increments", increments, (0, 1))
        self._effective = _Column(columns, "effective", _unless_empty(time, begin), begin)
        self._expire = _Column(columns, "expire", _unless_empty(_expiry(time), NEVER), NEVER)
        self._has_destination = self._prefix.index is not None or self._country.index is not None

    def rate_of(self, cells: list[str]) -> Rate:
        """Return the rate of a row. Raises BadCell."""
        if len(cells) != self._width:
            raise BadCell(f"has {len(cells)} cells, where the header has {self._width}")
        effective_at, expires_at = self._effective.value_in(cells), self._expire.value_in(cells)
        if expires_at != NEVER and expires_at <= effective_at:
            error = BadCell(f"ends before it begins, which is at {format_time(effective_at)}")
            error.column = self._expire.header
            raise error
        first, following = self._first.value_in(cells), self._next.value_in(cells)
        if self._increments.index is not None:
            first, following = self._increments.value_in(cells)
        return Rate(
            self._channel_of(cells),
            self._variant.value_in(cells),
            self._destination_of(cells),
            self._rate.value_in(cells),
            self._connect_fee.value_in(cells),
            self._minimum.value_in(cells),
            first,
            following or 1,
            effective_at,
            expires_at,
            self._description.value_in(cells),
        )

    def _channel_of(self, cells: list[str]) -> Channel:
        channel = self._channel.value_in(cells)
        assert channel is not None
        if self._given_channel not in {None, channel}:
            error = BadCell(f"is {channel.name.lower()}, but the import is for another channel")
            error.column = self._channel.header
            raise error
        return channel

    def _destination_of(self, cells: list[str]) -> str:
        """Return the destination of a row. A prefix takes precedence over a country, which may then be any text."""
        prefix = self._prefix.value_in(cells)
        if prefix is not None:
            return prefix
        country = self._country.value_in(cells)
        if country is None and self._has_destination:
            error = BadCell("is empty: write * for everywhere else")
            error.column = self._prefix.header or self._country.header
            raise error
        return country or ""


def _check_overlaps(rates: list[Rate], lines: list[int], bad: _BadRows) -> None:
    """Report rates of a place that begin at the same time, or before one with an end of its own ends."""
    first_index: dict[Place, int] = {}
    several: dict[Place, list[int]] = {}
    for n, rate in enumerate(rates):
        place = rate.place
        first = first_index.setdefault(place, n)
        if first != n:
            several.setdefault(place, [first]).append(n)
    for same in several.values():
        same.sort(key=lambda n: (rates[n].effective_at, n))
        for earlier, later in pairwise(same):
            before, after = rates[earlier], rates[later]
            if before.effective_at == after.effective_at:
                what = "begins at the same time as"
            elif before.expires_at > after.effective_at:  # NEVER is not.
                what = "is in force at the same time as"
            else:
                continue
            one, other = sorted((lines[earlier], lines[later]))
            bad.add(other, "", f"{after.id} {what} line {one}")
