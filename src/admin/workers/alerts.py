"""Looks at companies whose balance moved, and tells those whose money runs out."""

import time
from contextlib import suppress

from wallet.ledger.alerts import Alerts
from wallet.ledger.usage import MissingEntries, UsageDays

PAUSE_SECONDS = 5.0
RUN_SECONDS_MAX = 10.0
COMPANIES_PER_LOOK = 500


class AlertWorker:
    """Goes from company to company, by id; the next run goes on where one had no time left."""

    def __init__(self, alerts: Alerts, usage: UsageDays) -> None:
        """Reckon by what `usage` counts."""
        self._alerts = alerts
        self._usage = usage
        self._after = ""

    async def run_once(self) -> int:
        """Look at each company that moved, or for RUN_SECONDS_MAX; return how many crossed a threshold.

        Raises LedgerUnavailable.
        """
        give_up_at = time.monotonic() + RUN_SECONDS_MAX
        crossed = 0
        while True:
            companies = await self._alerts.moved(self._after, COMPANIES_PER_LOOK)
            for company in companies:
                # First, so that the next run goes on behind a company that cannot be looked at.
                self._after = company
                # The rate is that of what can be counted; who counts the rest says what is wrong with it.
                with suppress(MissingEntries):
                    await self._usage.catch_up(company)
                crossed += await self._alerts.look(company) is not None
                if time.monotonic() > give_up_at:
                    return crossed
            if len(companies) < COMPANIES_PER_LOOK:
                self._after = ""
                return crossed
