"""`python -m admin documents`: receipts and monthly statements as PDF."""

from pathlib import Path

import click

from admin.cli.connection import Connection, connection_options
from admin.cli.options import named

_company_option = click.option("--company", required=True, callback=named("companies"), help="Whose, such as acme.")
_output_option = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write it; else to a file of its own name here.",
)


@click.group()
def documents() -> None:
    """Receipts and monthly statements."""


@documents.command()
@_company_option
@click.option("--transaction", type=click.IntRange(min=1), required=True, help="The top-up's number, such as 1042.")
@_output_option
@connection_options
def receipt(connection: Connection, company: str, transaction: int, output: Path | None) -> None:
    """Write the receipt of a top-up; it is issued if it was not yet."""
    # Nothing else of this command line needs gRPC.
    from admin.documents.cli_calls import write_receipt  # noqa: PLC0415

    write_receipt(connection, f"{company}/receipts/{transaction}", output)


@documents.command()
@_company_option
@click.option("--month", required=True, help="Such as 2026-11, in UTC.")
@_output_option
@connection_options
def statement(connection: Connection, company: str, month: str, output: Path | None) -> None:
    """Write what a month did to a company's wallet."""
    from admin.documents.cli_calls import write_statement  # noqa: PLC0415

    write_statement(connection, f"{company}/statements/{month}", output)
