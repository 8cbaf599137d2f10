"""Issues receipts for new top-ups."""

import time

from wallet.domain.errors import SellerNotSet
from wallet.ledger.receipts import Receipts

PAUSE_SECONDS = 5.0
"""Between two looks. Whoever asks for a receipt before gets it issued then."""
RUN_SECONDS_MAX = 10.0
COMPANIES_PER_LOOK = 500
RECEIPTS_PER_TURN = 50
"""Of one company, before the next company has its turn."""


class ReceiptWorker:
    """Goes from company to company, by id; the next run goes on where one had no time left."""

    def __init__(self, receipts: Receipts) -> None:
        """Issue by `receipts`."""
        self._receipts = receipts
        self._after = ""

    async def run_once(self) -> int:
        """See to it that each top-up has its receipt, or for RUN_SECONDS_MAX; return how many were looked at.

        Nothing is issued before the seller is set. Raises LedgerUnavailable.
        """
        give_up_at = time.monotonic() + RUN_SECONDS_MAX
        seen, more = 0, False
        while True:
            companies = await self._receipts.behind(self._after, COMPANIES_PER_LOOK)
            for company in companies:
                # First, so that the next run goes on behind a company whose receipts cannot be issued.
                self._after = company
                try:
                    found = await self._receipts.issue_next(company, RECEIPTS_PER_TURN)
                except SellerNotSet:
                    self._after = ""
                    return seen
                seen += found
                more |= found == RECEIPTS_PER_TURN
                if time.monotonic() > give_up_at:
                    return seen
            if len(companies) < COMPANIES_PER_LOOK:
                self._after = ""
                if not more:
                    return seen
                more = False
