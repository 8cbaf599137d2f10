"""Ends refunds that were decided, by the policy or by a person, and whose process died before they were recorded."""

from refunds import decisions as refund_decisions
from refunds import delivery_reports as deliveries
from refunds.decisions import CaseDecisions
from refunds.delivery_reports import DeliveryReports

PAUSE_SECONDS = 5.0


class RefundFinisher:
    """Looks for what is unfinished, and finishes it: under the same keys, so once."""

    def __init__(self, reports: DeliveryReports, decisions: CaseDecisions) -> None:
        """Finish with these."""
        self._reports = reports
        self._decisions = decisions

    async def run_once(
        self,
        *,
        report_age_seconds_min: float = deliveries.UNFINISHED_SECONDS_MIN,
        decision_age_seconds_min: float = refund_decisions.UNFINISHED_SECONDS_MIN,
    ) -> int:
        """Finish what nobody came back for; return how many. Raises LedgerUnavailable."""
        reports = await self._reports.finish_once(age_seconds_min=report_age_seconds_min)
        return reports + await self._decisions.finish_once(age_seconds_min=decision_age_seconds_min)
