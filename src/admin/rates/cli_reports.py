"""What an import has to say, for people to read."""

import click

from veloconnect.admin.v1 import rate_pb2
from wallet.domain.money import words


def print_bad_rows(done: rate_pb2.ImportRatesResponse) -> None:
    """Print every row that keeps a deck out: its line, the column, and why."""
    line = max(len(str(row.line)) for row in done.bad_rows)
    column = max(len(_shown(row.column)) for row in done.bad_rows)
    for row in done.bad_rows:
        click.echo(f"line {row.line:<{line}}  {_shown(row.column):<{column}}  {_shown(row.description)}")
    if done.bad_rows_found > len(done.bad_rows):
        click.echo(f"… and {done.bad_rows_found - len(done.bad_rows)} more")
    _print_ignored(done)
    many = f"{done.bad_rows_found} of {done.rows} rows are bad" if done.rows else "it is no deck"
    click.echo(f"Not imported: {many}, so nothing has changed.", err=True)


def print_changes(done: rate_pb2.ImportRatesResponse) -> None:
    """Print what an import changed, or would change."""
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
        rate = jump.rate.rpartition("/rates/")[2]
        percent = f"{jump.percent:+.1f} %" if jump.old_unit_price_micros else "was free"
        old, new = (words(micros, "").strip() for micros in (jump.old_unit_price_micros, jump.new_unit_price_micros))
        click.echo(f"  {percent:>10}  {old} → {new}  {rate}  {_shown(jump.description)}".rstrip())


def _print_ignored(done: rate_pb2.ImportRatesResponse) -> None:
    if done.ignored_columns:
        click.echo(f"Columns that were ignored: {', '.join(map(_shown, done.ignored_columns))}")


def _shown(text: str) -> str:
    """Return a text without what a terminal would obey: it comes out of a file."""
    return "".join(character if character.isprintable() else "�" for character in text)
