"""Writes a deck, as the reader reads it."""

from collections.abc import Iterable, Iterator

from admin.rates.decks.cells import EVERYWHERE_ELSE
from admin.rates.decks.dates import time_text
from admin.rates.decks.numbers import amount_text
from admin.spreadsheets import line_writer, text_cell
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
    """Yield a deck's lines in CSV, the header first, each with its end; `with_channel` adds a column for the channel.

    Prefixes have no + and descriptions that look like formulas an apostrophe before them, for the spreadsheet's sake.
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
                amount_text(rate.unit_price),
                amount_text(rate.connect_fee),
                rate.minimum_quantity,
                rate.first_increment,
                rate.next_increment,
                time_text(rate.effective_at),
                "" if rate.expires_at == NEVER else time_text(rate.expires_at),
            )
        )
