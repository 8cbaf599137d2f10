"""Handle delivery reports: each leads to nothing, a refund by policy, or a case for a person to decide.

The report is recorded first, with its action; then the action is done, under a key of the charge's own; then it is
recorded as done. So a report may come twice or late, and a process may crash at any step: the next one continues. The
policy at the time of the first report stays the one that counts.
"""

import msgspec

from refunds.case_store import RefundCases
from refunds.delivery import Action, DeliveryReport, RecordedReport
from refunds.delivery_store import DeliveryReportStore, case_of, contradiction_of
from refunds.domain import RefundReason, RefundRequest
from refunds.service import Refunds
from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES
from wallet.domain.entries import Entry
from wallet.domain.errors import RefundExceedsCharge, TransactionNotFound, Unavailable, WalletError
from wallet.ledger.reader import Reader

FINGERPRINT = b"delivery".ljust(FINGERPRINT_BYTES)
UNFINISHED_SECONDS_MIN = 10.0
"""Age after which the sweep finishes a report, instead of the process that received it."""
UNFINISHED_PER_SWEEP_MAX = 500


class ReportResult(msgspec.Struct, frozen=True):
    """The result of a report: a refund, a case, or neither if there is nothing to refund."""

    refund: Entry | None = None
    case: str = ""
    """The case's id."""


NOTHING_TO_REFUND = ReportResult()


class DeliveryReports:
    """Acts upon delivery reports."""

    def __init__(self, refunds: Refunds, reports: DeliveryReportStore, cases: RefundCases, reader: Reader) -> None:
        """Make refunds with `refunds`; keep the state in `reports` and `cases`."""
        self._refunds = refunds
        self._charges = refunds.charges
        self._reports = reports
        self._cases = cases
        self._reader = reader

    async def report(self, report: DeliveryReport, *, timeout: float | None = None) -> ReportResult:
        """Act upon a report and return the result, which is the same each time that the same report comes.

        Raises CompanyNotFound, TransactionNotFound, Unavailable; after the last one the report may be recorded, and the
        sweep finishes it.
        """
        recorded = await self._reports.get(report.company, report.number)
        if recorded is None:
            charge, _ = await self._charges.refundable(report.company, report.number)
            if charge is None:
                raise TransactionNotFound(str(report.number))
            if report.share.is_complete:
                return NOTHING_TO_REFUND
            channel = await self._charges.channel(report.company, report.number)
            recorded = await self._reports.record(report, channel, refundable=charge.left > 0)
        if not report.share.is_same_share(recorded.report.share):
            case, _ = await self._cases.create(contradiction_of(report, recorded))
            return ReportResult(case=case.id)
        return await self._finish(recorded, timeout)

    async def finish_once(self, *, age_seconds_min: float = UNFINISHED_SECONDS_MIN) -> int:
        """Finish reports whose refund is missing; return how many. Raises LedgerUnavailable."""
        finished = 0
        found = await self._reports.unfinished(age_seconds_min=age_seconds_min, limit=UNFINISHED_PER_SWEEP_MAX)
        for recorded in found:
            try:
                await self._finish(recorded, None)
            except Unavailable:
                continue  # It may concern one wallet only: continue with the others; the next sweep finds this one.
            finished += 1
        return finished

    async def _finish(self, recorded: RecordedReport, timeout: float | None) -> ReportResult:
        """Make a report's refund, unless that is done or its action is a case; return the result."""
        report = recorded.report
        if recorded.action is Action.OPEN_CASE:
            return ReportResult(case=case_of(report).id)
        if recorded.finished:
            if recorded.refund_number is None:
                return NOTHING_TO_REFUND
            return ReportResult(refund=await self._reader.entry(report.company, recorded.refund_number))
        try:
            outcome = await self._refunds.refund(refund_request_of(report), timeout=timeout)
        except Unavailable:
            raise
        except RefundExceedsCharge:  # All of the undelivered part was refunded before.
            await self._reports.finish(report, None)
            return NOTHING_TO_REFUND
        except WalletError as error:  # For example CompanyClosed: a person has to decide, not the gateway.
            await self._reports.open_case_instead(report, f"The policy's refund is declined: {type(error).__name__}.")
            return ReportResult(case=case_of(report).id)
        await self._reports.finish(report, outcome.entry.number)
        return ReportResult(refund=outcome.entry)


def refund_request_of(report: DeliveryReport) -> RefundRequest:
    """Return the refund that a report leads to: of the undelivered part, less what was refunded before."""
    code = f"carrier code {report.carrier_code}" if report.carrier_code else ""
    nothing = report.share.delivered == 0
    return RefundRequest(
        report.company,
        report.number,
        system_keys.delivery_refund(report.number),
        FINGERPRINT,
        RefundReason.FAILED_DELIVERY if nothing else RefundReason.PARTIAL_DELIVERY,
        system_keys.REFUND_POLICY,
        code,
        undelivered=report.share,
        deduct_earlier_refunds=True,
    )
