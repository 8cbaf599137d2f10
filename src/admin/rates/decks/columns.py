"""The columns of a deck, recognized by the headers that carriers and spreadsheets give them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from admin.rates.decks.cells import BadCell

HEADERS = {
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
"""Maps each field to its known headers. Case, spaces and punctuation do not matter."""

_HEADERS_SHOWN_MAX = 40
_HEADER_LENGTH_SHOWN_MAX = 40


def _normalized(header: str) -> str:
    return re.sub(r"[\W_]", "", header.casefold())


_FIELDS = {_normalized(name): field for field, names in HEADERS.items() for name in names.split(",")}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a deck."""

    headers: tuple[str, ...]
    indexes: Mapping[str, int]
    """Maps each field to the index of its column, from 0."""

    @property
    def ignored(self) -> tuple[str, ...]:
        """The headers of columns that belong to no field."""
        known = set(self.indexes.values())
        return tuple(header for index, header in enumerate(self.headers) if header and index not in known)


def count_known_headers(headers: Sequence[str], chosen: Mapping[str, str]) -> int:
    """Return how many of `headers` are known. `chosen` maps fields to further headers."""
    wanted = {_normalized(header) for header in chosen.values()}
    return sum(_normalized(header) in _FIELDS or _normalized(header) in wanted for header in headers)


def match_columns(headers: Sequence[str], chosen: Mapping[str, str], *, has_channel: bool) -> Columns:
    """Return the columns of a deck. `chosen` maps fields to headers, and takes precedence over the known ones.

    With `has_channel` the channel is known without a column. Unknown columns are ignored. Raises BadCell if a required
    column is missing, or if two columns match the same field.
    """
    headers = tuple(header.strip() for header in headers)
    indexes = {field: _index_of(field, header, headers) for field, header in chosen.items()}
    used = set(indexes.values())
    for index, header in enumerate(headers):
        field = _FIELDS.get(_normalized(header))
        if field is None or field in chosen or index in used:
            continue
        if field in indexes:
            raise _bad(header, f"means {field}, and so does {headers[indexes[field]]}: say which by columns")
        indexes[field] = index
    for field in ("first_increment", "next_increment"):
        if "increments" in indexes and field in indexes:
            both = f"{headers[indexes['increments']]} has both increments, and {headers[indexes[field]]} one of them"
            raise _bad(headers[indexes[field]], f"{both}: a deck has the one or the other")
    if "rate" not in indexes:
        raise _missing("rate", headers)
    if "channel" not in indexes and not has_channel:
        raise _missing("channel", headers, "; or give the channel beside the deck")
    if "prefix" not in indexes and "country" not in indexes:
        # A deck with one price for all destinations has neither. It is accepted only if no other column may be either.
        unknown = any(header for index, header in enumerate(headers) if index not in indexes.values())
        if unknown or "destination" in indexes:
            raise _missing("prefix", headers, ", or have a column for the country")
    return Columns(headers, indexes)


def _index_of(field: str, header: str, headers: tuple[str, ...]) -> int:
    if field not in HEADERS:
        raise _bad("", f"columns: {field} is not a field; the fields are {', '.join(HEADERS)}")
    found = [index for index, one in enumerate(headers) if one == header.strip()]
    found = found or [index for index, one in enumerate(headers) if _normalized(one) == _normalized(header)]
    if len(found) != 1:
        many = "several columns have" if found else "no column has"
        raise _bad(header, f"{many} the header that columns names for {field}; the headers are {_listed(headers)}")
    return found[0]


def _missing(field: str, headers: tuple[str, ...], otherwise: str = "") -> BadCell:
    return _bad(
        "",
        f"no column is known to be the {field}: the headers are {_listed(headers)}; known are {HEADERS[field]}; name"
        f" another by columns{otherwise}",
    )


def _listed(headers: Sequence[str]) -> str:
    names = [header[:_HEADER_LENGTH_SHOWN_MAX] or '""' for header in headers[:_HEADERS_SHOWN_MAX]]
    return ", ".join(names) + (", …" if len(headers) > _HEADERS_SHOWN_MAX else "")


def _bad(column: str, description: str) -> BadCell:
    error = BadCell(description)
    error.column = column
    return error
