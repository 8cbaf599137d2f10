"""`python -m admin rates`: import and export decks, and quote prices."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, cast

import click

from admin.cli.connection import Connection, connection_options
from admin.cli.options import CHANNELS, output_file, output_option, resource_name
from admin.cli.service import CALL_SECONDS_MAX, RequestRefused, service_stub
from admin.rates.decks.cells import BadCell
from admin.rates.decks.columns import HEADERS
from admin.rates.decks.dates import TimeParser
from veloconnect.admin.v1 import rate_pb2
from veloconnect.admin.v1.rate_pb2_grpc import RateServiceStub
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.money import format_money
from wallet.domain.resource_names import COMPANY, RATE, RATE_CARD

CHUNK_BYTES = 256 * 1024
IMPORT_SECONDS_MAX = 600.0


@click.group()
def rates() -> None:
    """Prices: import a deck into a rate card, export a card, quote a price."""


def _columns(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Return a mapping of fields to headers, from values such as rate=Your price."""
    columns = {}
    for value in values:
        field, _, header = value.partition("=")
        if not field or not header:
            raise click.BadParameter(f'{value!r} is not written as in rate="Your price"', context, option)
        columns[field] = header
    return columns


_card_option = click.option(
    "--card", required=True, callback=resource_name(RATE_CARD), help="The rate card, such as standard."
)


@rates.command("import")
@click.argument("deck", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_card_option
@click.option("--channel", type=click.Choice(CHANNELS), help="The deck's channel; default: it has a column for it.")
@click.option("--currency", default="", help="The deck's, such as USD. A missing card is created in it.")
@click.option("--variant", default="", help="The variant of rows that have no column for it.")
@click.option("--effective", help="When the deck begins, such as 2027-01-01 or 2027-01-01T00:00:00Z; else now.")
@click.option("--keep-unlisted", is_flag=True, help="Keep rates that the deck does not list.")
@click.option("--validate-only", is_flag=True, help="Show the changes without making them.")
@click.option(
    "--column",
    "columns",
    callback=_columns,
    multiple=True,
    metavar="FIELD=HEADER",
    help='A column with an unusual header, as in rate="Your price"; may be given for each field.',
)
@click.option("--date-format", default="", help="How dates are written that are not ISO 8601, such as %d/%m/%Y.")
@connection_options
def import_(connection: Connection, deck: Path, **options: Any) -> None:
    """Import a DECK in CSV into a rate card: all of it, or nothing. Exit status 1 if it is refused."""
    settings = _settings(**options)
    try:
        done = _import(connection, deck, settings)
    except RequestRefused as refused:
        if not any(field.startswith("line ") for field in refused.fields):
            raise
        # An error has room for the first bad rows only. The response to validate_only lists all of them.
        settings.validate_only = True
        done = _import(connection, deck, settings)
        if not done.bad_rows_found:
            raise
    if done.bad_rows_found:
        _print_bad_rows(done)
        sys.exit(1)
    _print_changes(done)


@rates.command()
@_card_option
@click.option("--channel", type=click.Choice(CHANNELS), help="Only rates of this channel.")
@output_option
@connection_options
def export(connection: Connection, card: str, channel: str | None, output: Path | None) -> None:
    """Write a rate card in CSV, which `import` reads."""
    request = rate_pb2.ExportRatesRequest(name=card, channel=_channel(channel))
    with service_stub(connection, RateServiceStub) as service, output_file(output) as file:
        stream = service.ExportRates(request, metadata=connection.metadata, timeout=IMPORT_SECONDS_MAX)
        for piece in stream:
            file.write(piece.csv)


@rates.command()
@click.option("--card", callback=resource_name(RATE_CARD), help="The rate card, such as standard.")
@click.option("--company", callback=resource_name(COMPANY), help="The company whose rate card to use, such as acme.")
@click.option("--channel", type=click.Choice(CHANNELS), required=True)
@click.option("--destination", default="", help="A number such as +4915112345678, or a country such as DE.")
@click.option("--variant", default="", help="Such as template.marketing.")
@click.option("--quantity", type=int, default=1, show_default=True, help="Seconds, segments, messages or months.")
@connection_options
def quote(connection: Connection, card: str, company: str, **usage: Any) -> None:
    """Show what a usage would cost, and why; nothing is charged."""
    if bool(card) == bool(company):
        raise click.UsageError("Name either a --card or a --company.")
    requested = wallet_pb2.Usage(**{**usage, "channel": _channel(usage["channel"])})
    request = rate_pb2.QuotePriceRequest(usage=requested, **({"rate_card": card} if card else {"company": company}))
    with service_stub(connection, RateServiceStub) as service:
        found = service.QuotePrice(request, metadata=connection.metadata, timeout=CALL_SECONDS_MAX)
    click.echo(format_money(found.amount_micros, found.currency_code))
    click.echo(f"{found.price.rate}, version {found.price.rate_card_version}: {found.price.explanation}")


def _settings(**options: Any) -> rate_pb2.ImportRatesSettings:
    """Return the settings of an import from its options. Raises click.BadParameter."""
    effective: str | None = options["effective"]
    if unknown := options["columns"].keys() - HEADERS.keys():
        field = min(unknown)
        raise click.BadParameter(f"{field} is not a field; the fields are {', '.join(HEADERS)}", param_hint="--column")
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
            settings.effective_time.FromMicroseconds(TimeParser().parse(effective))
        except BadCell as error:
            raise click.BadParameter(str(error), param_hint="--effective") from error
    return settings


def _import(connection: Connection, deck: Path, settings: rate_pb2.ImportRatesSettings) -> rate_pb2.ImportRatesResponse:
    first = rate_pb2.ImportRatesRequest(settings=settings)
    with service_stub(connection, RateServiceStub) as service, _chunks(deck) as chunks:
        done: rate_pb2.ImportRatesResponse = service.ImportRates(
            chain([first], chunks), metadata=connection.metadata, timeout=IMPORT_SECONDS_MAX
        )
        return done


@contextmanager
def _chunks(deck: Path) -> Iterator[Iterator[rate_pb2.ImportRatesRequest]]:
    """Yield a file's chunks, with a progress bar if standard error is a terminal."""
    with deck.open("rb") as file:
        chunks = iter(partial(file.read, CHUNK_BYTES), b"")
        requests = (rate_pb2.ImportRatesRequest(chunk=chunk) for chunk in chunks)
        if not sys.stderr.isatty():
            yield requests
            return
        count = -(-deck.stat().st_size // CHUNK_BYTES)
        with click.progressbar(requests, length=count, label=deck.name, file=sys.stderr) as bar:
            yield iter(bar)


def _channel(name: str | None) -> wallet_pb2.Channel:
    number = wallet_pb2.Channel.Value(f"CHANNEL_{name.upper()}") if name else 0
    return cast("wallet_pb2.Channel", number)


def _print_bad_rows(done: rate_pb2.ImportRatesResponse) -> None:
    """Print all bad rows of a deck: line, column, and what is wrong."""
    line = max(len(str(row.line)) for row in done.bad_rows)
    column = max(len(_printable(row.column)) for row in done.bad_rows)
    for row in done.bad_rows:
        click.echo(f"line {row.line:<{line}}  {_printable(row.column):<{column}}  {_printable(row.description)}")
    if done.bad_rows_found > len(done.bad_rows):
        click.echo(f"… and {done.bad_rows_found - len(done.bad_rows)} more")
    _print_ignored(done)
    many = f"{done.bad_rows_found} of {done.rows} rows are bad" if done.rows else "it is not a deck"
    click.echo(f"Not imported: {many}, so nothing has changed.", err=True)


def _print_changes(done: rate_pb2.ImportRatesResponse) -> None:
    """Print the changes that an import made, or would make."""
    card, changes = done.rate_card, done.changes
    if done.imported:
        click.echo(
            f"Imported {done.rows} rows: {card.name} is at version {card.version} and has {card.rate_count} rates."
        )
    else:
        click.echo(f"Not imported. The deck has {done.rows} rows, and would change this:")
    _print_ignored(done)
    counts = {
        "added": changes.added,
        "changed": changes.changed,
        "removed": changes.removed,
        "unchanged": changes.unchanged,
    }
    click.echo("  " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    if changes.price_jumps:
        click.echo("The biggest changes of price:")
    for jump in changes.price_jumps:
        _, rate = RATE.parse(jump.rate)
        percent = f"{jump.percent:+.1f} %" if jump.old_unit_price_micros else "was free"
        old, new = (
            format_money(micros, "").strip() for micros in (jump.old_unit_price_micros, jump.new_unit_price_micros)
        )
        click.echo(f"  {percent:>10}  {old} → {new}  {rate}  {_printable(jump.description)}".rstrip())


def _print_ignored(done: rate_pb2.ImportRatesResponse) -> None:
    if done.ignored_columns:
        click.echo(f"Columns that were ignored: {', '.join(map(_printable, done.ignored_columns))}")


def _printable(text: str) -> str:
    """Return a text from a file without control sequences that a terminal would obey."""
    return "".join(character if character.isprintable() else "�" for character in text)
