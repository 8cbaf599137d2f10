"""Counts usage by day, so that a summary finds little left to count."""

from admin.statements.usage_store import UsageDays
from admin.work.company_sweep import CompanySweep

PAUSE_SECONDS = 5.0
"""Between two looks. A summary counts what is missing itself, so this is no bound on how fresh one is."""


class Rollups:
    """Takes a slice of entries of each company in turn, so that a large one keeps nobody waiting."""

    def __init__(self, usage: UsageDays) -> None:
        """Count by `usage`."""
        self._usage = usage
        self._sweep = CompanySweep(usage.behind)

    async def run_once(self) -> int:
        """Count what there is, or for a while; return how many entries. Raises LedgerUnavailable."""
        counted = 0

        async def count(company: str) -> bool:
            nonlocal counted
            entries = await self._usage.count_slice(company)
            counted += entries
            return entries == self._usage.slice_entries

        await self._sweep.run(count)
        return counted
