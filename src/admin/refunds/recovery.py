"""Completes refunds that a policy or a person has decided, and whose process was killed before they were recorded."""

from refunds import case_decisions
from refunds import delivery_reports as deliveries
from refunds.case_decisions import CaseDecisions
from refunds.delivery_reports import DeliveryReports

PAUSE_SECONDS = 5.0


class RefundRecovery:
    """Completes unfinished delivery reports and decisions, under the same idempotency keys, and so only once."""

    def __init__(self, reports: DeliveryReports, decisions: CaseDecisions) -> None:
        """Complete the reports of `reports` and the decisions of `decisions`."""
        self._reports = reports
        self._decisions = decisions

    async def run_once(
        self,
        *,
        report_age_seconds_min: float = deliveries.UNFINISHED_SECONDS_MIN,
        decision_age_seconds_min: float = case_decisions.UNFINISHED_SECONDS_MIN,
    ) -> int:
        """Complete reports and decisions of at least these ages; return how many. Raises LedgerUnavailable."""
        reports = await self._reports.finish_once(age_seconds_min=report_age_seconds_min)
        return reports + await self._decisions.finish_once(age_seconds_min=decision_age_seconds_min)
