"""Documents as files: what the RPCs answer and the HTTP port serves."""

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
"""In one process: each keeps a core busy for a tenth of a second, and a statement of every country for one."""


class File(NamedTuple):
    """A PDF, and what to save it as."""

    name: str
    content: bytes


class Printing:
    """Makes PDFs, a few at once, beside the event loop."""

    def __init__(
        self, receipts: Receipts, statements: MonthlyStatements, billing: Billing, companies: Companies
    ) -> None:
        """Read what they say from the ledger."""
        self._receipts = receipts
        self._statements = statements
        self._billing = billing
        self._companies = companies
        self._limit = ConcurrencyLimit("PDFs", calls_max=PDFS_AT_ONCE_MAX)

    async def receipt(self, company: str, number: int) -> File:
        """Return the receipt of a top-up; issue it where it has none.

        Raises ReceiptNotFound, SellerNotSet, Overloaded.
        """
        with self._limit.acquire():
            receipt = await self._receipts.get(company, number)
            return File(f"{receipt.serial_text}.pdf", await asyncio.to_thread(receipt_pdf, receipt))

    async def statement(self, company: str, month: Month) -> File:
        """Return the statement of a month. Raises CompanyNotFound, Overloaded, StatementNotReconciled."""
        with self._limit.acquire():
            statement = await self._statements.read(company, month)
            seller = await self._billing.seller()
            buyer = await self._billing.profile(company)
            if not buyer.legal_name:
                name = (await self._companies.get(company)).display_name
                buyer = msgspec.structs.replace(buyer, legal_name=name or company)
            content = await asyncio.to_thread(statement_pdf, statement, seller, buyer)
            return File(f"{company}-{month}.pdf", content)
