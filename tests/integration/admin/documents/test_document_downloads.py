"""Documents over RPCs and HTTP: the same files, rendered with a limit on concurrency; updates of their parties."""

import asyncio
import io
import re
from pathlib import Path

import asyncpg
import pypdf
import pytest

from admin.documents import http as documents
from admin.documents.messages import profile_change, seller_change
from admin.documents.months import Month
from admin.documents.receipts import Seller, TaxTreatment
from admin.documents.renderer import PDFS_AT_ONCE_MAX, DocumentRenderer
from server.rejections import InvalidRequest
from tests.support.builders import charge, make_company, top_up
from tests.support.http_calls import TOKEN, Response, serving, settings_in
from tests.support.wallets import Wallets
from veloconnect.admin.v1 import document_pb2
from wallet.domain.errors import CompanyNotFound, Overloaded, ReceiptNotFound

MONTH = Month(2026, 2)


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """A company with a top-up and a charge, both in February 2026, and a seller."""
    await wallets.billing.change_seller(lambda _: Seller("Velo Connect"))
    await make_company(database)
    await wallets.engine.submit(top_up(20_000_000))
    await wallets.engine.submit(charge(5_000_000))
    await database.execute("UPDATE entries SET created_at = $1", MONTH.starts_at + 1)
    return wallets


@pytest.fixture
def renderer(acme: Wallets) -> DocumentRenderer:
    return DocumentRenderer(acme.receipts, acme.monthly_statements, acme.billing, acme.companies)


def text_of(pdf: bytes) -> str:
    """Return the text of a PDF."""
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


async def test_files_have_names_and_the_ledgers_amounts(acme: Wallets, renderer: DocumentRenderer) -> None:
    receipt = await renderer.render_receipt("acme", 1)
    assert receipt.name == f"{(await acme.receipts.get('acme', 1)).serial_text}.pdf"
    assert "Paid in total 20.00 EUR" in text_of(receipt.content)
    assert (await renderer.render_receipt("acme", 1)).content == receipt.content
    statement = await renderer.render_statement("acme", MONTH)
    assert statement.name == "acme-2026-02.pdf"
    text = text_of(statement.content)
    assert "Closing balance, on 2026-02-28 15.00" in text
    assert "To\nacme\n" in text, "without a profile the buyer is the company"


async def test_concurrent_rendering_is_limited(renderer: DocumentRenderer) -> None:
    for _ in range(PDFS_AT_ONCE_MAX + 1):
        with pytest.raises(ReceiptNotFound):
            await renderer.render_receipt("acme", 2)
        with pytest.raises(CompanyNotFound):
            await renderer.render_statement("nobody", MONTH)
    found = await asyncio.gather(
        *(renderer.render_receipt("acme", 1) for _ in range(PDFS_AT_ONCE_MAX + 2)), return_exceptions=True
    )
    assert sum(isinstance(each, Overloaded) for each in found) == 2
    assert await renderer.render_receipt("acme", 1)


async def test_documents_are_downloads_over_http(acme: Wallets, renderer: DocumentRenderer, tmp_path: Path) -> None:
    async with serving(settings_in(tmp_path), *documents.routes(renderer)) as caller:

        async def get(path: str, token: str | None = TOKEN) -> Response:
            return await caller.call("GET", f"/v1/companies/{path}", token=token)

        receipt = await get("acme/receipts/1.pdf")
        assert (receipt.status, receipt.headers["Content-Type"]) == (200, "application/pdf")
        assert re.fullmatch(r'attachment; filename="VC-\d{4}-000001\.pdf"', receipt.headers["Content-Disposition"])
        assert receipt.body == (await renderer.render_receipt("acme", 1)).content
        statement = await get("acme/statements/2026-02.pdf")
        assert (statement.status, statement.body) == (200, (await renderer.render_statement("acme", MONTH)).content)
        assert (await get("acme/receipts/1.pdf", token=None)).status == 401
        for path, status, reason in (
            ("acme/receipts/2.pdf", 404, "RECEIPT_NOT_FOUND"),
            ("acme/receipts/x.pdf", 400, "INVALID_REQUEST"),
            ("ACME/receipts/1.pdf", 400, "INVALID_REQUEST"),
            ("acme/statements/2026-13.pdf", 400, "INVALID_REQUEST"),
            ("acme/statements/9999-01.pdf", 400, "INVALID_REQUEST"),
            ("nobody/statements/2026-02.pdf", 404, "COMPANY_NOT_FOUND"),
        ):
            refused = await get(path)
            assert (refused.status, refused.reason) == (status, reason), path


def test_an_update_changes_the_fields_of_its_mask() -> None:
    seller = document_pb2.Seller(legal_name="Velo", footer="Bye.", address_lines=["a"])
    change = seller_change(document_pb2.UpdateSellerRequest(seller=seller))
    before = Seller("Old", ("x", "y"), "T1", "a@b.example", "AB", "Hello.")
    assert change(before) == Seller("Velo", ("a",), "T1", "a@b.example", "AB", "Bye.")
    everything = document_pb2.UpdateSellerRequest(seller=seller)
    everything.update_mask.paths.append("*")
    assert seller_change(everything)(before) == Seller("Velo", ("a",), footer="Bye.")
    with pytest.raises(InvalidRequest):
        seller_change(document_pb2.UpdateSellerRequest(seller=document_pb2.Seller(footer="x")))(Seller())


async def test_an_incomplete_profile_is_refused(acme: Wallets) -> None:
    def update(*paths: str, **fields: object) -> document_pb2.UpdateBillingProfileRequest:
        profile = document_pb2.BillingProfile(name="companies/acme/billingProfile", **fields)  # type: ignore[arg-type]
        request = document_pb2.UpdateBillingProfileRequest(billing_profile=profile)
        request.update_mask.paths.extend(paths)
        return request

    included = {"tax_treatment": document_pb2.TAX_TREATMENT_INCLUDED, "tax_label": "VAT", "tax_rate_basis_points": 700}
    after = await acme.billing.change_profile(*profile_change(update(**included, legal_name="Acme")))
    assert (after.treatment, after.rate_basis_points, after.legal_name) == (TaxTreatment.INCLUDED, 700, "Acme")
    for broken in (update("tax_label"), update("tax_rate_basis_points"), update("tax_treatment")):
        with pytest.raises(InvalidRequest):
            await acme.billing.change_profile(*profile_change(broken))
        assert await acme.billing.profile("acme") == after
    none = await acme.billing.change_profile(*profile_change(update("tax_treatment", "tax_rate_basis_points")))
    assert (none.treatment, none.legal_name) == (TaxTreatment.NONE, "Acme")
