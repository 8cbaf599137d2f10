"""`python -m admin transactions`: export a company's statement."""

from pathlib import Path
from typing import Any

import click

from admin.cli.connection import Connection, connection_options
from admin.cli.options import CHANNELS, output_file, output_option, resource_name
from admin.cli.service import service_stub
from admin.cli.times import parse_time_option
from veloconnect.admin.v1 import transaction_pb2
from veloconnect.admin.v1.transaction_pb2_grpc import TransactionServiceStub
from wallet.domain.resource_names import COMPANY

EXPORT_SECONDS_MAX = 900.0
"""How long an export may take. The server ends the calls of a connection not much later."""

KINDS = ("charge", "top_up", "adjustment", "refund", "authorization", "increment", "capture", "void", "expiry")


@click.group()
def transactions() -> None:
    """Transactions of the ledger."""


@transactions.command()
@click.option("--company", required=True, callback=resource_name(COMPANY), help="The company, such as acme.")
@click.option("--from", "start", help="From this time on, in UTC: 2026-11-01 or 2026-11-01T00:00:00Z.")
@click.option("--to", "end", help="Before this time, such as 2026-12-01.")
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
    request = transaction_pb2.ExportTransactionsRequest(parent=company, filter=_filter(**options))
    with service_stub(connection, TransactionServiceStub) as service, output_file(output) as file:
        stream = service.ExportTransactions(request, metadata=connection.metadata, timeout=EXPORT_SECONDS_MAX)
        for piece in stream:
            file.write(piece.csv)


def _filter(**options: Any) -> transaction_pb2.TransactionFilter:
    """Return a filter from the options. Raises click.BadParameter."""
    found = transaction_pb2.TransactionFilter(
        kinds=[f"KIND_{kind.upper()}" for kind in options["kinds"]],
        channel=f"CHANNEL_{options['channel'].upper()}" if options["channel"] else None,
        country_code=options["country"],
        campaign_id=options["campaign"],
        contact_id=options["contact"],
        reference=options["reference"],
    )
    for field, option, text in (("start_time", "--from", options["start"]), ("end_time", "--to", options["end"])):
        if text:
            getattr(found, field).FromMicroseconds(parse_time_option(text, option))
    return found
