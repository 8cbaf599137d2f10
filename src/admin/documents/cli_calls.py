"""The calls that the commands of `documents` make."""

from pathlib import Path

import click

from admin.cli.calling import CALL_SECONDS_MAX, calling
from admin.cli.connection import Connection
from veloconnect.admin.v1 import document_pb2


def write_receipt(connection: Connection, name: str, output: Path | None) -> None:
    """Write a receipt into a file."""
    with calling(connection) as caller:
        request = document_pb2.GetReceiptPdfRequest(name=name)
        pdf = caller.documents.GetReceiptPdf(request, metadata=caller.metadata, timeout=CALL_SECONDS_MAX)
    _write(pdf, output)


def write_statement(connection: Connection, name: str, output: Path | None) -> None:
    """Write the statement of a month into a file."""
    with calling(connection) as caller:
        request = document_pb2.GetStatementPdfRequest(name=name)
        pdf = caller.documents.GetStatementPdf(request, metadata=caller.metadata, timeout=CALL_SECONDS_MAX)
    _write(pdf, output)


def _write(pdf: document_pb2.Pdf, output: Path | None) -> None:
    """Write a file when it is whole, and say where it is."""
    # The name is the service's: only its last part is taken, so that nothing is written elsewhere.
    path = output or Path(Path(pdf.file_name).name)
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_bytes(pdf.content)
        part.replace(path)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    click.echo(path)
