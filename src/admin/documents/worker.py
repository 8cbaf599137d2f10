"""Issues receipts for new top-ups."""

from contextlib import suppress

from admin.documents.receipt_store import Receipts
from admin.work.company_sweep import CompanySweep
from wallet.domain.errors import SellerNotSet

PAUSE_SECONDS = 5.0
"""Between two looks. Whoever asks for a receipt before gets it issued then."""
RECEIPTS_PER_TURN = 50
"""Of one company, before the next company has its turn."""


class ReceiptWorker:
    """Takes some top-ups of each company in turn."""

    def __init__(self, receipts: Receipts) -> None:
        """Issue by `receipts`."""
        self._receipts = receipts
        self._sweep = CompanySweep(receipts.companies_behind)

    async def run_once(self) -> int:
        """See to it that each top-up has its receipt, or for a while; return how many were looked at.

        Nothing is issued before the seller is set. Raises LedgerUnavailable.
        """
        seen = 0

        async def issue(company: str) -> bool:
            nonlocal seen
            found = await self._receipts.issue_next(company, RECEIPTS_PER_TURN)
            seen += found
            return found == RECEIPTS_PER_TURN

        with suppress(SellerNotSet):
            await self._sweep.run(issue)
        return seen
