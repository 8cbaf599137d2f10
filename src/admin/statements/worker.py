"""Counts usage by day in the background, so that a summary has little left to count."""

from admin.statements.usage_store import UsageDays
from admin.work.company_sweep import CompanySweep

PAUSE_SECONDS = 5.0
"""The pause between two runs. It does not delay summaries, which count the missing entries themselves."""


class UsageWorker:
    """Counts a slice of entries of each company in turn, so that a large company does not delay the others."""

    def __init__(self, usage: UsageDays) -> None:
        """Count by `usage`."""
        self._usage = usage
        self._sweep = CompanySweep(usage.companies_behind)

    async def run_once(self) -> int:
        """Count entries until all are counted or time is up; return how many. Raises LedgerUnavailable."""
        counted = 0

        async def count(company: str) -> bool:
            nonlocal counted
            entries = await self._usage.count_slice(company)
            counted += entries
            return entries == self._usage.slice_entries

        await self._sweep.run(count)
        return counted
