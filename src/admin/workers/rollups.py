"""Counts usage by day, so that a summary finds little left to count."""

import time

from wallet.ledger.usage import UsageDays

PAUSE_SECONDS = 5.0
"""Between two looks. A summary counts what is missing itself, so this is no bound on how fresh one is."""
RUN_SECONDS_MAX = 10.0
COMPANIES_PER_LOOK = 500


class Rollups:
    """Goes from company to company, a slice of entries for each, so that a large one keeps nobody waiting."""

    def __init__(self, usage: UsageDays) -> None:
        """Count by `usage`."""
        self._usage = usage
        self._after = ""
        """Where the next run goes on."""

    async def run_once(self) -> int:
        """Count what there is, or for RUN_SECONDS_MAX; return how many entries. Raises LedgerUnavailable."""
        give_up_at = time.monotonic() + RUN_SECONDS_MAX
        counted, more = 0, False
        while True:
            companies = await self._usage.behind(self._after, COMPANIES_PER_LOOK)
            for company in companies:
                # First, so that the next run goes on behind a company that cannot be counted.
                self._after = company
                entries = await self._usage.count_slice(company)
                counted += entries
                more |= entries == self._usage.slice_entries
                if time.monotonic() > give_up_at:
                    return counted
            if len(companies) < COMPANIES_PER_LOOK:
                self._after = ""
                # What came meanwhile is left to the next run: there is always something.
                if not more:
                    return counted
                more = False
