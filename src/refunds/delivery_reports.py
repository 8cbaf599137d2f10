"""What follows from a delivery report: nothing, a refund by policy, or a case for a person to decide.

The report is recorded first, with what is to be done; then it is done, under a key that is the charge's own; then it is
recorded as done. So a report may come twice or late, and whoever works on it may die anywhere: the next one goes on,
and the policy of the moment in which it came first stays the one that counts.
"""

import msgspec

from refunds.case_store import RefundCases
from refunds.delivery import Action, DeliveryReport, RecordedReport
from refunds.delivery_store import Reports, case_of, contradiction_of
from refunds.domain import RefundOrder, RefundReason
from refunds.service import Refunds
from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES
from wallet.domain.entries import Entry
from wallet.domain.errors import RefundExceedsCharge, TransactionNotFound, Unavailable, WalletError
from wallet.ledger.reader import Reader

FINGERPRINT = b"delivery".ljust(FINGERPRINT_BYTES)
UNFINISHED_SECONDS_MIN = 10.0
"""How old a report is before somebody else than its caller finishes it."""
UNFINISHED_PER_SWEEP_MAX = 500


class Followed(msgspec.Struct, frozen=True):
    """What followed from a report: a refund, a case, or neither where there is nothing to refund."""

    refund: Entry | None = None
    case: str = ""
    """The case's id."""


NOTHING = Followed()


class Deliveries:
    """Takes delivery reports."""

    def __init__(self, refunds: Refunds, reports: Reports, cases: RefundCases, reader: Reader) -> None:
        """Use an open engine and ledger."""
        self._refunds = refunds
        self._charges = refunds.charges
        self._reports = reports
        self._cases = cases
        self._reader = reader

    async def report(self, report: DeliveryReport, *, timeout: float | None = None) -> Followed:
        """Do what follows from a report, and return it: the same for the same report, however often it comes.

        Raises CompanyNotFound, TransactionNotFound, Unavailable; after the last one the report may be recorded, and is
        finished by the sweep.
        """
        recorded = await self._reports.get(report.company, report.number)
        if recorded is None:
            charge, _ = await self._charges.refundable(report.company, report.number)
            if charge is None:
                raise TransactionNotFound(str(report.number))
            if report.share.whole:
                return NOTHING
            channel = await self._charges.channel(report.company, report.number)
            recorded = await self._reports.record(report, channel, refundable=charge.left > 0)
        if not report.share.same_part(recorded.report.share):
            case, _ = await self._cases.create(contradiction_of(report, recorded))
            return Followed(case=case.id)
        return await self._finished(recorded, timeout)

    async def finish_once(self, *, age_seconds_min: float = UNFINISHED_SECONDS_MIN) -> int:
        """Finish reports whose caller did not come back; return how many. Raises LedgerUnavailable."""
        finished = 0
        found = await self._reports.unfinished(age_seconds_min=age_seconds_min, limit=UNFINISHED_PER_SWEEP_MAX)
        for recorded in found:
            try:
                await self._finished(recorded, None)
            except Unavailable:
                continue  # Of one wallet, perhaps: the others go on, and this one is found again.
            finished += 1
        return finished

    async def _finished(self, recorded: RecordedReport, timeout: float | None) -> Followed:
        report = recorded.report
        if recorded.action is Action.OPEN_CASE:
            return Followed(case=case_of(report).id)
        if recorded.finished:
            if recorded.refund_number is None:
                return NOTHING
            return Followed(refund=await self._reader.entry(report.company, recorded.refund_number))
        try:
            outcome = await self._refunds.refund(order_of(report), timeout=timeout)
        except Unavailable:
            raise
        except RefundExceedsCharge:  # All of the undelivered part was given back before.
            await self._reports.finish(report, None)
            return NOTHING
        except WalletError as error:  # A closed company, say. Nobody who reports deliveries can do anything about it.
            await self._reports.hand_over(report, f"The policy's refund is declined: {type(error).__name__}.")
            return Followed(case=case_of(report).id)
        await self._reports.finish(report, outcome.entry.number)
        return Followed(refund=outcome.entry)


def order_of(report: DeliveryReport) -> RefundOrder:
    """Return the refund that follows from a report: of the undelivered part, less what was given back before."""
    code = f"carrier code {report.carrier_code}" if report.carrier_code else ""
    nothing = report.share.delivered == 0
    return RefundOrder(
        report.company,
        report.number,
        system_keys.delivery_refund(report.number),
        FINGERPRINT,
        RefundReason.FAILED_DELIVERY if nothing else RefundReason.PARTIAL_DELIVERY,
        system_keys.REFUND_POLICY,
        code,
        undelivered=report.share,
        top_up_to_part=True,
    )
