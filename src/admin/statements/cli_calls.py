"""The calls that the commands of `transactions` make."""

from pathlib import Path
from typing import Any

from admin.cli.calling import calling
from admin.cli.connection import Connection
from admin.cli.options import written
from admin.cli.times import micros_in
from veloconnect.admin.v1 import transaction_pb2

EXPORT_SECONDS_MAX = 900.0
"""How long an export may take: a connection's calls are ended by the server not much later."""


def filter_of(**options: Any) -> transaction_pb2.TransactionFilter:
    """Return the filter that the options say. Raises click.BadParameter."""
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
            getattr(found, field).FromMicroseconds(micros_in(text, option))
    return found


def export_statement(
    connection: Connection, company: str, where: transaction_pb2.TransactionFilter, output: Path | None
) -> None:
    """Write a company's statement; a file is there when it is whole."""
    request = transaction_pb2.ExportTransactionsRequest(parent=company, filter=where)
    with calling(connection) as caller, written(output) as file:
        stream = caller.transactions.ExportTransactions(request, metadata=caller.metadata, timeout=EXPORT_SECONDS_MAX)
        for piece in stream:
            file.write(piece.csv)
