"""`python -m admin documents`: write receipts and monthly statements as PDF."""

from pathlib import Path

import click

from admin.cli.connection import Connection, connection_options
from admin.cli.options import resource_name
from admin.cli.service import CALL_SECONDS_MAX, service_stub
from veloconnect.admin.v1 import document_pb2
from veloconnect.admin.v1.document_pb2_grpc import DocumentServiceStub
from wallet.domain.resource_names import COMPANY, RECEIPT, STATEMENT

_company_option = click.option(
    "--company", required=True, callback=resource_name(COMPANY), help="The company, such as acme."
)
_output_option = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; default: the document's own file name, in the current folder.",
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
    """Write the receipt of a top-up, and issue it if it has none."""
    request = document_pb2.GetReceiptPdfRequest(name=f"{company}/{RECEIPT.collection}/{transaction}")
    with service_stub(connection, DocumentServiceStub) as service:
        pdf = service.GetReceiptPdf(request, metadata=connection.metadata, timeout=CALL_SECONDS_MAX)
    _write(pdf, output)


@documents.command()
@_company_option
@click.option("--month", required=True, help="The month in UTC, such as 2026-11.")
@_output_option
@connection_options
def statement(connection: Connection, company: str, month: str, output: Path | None) -> None:
    """Write a company's statement of a month."""
    request = document_pb2.GetStatementPdfRequest(name=f"{company}/{STATEMENT.collection}/{month}")
    with service_stub(connection, DocumentServiceStub) as service:
        pdf = service.GetStatementPdf(request, metadata=connection.metadata, timeout=CALL_SECONDS_MAX)
    _write(pdf, output)


def _write(pdf: document_pb2.Pdf, output: Path | None) -> None:
    """Write a file, which appears when it is complete, and print its path."""
    # The service sends the name. Only its last part is used, so that no file is written elsewhere.
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
