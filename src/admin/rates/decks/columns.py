"""Which column of a deck is what, by the names that carriers and spreadsheets give them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from admin.rates.decks.cells import BadCell

NAMES = {
    "prefix": (
        "prefix, prefixes, code, codes, dial code, dial codes, dialing code, dialling code, dial prefix, dest code,"
        " dest prefix, destination code, destination prefix, number prefix, e164, e164 prefix, phone prefix"
    ),
    "country": "country, country code, country iso, iso, iso code, iso2, iso country, iso country code, alpha2",
    "destination": (
        "destination, destination name, dest, dest name, description, name, area name, zone, zone name, breakout"
    ),
    "channel": "channel",
    "variant": "variant",
    "rate": (
        "rate, rates, price, tariff, cost, unit price, unit cost, unit rate, new rate, new price, rate per minute,"
        " rate per min, rate min, rate per message, rate per segment, rate per sms, rate per month, price per minute,"
        " price per min, price min, price per message, price per segment, price per sms, price per month,"
        " cost per minute, cost per min, minute rate, minute price, monthly rate, monthly price, monthly fee"
    ),
    "connect_fee": (
        "connect fee, connect charge, connect cost, connection fee, connection charge, connection cost, setup fee,"
        " setup, setup charge, setup cost, set up fee, call setup fee, call setup charge, flag fall, flagfall"
    ),
    "minimum": (
        "minimum, minimum quantity, min quantity, minimum seconds, min seconds, minimum duration, min duration,"
        " minimum time, min time"
    ),
    "first_increment": (
        "first increment, first interval, first, first period, interval 1, initial, initial seconds, initial increment,"
        " initial interval, initial period, minimum increment, min increment"
    ),
    "next_increment": (
        "next increment, next interval, next, next period, interval n, interval 2, increment, increment seconds,"
        " additional, additional seconds, additional increment, subsequent, subsequent increment, subsequent interval,"
        " subsequent seconds, second increment, second interval, recurring increment"
    ),
    "increments": (
        "increments, interval, intervals, billing, billing increment, billing increments, billing interval,"
        " billing intervals, billing rule, billing terms, rounding, rounding rule, charging interval, pulse"
    ),
    "effective": (
        "effective, effective date, effective time, effective from, effective on, date effective, start, start date,"
        " start time, valid from, valid since, from date, activation date, begin, begin date"
    ),
    "expire": (
        "expire, expires, expire date, expire time, expires on, expiry, expiry date, expiration, expiration date, end,"
        " end date, end time, valid to, valid until, valid till, to date, effective to, effective until"
    ),
}
"""Field → the headers that mean it. Neither case, spaces nor punctuation matter in them."""

_HEADERS_SHOWN_MAX = 40
_HEADER_LENGTH_SHOWN_MAX = 40


def _plain(header: str) -> str:
    return re.sub(r"[\W_]", "", header.casefold())


_FIELDS = {_plain(name): field for field, names in NAMES.items() for name in names.split(",")}


@dataclass(frozen=True, slots=True)
class Columns:
    """What a deck's columns are."""

    headers: tuple[str, ...]
    places: Mapping[str, int]
    """Field → which column has it, from 0."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """The headers that mean nothing here."""
        known = set(self.places.values())
        return tuple(header for place, header in enumerate(self.headers) if header and place not in known)


def recognized(headers: Sequence[str], chosen: Mapping[str, str]) -> int:
    """Return how many of a deck's headers mean something, were these its headers."""
    wanted = {_plain(header) for header in chosen.values()}
    return sum(_plain(header) in _FIELDS or _plain(header) in wanted for header in headers)


def columns_of(headers: Sequence[str], chosen: Mapping[str, str], *, has_channel: bool) -> Columns:
    """Return what a deck's columns are. `chosen` is field → header, and goes before the usual names.

    `has_channel`: the channel is known without a column. Columns that mean nothing here are passed over. Raises BadCell
    where a column is missing, or two have a claim to be the same.
    """
    headers = tuple(header.strip() for header in headers)
    places = {field: _place_of(field, header, headers) for field, header in chosen.items()}
    taken = set(places.values())
    for place, header in enumerate(headers):
        field = _FIELDS.get(_plain(header))
        if field is None or field in chosen or place in taken:
            continue
        if field in places:
            raise _bad(header, f"means {field}, and so does {headers[places[field]]}: say which by columns")
        places[field] = place
    for field in ("first_increment", "next_increment"):
        if "increments" in places and field in places:
            both = f"{headers[places['increments']]} has both increments, and {headers[places[field]]} one of them"
            raise _bad(headers[places[field]], f"{both}: a deck has the one or the other")
    if "rate" not in places:
        raise _missing("rate", headers)
    if "channel" not in places and not has_channel:
        raise _missing("channel", headers, "; or give the channel beside the deck")
    if "prefix" not in places and "country" not in places:
        # A deck for everywhere has neither. But it is taken for one only where no other column may say where it leads.
        unknown = any(header for place, header in enumerate(headers) if place not in places.values())
        if unknown or "destination" in places:
            raise _missing("prefix", headers, ", or have a column for the country")
    return Columns(headers, places)


def _place_of(field: str, header: str, headers: tuple[str, ...]) -> int:
    if field not in NAMES:
        raise _bad("", f"columns: {field} is no field; the fields are {', '.join(NAMES)}")
    found = [place for place, one in enumerate(headers) if one == header.strip()]
    found = found or [place for place, one in enumerate(headers) if _plain(one) == _plain(header)]
    if len(found) != 1:
        many = "several columns have" if found else "no column has"
        raise _bad(header, f"{many} the header that columns names for {field}; the headers are {_listed(headers)}")
    return found[0]


def _missing(field: str, headers: tuple[str, ...], otherwise: str = "") -> BadCell:
    return _bad(
        "",
        f"no column is known to be the {field}: the headers are {_listed(headers)}; known are {NAMES[field]}; name"
        f" another by columns{otherwise}",
    )


def _listed(headers: Sequence[str]) -> str:
    names = [header[:_HEADER_LENGTH_SHOWN_MAX] or '""' for header in headers[:_HEADERS_SHOWN_MAX]]
    return ", ".join(names) + (", …" if len(headers) > _HEADERS_SHOWN_MAX else "")


def _bad(column: str, description: str) -> BadCell:
    error = BadCell(description)
    error.column = column
    return error
