"""Looks at companies whose balance moved, and tells those whose money runs out."""

from contextlib import suppress

from admin.alerts.store import Alerts
from admin.statements.usage_store import MissingEntries, UsageDays
from admin.work.company_sweep import CompanySweep

PAUSE_SECONDS = 5.0


class AlertWorker:
    """Looks at one company after the other."""

    def __init__(self, alerts: Alerts, usage: UsageDays) -> None:
        """Reckon by what `usage` counts."""
        self._alerts = alerts
        self._usage = usage
        self._sweep = CompanySweep(alerts.moved)

    async def run_once(self) -> int:
        """Look at each company that moved, or for a while; return how many crossed a threshold.

        Raises LedgerUnavailable.
        """
        crossed = 0

        async def look(company: str) -> bool:
            nonlocal crossed
            # The rate is that of what can be counted; who counts the rest says what is wrong with it.
            with suppress(MissingEntries):
                await self._usage.catch_up(company)
            crossed += await self._alerts.look(company) is not None
            return False

        await self._sweep.run(look)
        return crossed
