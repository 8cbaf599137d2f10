"""`python -m admin transactions`: a company's statement as a file."""

from pathlib import Path
from typing import Any

import click

from admin.cli.connection import Connection, connection_options
from admin.cli.options import CHANNELS, named, output_option

KINDS = ("charge", "top_up", "adjustment", "refund", "authorization", "increment", "capture", "void", "expiry")


@click.group()
def transactions() -> None:
    """Rows of the ledger."""


@transactions.command()
@click.option("--company", required=True, callback=named("companies"), help="Whose statement, such as acme.")
@click.option("--from", "start", help="From this time on, in UTC: 2026-11-01 or 2026-11-01T00:00:00Z.")
@click.option("--to", "end", help="Up to this time, itself not included, such as 2026-12-01.")
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Only this kind; may be given again.")
@click.option("--channel", type=click.Choice(CHANNELS), help="Only this channel.")
@click.option("--country", default="", help="Only this country, such as DE.")
@click.option("--campaign", default="", help="Only this campaign.")
@click.option("--contact", default="", help="Only this contact.")
@click.option("--reference", default="", help="Only this reference.")
@output_option
@connection_options
def export(connection: Connection, company: str, output: Path | None, **options: Any) -> None:
    """Write a statement in CSV: the opening balance, every transaction, the closing balance."""
    # Nothing else of this command line needs gRPC.
    from admin.statements.cli_calls import export_statement, filter_of  # noqa: PLC0415

    export_statement(connection, company, filter_of(**options), output)
