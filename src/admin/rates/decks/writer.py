"""Writes a deck in the format that the reader reads."""

from collections.abc import Iterable, Iterator

from admin.rates.decks.cells import EVERYWHERE_ELSE
from admin.rates.decks.numbers import format_amount
from admin.spreadsheets import line_writer, text_cell
from admin.time_text import format_time
from wallet.domain.rates import NEVER, Rate

_HEADER = (
    "prefix",
    "country",
    "variant",
    "destination",
    "rate",
    "connect_fee",
    "minimum",
    "first_increment",
    "next_increment",
    "effective",
    "expire",
)


def deck_lines(rates: Iterable[Rate], *, with_channel: bool) -> Iterator[str]:
    """Yield the lines of a deck in CSV, header first, with line ends; `with_channel` adds a column for the channel.

    For spreadsheets, prefixes have no +, and descriptions that look like formulas begin with an apostrophe.
    """
    line = line_writer()
    yield line((*(["channel"] if with_channel else []), *_HEADER))
    for rate in rates:
        destination = rate.destination
        prefix, country = ("", destination or EVERYWHERE_ELSE)
        if destination.startswith("+"):
            prefix, country = destination[1:], ""
        yield line(
            (
                *([rate.channel.name.lower()] if with_channel else []),
                prefix,
                country,
                rate.variant,
                text_cell(rate.description),
                format_amount(rate.unit_price),
                format_amount(rate.connect_fee),
                rate.minimum_quantity,
                rate.first_increment,
                rate.next_increment,
                format_time(rate.effective_at),
                "" if rate.expires_at == NEVER else format_time(rate.expires_at),
            )
        )
