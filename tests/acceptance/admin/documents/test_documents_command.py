"""`python -m admin documents` as an operator runs it, against a running service."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pypdf
import pytest

from devstack import Stack
from tests.acceptance.bad_requests.makers import create, top_up
from tests.support.clients import Clients
from tests.support.command import Command
from veloconnect.admin.v1 import document_pb2


@pytest.fixture(scope="module")
def documents(stack: Stack, clone: Path) -> Command:
    return Command("documents", stack, clone)


@pytest.fixture(scope="module", autouse=True)
def _company(stack: Stack) -> Iterator[None]:
    with Clients.of(stack) as clients:
        clients.call(clients.companies.CreateCompany, create("printed"))
        clients.call(clients.top_ups.CreateTopUp, top_up(parent="companies/printed", key="1", amount_micros=20_000_000))
        seller = document_pb2.UpdateSellerRequest(seller=document_pb2.Seller(legal_name="Velo Connect"))
        clients.call(clients.documents.UpdateSeller, seller)
        yield


def text_of(pdf: Path) -> str:
    """Return the text of a PDF."""
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf.read_bytes())).pages)


def test_receipts_and_statements_are_written_to_files(documents: Command, tmp_path: Path) -> None:
    receipt, statement = tmp_path / "receipt.pdf", tmp_path / "statement.pdf"
    command = ("receipt", "--company", "printed", "--transaction", "1", "--output", str(receipt))
    assert documents.lines(*command) == [str(receipt)]
    assert "Paid in total 20.00 EUR" in text_of(receipt)
    month = f"{datetime.now(UTC):%Y-%m}"
    command = ("statement", "--company", "companies/printed", "--month", month, "--output", str(statement))
    assert documents.lines(*command) == [str(statement)]
    assert f"Statement {month} (provisional)" in text_of(statement)
    assert {path.name for path in tmp_path.iterdir()} == {"receipt.pdf", "statement.pdf"}


def test_the_default_file_name_is_the_documents(documents: Command, clone: Path) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    assert documents.lines("statement", "--company", "printed", "--month", month) == [f"printed-{month}.pdf"]
    file = clone / f"printed-{month}.pdf"
    assert file.read_bytes().startswith(b"%PDF-")
    file.unlink()


def test_errors_are_one_sentence(documents: Command, tmp_path: Path) -> None:
    output = tmp_path / "none.pdf"
    missing = documents.failed("receipt", "--company", "printed", "--transaction", "99", "--output", str(output))
    assert missing.endswith("(RECEIPT_NOT_FOUND)")
    assert "(INVALID_REQUEST)" in documents.failed("statement", "--company", "printed", "--month", "November")
    nowhere = tmp_path / "none" / "x.pdf"
    unwritten = documents.failed("receipt", "--company", "printed", "--transaction", "1", "--output", str(nowhere))
    assert "cannot be written" in unwritten
    assert not list(tmp_path.iterdir())
