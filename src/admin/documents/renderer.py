"""Rendering of documents as PDF files, for the RPCs and for HTTP downloads."""

import asyncio
from typing import NamedTuple

import msgspec

from admin.companies.store import Companies
from admin.documents.billing_store import Billing
from admin.documents.monthly_store import MonthlyStatements
from admin.documents.months import Month
from admin.documents.receipt_pdf import receipt_pdf
from admin.documents.receipt_store import Receipts
from admin.documents.statement_pdf import statement_pdf
from admin.rpc.concurrency import ConcurrencyLimit

PDFS_AT_ONCE_MAX = 4
"""Per process: each keeps a core busy for 0.1 s, and a statement with every country for 1 s."""


class PdfFile(NamedTuple):
    """A PDF and its file name."""

    name: str
    content: bytes


class DocumentRenderer:
    """Renders PDFs in threads, up to PDFS_AT_ONCE_MAX at a time."""

    def __init__(
        self, receipts: Receipts, statements: MonthlyStatements, billing: Billing, companies: Companies
    ) -> None:
        """Read the contents of documents from these stores."""
        self._receipts = receipts
        self._statements = statements
        self._billing = billing
        self._companies = companies
        self._limit = ConcurrencyLimit("PDFs", calls_max=PDFS_AT_ONCE_MAX)

    async def render_receipt(self, company: str, number: int) -> PdfFile:
        """Return the receipt of a top-up, and issue it if it has none.

        Raises ReceiptNotFound, SellerNotSet, Overloaded.
        """
        with self._limit.acquire():
            receipt = await self._receipts.get(company, number)
            return PdfFile(f"{receipt.serial_text}.pdf", await asyncio.to_thread(receipt_pdf, receipt))

    async def render_statement(self, company: str, month: Month) -> PdfFile:
        """Return the statement of a month. Raises CompanyNotFound, Overloaded, StatementNotReconciled."""
        with self._limit.acquire():
            statement = await self._statements.read(company, month)
            seller = await self._billing.seller()
            buyer = await self._billing.profile(company)
            if not buyer.legal_name:
                name = (await self._companies.get(company)).display_name
                buyer = msgspec.structs.replace(buyer, legal_name=name or company)
            content = await asyncio.to_thread(statement_pdf, statement, seller, buyer)
            return PdfFile(f"{company}-{month}.pdf", content)
