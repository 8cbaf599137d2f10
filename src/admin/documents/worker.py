"""Issues receipts for new top-ups."""

from contextlib import suppress

from admin.documents.receipt_store import Receipts
from admin.work.company_sweep import CompanySweep
from wallet.domain.errors import SellerNotSet

PAUSE_SECONDS = 5.0
"""The pause between two runs. A request for a receipt issues it without waiting for the next run."""
RECEIPTS_PER_TURN = 50
"""How many receipts of a company are issued before the next company's turn."""


class ReceiptWorker:
    """Issues receipts for some top-ups of each company in turn."""

    def __init__(self, receipts: Receipts) -> None:
        """Issue by `receipts`."""
        self._receipts = receipts
        self._sweep = CompanySweep(receipts.companies_behind)

    async def run_once(self) -> int:
        """Issue receipts until each top-up has one or time is up; return how many top-ups were examined.

        No receipt is issued before the seller is set. Raises LedgerUnavailable.
        """
        examined = 0

        async def issue(company: str) -> bool:
            nonlocal examined
            found = await self._receipts.issue_next(company, RECEIPTS_PER_TURN)
            examined += found
            return found == RECEIPTS_PER_TURN

        with suppress(SellerNotSet):
            await self._sweep.run(issue)
        return examined
