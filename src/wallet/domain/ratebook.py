"""Rates compiled for look-up: the rate of a usage is found in a few dictionary look-ups.

A number is looked up once for each length of prefix that the card has for the number's region, the longest first. That
is a handful of look-ups in one dictionary; a tree of digits would take a step and an object for each digit.
"""

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from wallet.domain.commands import Unpriced
from wallet.domain.money import MICROS_MAX
from wallet.domain.pricing import Price, price_of
from wallet.domain.rates import NEVER, Rate, RateCard
from wallet.domain.usage import Channel, Usage

ANCESTORS_MAX = 8
"""How many ancestors a rate card may have."""

_Versions = Rate | list[Rate]
"""All rates of a place: almost always one, else several sorted by `effective_at`."""

_BEGINNING_LENGTH = 3
_EFFECTIVE_AT = attrgetter("effective_at")


@dataclass(frozen=True, slots=True)
class _Table:
    """The rates of one channel and variant."""

    by_destination: dict[str, _Versions]
    lengths: dict[str, tuple[int, ...]]
    """Beginning of numbers (`+` and two digits) → lengths of the prefixes with it, the `+` included, longest first."""
    lengths_elsewhere: tuple[int, ...]
    """The length of prefixes of one digit, if there are any."""

    def find(self, number: str, country: str, at: int) -> Rate | None:
        """Return the rate of the most specific destination that has one in force."""
        look_up = self.by_destination.get
        if number:
            for length in self.lengths.get(number[:_BEGINNING_LENGTH], self.lengths_elsewhere):
                # A slice beyond the number's end is the whole number, which is a valid, shorter prefix.
                versions = look_up(number[:length])
                if versions is not None and (rate := _in_force(versions, at)):
                    return rate
        if country:
            versions = look_up(country)
            if versions is not None and (rate := _in_force(versions, at)):
                return rate
        versions = look_up("")
        return None if versions is None else _in_force(versions, at)


def _in_force(versions: _Versions, at: int) -> Rate | None:
    """Return the latest version that has begun, unless it has expired: earlier versions do not come back."""
    if isinstance(versions, list):
        begun = bisect_right(versions, at, key=_EFFECTIVE_AT)
        if not begun:
            return None
        latest = versions[begun - 1]
    else:
        latest = versions
        if latest.effective_at > at:
            return None
    return latest if latest.expires_at == NEVER or latest.expires_at > at else None


@dataclass(frozen=True, slots=True)
class RateBook:
    """An immutable snapshot of a card and its rates, made by RateBookBuilder."""

    card: RateCard
    rate_count: int
    _tables: Mapping[Channel, Mapping[str, _Table]]

    def find(self, usage: Usage, number: str, at: int) -> Rate | None:
        """Return the card's own rate for a usage at a time; None if it has none. The parent card is not searched.

        `number` is in E.164, or empty if the usage names only a country or none; `at` in microseconds since the epoch.
        The most specific variant decides first, then the longest prefix, else the country, else the default.
        """
        tables = self._tables.get(usage.channel)
        if tables is None:
            return None
        variant = usage.variant
        while True:
            table = tables.get(variant)
            if table is not None and (rate := table.find(number, usage.country, at)):
                return rate
            if not variant:
                return None
            variant = variant.rpartition(".")[0]


class RateBookBuilder:
    """Makes one book of many rates, slice by slice, so that the event loop can do other work in between."""

    def __init__(self, card: RateCard) -> None:
        """Begin the book of a card."""
        self._card = card
        self._tables: dict[tuple[Channel, str], dict[str, _Versions]] = {}
        self._lengths: dict[tuple[Channel, str], dict[str, set[int]]] = {}
        self._rate_count = 0

    def add(self, rates: Sequence[Rate]) -> None:
        """Add rates of the card, in any order; no two of a place begin at the same time.

        Rates and their strings are kept as they are: a reader of many rates shares equal strings among them.
        """
        for rate in rates:
            kind = rate.channel, rate.variant
            table = self._tables.get(kind)
            if table is None:
                table = self._tables[kind] = {}
                self._lengths[kind] = {}
            destination = rate.destination
            present = table.setdefault(destination, rate)
            if present is not rate:
                table[destination] = _with(present, rate)
            elif destination.startswith("+"):
                self._lengths[kind].setdefault(destination[:_BEGINNING_LENGTH], set()).add(len(destination))
        self._rate_count += len(rates)

    def build(self) -> RateBook:
        """Return the book. It takes over the builder's tables, so this is the builder's last call."""
        tables: dict[Channel, dict[str, _Table]] = {}
        for (channel, variant), by_destination in self._tables.items():
            table = _table(by_destination, self._lengths[channel, variant])
            tables.setdefault(channel, {})[variant] = table
        book = RateBook(self._card, self._rate_count, tables)
        self._tables, self._lengths, self._rate_count = {}, {}, 0
        return book


def _table(by_destination: dict[str, _Versions], lengths: dict[str, set[int]]) -> _Table:
    """Return the table of rates by destination. `lengths` are those of its prefixes, by their beginning."""
    # A prefix of one digit is shorter than a beginning, and goes for all that begin with its digit.
    elsewhere = {length for beginning in lengths if len(beginning) < _BEGINNING_LENGTH for length in lengths[beginning]}
    descending = {
        beginning: tuple(sorted(own | elsewhere, reverse=True))
        for beginning, own in lengths.items()
        if len(beginning) == _BEGINNING_LENGTH
    }
    return _Table(by_destination, descending, tuple(elsewhere))


def _with(present: _Versions, rate: Rate) -> list[Rate]:
    versions = present if isinstance(present, list) else [present]
    insort(versions, rate, key=_EFFECTIVE_AT)
    return versions


class Quote(NamedTuple):
    """The price of a usage, in micros, and how it follows; or why there is none in `unpriced`: then the amount is 0."""

    amount: int
    price: Price | None
    unpriced: Unpriced | None = None


@dataclass(frozen=True, slots=True)
class RateBooks:
    """An immutable snapshot of all prices: the books of all cards, and the card of each company."""

    books: Mapping[str, RateBook]
    """By card id. A card that is in use is there with its ancestors."""
    card_of: Mapping[str, str]
    """Company id → card id, of the companies that have one."""
    change: int
    """The number of the last change that it contains."""

    def price(self, card_id: str, usage: Usage, number: str, at: int) -> Price | None:
        """Return the price of a usage by a card; None if neither it nor its ancestors have a rate for it.

        Any rate of a card precedes every rate of its parent; the price names the card that has the rate. An unknown
        card has no rates. `number` and `at` as in `RateBook.find`.
        """
        for _ in range(1 + ANCESTORS_MAX):
            book = self.books.get(card_id)
            if book is None:
                return None
            rate = book.find(usage, number, at)
            if rate is not None:
                return price_of(rate, usage.quantity, card=book.card.id, version=book.card.version)
            card_id = book.card.parent
        return None

    def quote(self, company: str, usage: Usage, number: str, at: int) -> Quote:
        """Return the price of a usage by a company's card. `number` and `at` as in `RateBook.find`."""
        card = self.card_of.get(company)
        if card is None:
            return Quote(0, None, Unpriced.NO_CARD)
        return quote_of(self.price(card, usage, number, at))


def quote_of(price: Price | None) -> Quote:
    """Return the quote of a price; of None: that there is no rate."""
    if price is None:
        return Quote(0, None, Unpriced.NO_RATE)
    amount = price.amount
    return Quote(0, None, Unpriced.TOO_MUCH) if amount > MICROS_MAX else Quote(amount, price)
