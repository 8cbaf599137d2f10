"""Evaluates companies whose balance has changed, and alerts those that are running out of money."""

from contextlib import suppress

from admin.alerts.store import Alerts
from admin.statements.usage_store import MissingEntries, UsageDays
from admin.work.company_sweep import CompanySweep

PAUSE_SECONDS = 5.0


class AlertWorker:
    """Evaluates one company after the other."""

    def __init__(self, alerts: Alerts, usage: UsageDays) -> None:
        """Evaluate companies by the spending that `usage` has counted."""
        self._alerts = alerts
        self._usage = usage
        self._sweep = CompanySweep(alerts.companies_to_evaluate)

    async def run_once(self) -> int:
        """Evaluate each changed company, within the time of a sweep; return how many crossed a threshold.

        Raises LedgerUnavailable.
        """
        crossed = 0

        async def evaluate(company: str) -> bool:
            nonlocal crossed
            # Without the missing entries the burn rate is that of the others. The worker of usage reports the error.
            with suppress(MissingEntries):
                await self._usage.catch_up(company)
            crossed += await self._alerts.evaluate(company) is not None
            return False

        await self._sweep.run(evaluate)
        return crossed
