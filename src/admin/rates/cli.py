"""`python -m admin rates`: decks into cards and out again, and what something would cost."""

from pathlib import Path
from typing import Any

import click

from admin.cli.connection import Connection, connection_options
from admin.cli.options import CHANNELS, named, output_option


@click.group()
def rates() -> None:
    """Prices: import a deck into a rate card, export a card, ask what something would cost."""


def _columns(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Return field → header, of values such as rate=Your price."""
    columns = {}
    for value in values:
        field, _, header = value.partition("=")
        if not field or not header:
            raise click.BadParameter(f'{value!r} is not written as in rate="Your price"', context, option)
        columns[field] = header
    return columns


_card_option = click.option(
    "--card", required=True, callback=named("rateCards"), help="The rate card, such as standard."
)


@rates.command("import")
@click.argument("deck", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_card_option
@click.option("--channel", type=click.Choice(CHANNELS), help="What the deck is for; else it has a column for it.")
@click.option("--currency", default="", help="The deck's, such as USD. A card that is missing is made in it.")
@click.option("--variant", default="", help="The variant of rows that have no column for it.")
@click.option("--effective", help="When the deck begins, such as 2027-01-01 or 2027-01-01T00:00:00Z; else now.")
@click.option("--keep-unlisted", is_flag=True, help="Keep rates that the deck does not list.")
@click.option("--validate-only", is_flag=True, help="Say what would change, and change nothing.")
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
    """Read a DECK in CSV into a rate card: all of it, or nothing. Exit status 1 where it is refused."""
    # Nothing else of this command line needs gRPC.
    from admin.rates.cli_calls import import_deck, settings_of  # noqa: PLC0415

    import_deck(connection, deck, settings_of(**options))


@rates.command()
@_card_option
@click.option("--channel", type=click.Choice(CHANNELS), help="Only rates of this channel.")
@output_option
@connection_options
def export(connection: Connection, card: str, channel: str | None, output: Path | None) -> None:
    """Write a rate card in CSV, as import reads it."""
    from admin.rates.cli_calls import export_deck  # noqa: PLC0415  As above.

    export_deck(connection, card, channel, output)


@rates.command()
@click.option("--card", callback=named("rateCards"), help="By which rate card, such as standard.")
@click.option("--company", callback=named("companies"), help="By whose rate card, such as acme.")
@click.option("--channel", type=click.Choice(CHANNELS), required=True)
@click.option("--destination", default="", help="A number such as +4915112345678, or a country such as DE.")
@click.option("--variant", default="", help="Such as template.marketing.")
@click.option("--quantity", type=int, default=1, show_default=True, help="Seconds, segments, messages or months.")
@connection_options
def quote(connection: Connection, card: str, company: str, **usage: Any) -> None:
    """Say what something would cost, and why; nothing is charged."""
    if bool(card) == bool(company):
        raise click.UsageError("Say by which --card, or by the card of which --company.")
    from admin.rates.cli_calls import print_quote  # noqa: PLC0415  As above.

    print_quote(connection, card, company, **usage)
