"""The calls that the commands of `rates` make."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, cast

import click

from admin.cli.calling import CALL_SECONDS_MAX, Refused, calling
from admin.cli.connection import Connection
from admin.cli.options import written
from admin.rates.cli_reports import print_bad_rows, print_changes
from admin.rates.decks.cells import BadCell
from admin.rates.decks.columns import NAMES
from admin.rates.decks.dates import Times
from veloconnect.admin.v1 import rate_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.money import words

CHUNK_BYTES = 256 * 1024
IMPORT_SECONDS_MAX = 600.0


def settings_of(**options: Any) -> rate_pb2.ImportRatesSettings:
    """Return the settings of an import as its options say. Raises click.BadParameter."""
    effective: str | None = options["effective"]
    if unknown := options["columns"].keys() - NAMES.keys():
        field = min(unknown)
        raise click.BadParameter(f"{field} is no field; the fields are {', '.join(NAMES)}", param_hint="--column")
    settings = rate_pb2.ImportRatesSettings(
        parent=options["card"],
        channel=_channel(options["channel"]),
        variant=options["variant"],
        currency_code=options["currency"],
        keep_unlisted=options["keep_unlisted"],
        validate_only=options["validate_only"],
        columns=options["columns"],
        date_format=options["date_format"],
    )
    if effective:
        try:
            settings.effective_time.FromMicroseconds(Times().micros_of(effective))
        except BadCell as error:
            raise click.BadParameter(str(error), param_hint="--effective") from error
    return settings


def import_deck(connection: Connection, deck: Path, settings: rate_pb2.ImportRatesSettings) -> None:
    """Import a deck and print what changed; or print every row that keeps it out, and end with status 1."""
    try:
        done = _sent(connection, deck, settings)
    except Refused as refused:
        if not any(field.startswith("line ") for field in refused.fields):
            raise
        # A refusal has room for the first bad rows only. Asked what would change, the service lists all of them.
        settings.validate_only = True
        done = _sent(connection, deck, settings)
        if not done.bad_rows_found:
            raise
    if done.bad_rows_found:
        print_bad_rows(done)
        sys.exit(1)
    print_changes(done)


def _sent(connection: Connection, deck: Path, settings: rate_pb2.ImportRatesSettings) -> rate_pb2.ImportRatesResponse:
    first = rate_pb2.ImportRatesRequest(settings=settings)
    with calling(connection) as caller, _chunks(deck) as chunks:
        done: rate_pb2.ImportRatesResponse = caller.rates.ImportRates(
            chain([first], chunks), metadata=caller.metadata, timeout=IMPORT_SECONDS_MAX
        )
        return done


@contextmanager
def _chunks(deck: Path) -> Iterator[Iterator[rate_pb2.ImportRatesRequest]]:
    """Yield a file's chunks, with a bar that shows how many are sent where somebody is there to see it."""
    with deck.open("rb") as file:
        chunks = iter(partial(file.read, CHUNK_BYTES), b"")
        requests = (rate_pb2.ImportRatesRequest(chunk=chunk) for chunk in chunks)
        if not sys.stderr.isatty():
            yield requests
            return
        count = -(-deck.stat().st_size // CHUNK_BYTES)
        with click.progressbar(requests, length=count, label=deck.name, file=sys.stderr) as bar:
            yield iter(bar)


def export_deck(connection: Connection, card: str, channel: str | None, output: Path | None) -> None:
    """Write a card's rates as a deck; a file is there when it is whole."""
    request = rate_pb2.ExportRatesRequest(name=card, channel=_channel(channel))
    with calling(connection) as caller, written(output) as file:
        for piece in caller.rates.ExportRates(request, metadata=caller.metadata, timeout=IMPORT_SECONDS_MAX):
            file.write(piece.csv)


def print_quote(connection: Connection, card: str, company: str, **usage: Any) -> None:
    """Print what a usage would cost, and why."""
    asked = wallet_pb2.Usage(**{**usage, "channel": _channel(usage["channel"])})
    request = rate_pb2.QuotePriceRequest(usage=asked, **({"rate_card": card} if card else {"company": company}))
    with calling(connection) as caller:
        found = caller.rates.QuotePrice(request, metadata=caller.metadata, timeout=CALL_SECONDS_MAX)
    click.echo(words(found.amount_micros, found.currency_code))
    click.echo(f"{found.price.rate}, version {found.price.rate_card_version}: {found.price.explanation}")


def _channel(name: str | None) -> wallet_pb2.Channel:
    number = wallet_pb2.Channel.Value(f"CHANNEL_{name.upper()}") if name else 0
    return cast("wallet_pb2.Channel", number)
