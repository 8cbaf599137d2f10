"""Decide refund cases: each once, and with one refund at most.

The decision is recorded first; then the refund is made, under a key of the case's own; then the case is marked as
refunded. After a crash in between, the same decision sent again continues from there, and so does the sweep.
"""

from refunds.case_store import RefundCases
from refunds.delivery import CaseDecision, CaseState, RefundCase
from refunds.domain import RefundRequest
from refunds.service import Refunds
from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES
from wallet.domain.errors import RefundCaseDecided, Unavailable, WalletError

FINGERPRINT = b"case".ljust(FINGERPRINT_BYTES)
UNFINISHED_SECONDS_MIN = 10.0
"""Age after which the sweep finishes a decision, instead of the process that received it."""
UNFINISHED_PER_SWEEP_MAX = 500


class CaseDecisions:
    """Records the decisions of people and makes their refunds."""

    def __init__(self, refunds: Refunds, cases: RefundCases) -> None:
        """Make refunds with `refunds`; keep the state in `cases`."""
        self._refunds = refunds
        self._cases = cases

    async def decide(
        self, company: str, case_id: str, decision: CaseDecision, *, timeout: float | None = None
    ) -> RefundCase:
        """Decide a case and return it, refunded or rejected; the same decision again returns the same.

        Raises RefundCaseNotFound; RefundCaseDecided if it was decided differently; the ledger's error if it declines
        the refund, after which the case is open again; Unavailable, after which the decision may be recorded, and the
        sweep finishes it.
        """
        case = await self._cases.decide(company, case_id, decision)
        if case.decision != decision:
            raise RefundCaseDecided(case_id)
        return await self._refund(case, timeout) if case.state is CaseState.REFUNDING else case

    async def finish_once(self, *, age_seconds_min: float = UNFINISHED_SECONDS_MIN) -> int:
        """Finish decisions whose refund is missing; return how many. Raises LedgerUnavailable."""
        finished = 0
        found = await self._cases.unfinished(age_seconds_min=age_seconds_min, limit=UNFINISHED_PER_SWEEP_MAX)
        for case in found:
            try:
                await self._refund(case, None)
            except WalletError:
                continue  # If it was declined, the case is open again; if a wallet is away, the next sweep finds it.
            finished += 1
        return finished

    async def _refund(self, case: RefundCase, timeout: float | None) -> RefundCase:
        """Make a case's refund and return the case as refunded; reopen it if the ledger declines."""
        try:
            outcome = await self._refunds.refund(refund_request_of(case), timeout=timeout)
        except Unavailable:
            raise
        except WalletError:
            await self._cases.reopen(case.company, case.id)
            raise
        return await self._cases.mark_refunded(case.company, case.id, outcome.entry.number)


def refund_request_of(case: RefundCase) -> RefundRequest:
    """Return the refund that was decided."""
    decision = case.decision
    assert decision is not None
    assert decision.reason is not None, "a decision to refund says why"
    return RefundRequest(
        case.company,
        case.number,
        system_keys.case_refund(case.id),
        FINGERPRINT,
        decision.reason,
        decision.decided_by,
        case.id,
        amount=decision.amount,
    )
