"""DocumentService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from admin.documents.billing_store import Billing
from admin.documents.messages import (
    parse_month,
    profile_change,
    profile_message,
    receipt_message,
    seller_change,
    seller_message,
    statement_message,
)
from admin.documents.monthly_store import MonthlyStatements
from admin.documents.receipt_store import Receipts
from admin.documents.receipts import Receipt
from admin.documents.renderer import DocumentRenderer, PdfFile
from admin.rpc.pages import Listing
from server.context import Context
from server.rejections import invalid
from veloconnect.admin.v1 import document_pb2, document_pb2_grpc
from wallet.domain.resource_names import ALL_COMPANIES, BILLING_PROFILE, COMPANY, RECEIPT


class DocumentServicer(document_pb2_grpc.DocumentServiceServicer):
    """DocumentService. Errors are raised; server.boundary answers them."""

    def __init__(
        self, billing: Billing, receipts: Receipts, statements: MonthlyStatements, renderer: DocumentRenderer
    ) -> None:
        """Keep seller and billing profiles in `billing`, and render PDFs by `renderer`."""
        self._billing = billing
        self._receipts = receipts
        self._statements = statements
        self._renderer = renderer

    async def GetSeller(self, request: document_pb2.GetSellerRequest, context: Context) -> document_pb2.Seller:
        """Read the seller."""
        return seller_message(await self._billing.seller())

    async def UpdateSeller(self, request: document_pb2.UpdateSellerRequest, context: Context) -> document_pb2.Seller:
        """Change the seller."""
        return seller_message(await self._billing.change_seller(seller_change(request)))

    async def GetBillingProfile(
        self, request: document_pb2.GetBillingProfileRequest, context: Context
    ) -> document_pb2.BillingProfile:
        """Read a billing profile."""
        company = BILLING_PROFILE.parse(request.name)
        return profile_message(company, await self._billing.profile(company))

    async def UpdateBillingProfile(
        self, request: document_pb2.UpdateBillingProfileRequest, context: Context
    ) -> document_pb2.BillingProfile:
        """Change a billing profile."""
        company, change = profile_change(request)
        return profile_message(company, await self._billing.change_profile(company, change))

    async def GetReceipt(self, request: document_pb2.GetReceiptRequest, context: Context) -> document_pb2.Receipt:
        """Read a receipt, and issue it if need be."""
        return receipt_message(await self._receipts.get(*RECEIPT.parse(request.name)))

    async def ListReceipts(
        self, request: document_pb2.ListReceiptsRequest, context: Context
    ) -> document_pb2.ListReceiptsResponse:
        """List receipts, newest first, or find one by its serial number."""
        if request.number:
            return document_pb2.ListReceiptsResponse(receipts=map(receipt_message, await self._find_by_serial(request)))
        if request.parent == ALL_COMPANIES:
            raise invalid("number", f"is required with {ALL_COMPANIES}")
        company = COMPANY.parse(request.parent)
        listing = Listing(request, f"{request.parent}/receipts")
        found = await self._receipts.list(company, before=listing.before, limit=listing.limit)
        page, more = listing.page(found, lambda receipt: receipt.number)
        return document_pb2.ListReceiptsResponse(receipts=map(receipt_message, page), next_page_token=more)

    async def GetReceiptPdf(self, request: document_pb2.GetReceiptPdfRequest, context: Context) -> document_pb2.Pdf:
        """Render a receipt."""
        return _pdf(await self._renderer.render_receipt(*RECEIPT.parse(request.name)))

    async def GetStatement(self, request: document_pb2.GetStatementRequest, context: Context) -> document_pb2.Statement:
        """Read the statement of a month."""
        return statement_message(await self._statements.read(*parse_month(request.name)))

    async def GetStatementPdf(self, request: document_pb2.GetStatementPdfRequest, context: Context) -> document_pb2.Pdf:
        """Render the statement of a month."""
        return _pdf(await self._renderer.render_statement(*parse_month(request.name)))

    async def _find_by_serial(self, request: document_pb2.ListReceiptsRequest) -> list[Receipt]:
        prefix, year, serial = request.number.split("-")
        found = await self._receipts.find(prefix, int(year), int(serial))
        # Only the canonical form of a serial number matches.
        if found is None or found.serial_text != request.number:
            return []
        return [found] if request.parent in (ALL_COMPANIES, COMPANY.name(found.company)) else []


def _pdf(file: PdfFile) -> document_pb2.Pdf:
    return document_pb2.Pdf(file_name=file.name, content_type="application/pdf", content=file.content)
