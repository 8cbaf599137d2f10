"""Decide refund cases: each once, and with one refund at most.

The decision is recorded first; then the refund is made, under a key that is the case's own; then the case is refunded.
Whoever dies in between, the same decision again goes on from there, and so does the sweep.
"""

from refunds.case_store import RefundCases
from refunds.delivery import CaseState, Decision, RefundCase
from refunds.domain import RefundOrder
from refunds.service import Refunds
from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES
from wallet.domain.errors import RefundCaseDecided, Unavailable, WalletError

FINGERPRINT = b"case".ljust(FINGERPRINT_BYTES)
UNFINISHED_SECONDS_MIN = 10.0
"""How old a decision is before somebody else than its caller finishes it."""
UNFINISHED_PER_SWEEP_MAX = 500


class Decisions:
    """Carries out what people decide."""

    def __init__(self, refunds: Refunds, cases: RefundCases) -> None:
        """Use an open engine and ledger."""
        self._refunds = refunds
        self._cases = cases

    async def decide(
        self, company: str, case_id: str, decision: Decision, *, timeout: float | None = None
    ) -> RefundCase:
        """Decide a case and return it, refunded or rejected; the same decision again returns the same.

        Raises RefundCaseNotFound; RefundCaseDecided where it was decided otherwise; what the ledger declines the refund
        with, and then the case is open again; Unavailable, after which the decision may stand, and the sweep carries it
        out.
        """
        case = await self._cases.decide(company, case_id, decision)
        if case.decision != decision:
            raise RefundCaseDecided(case_id)
        return await self._refunded(case, timeout) if case.state is CaseState.REFUNDING else case

    async def finish_once(self, *, age_seconds_min: float = UNFINISHED_SECONDS_MIN) -> int:
        """Carry out decisions whose caller did not come back; return how many. Raises LedgerUnavailable."""
        finished = 0
        found = await self._cases.refunding(age_seconds_min=age_seconds_min, limit=UNFINISHED_PER_SWEEP_MAX)
        for case in found:
            try:
                await self._refunded(case, None)
            except WalletError:
                continue  # Declined: it is open again. Or one wallet is away: it is found again.
            finished += 1
        return finished

    async def _refunded(self, case: RefundCase, timeout: float | None) -> RefundCase:
        try:
            outcome = await self._refunds.refund(order_of(case), timeout=timeout)
        except Unavailable:
            raise
        except WalletError:
            await self._cases.reopen(case.company, case.id)
            raise
        return await self._cases.refunded(case.company, case.id, outcome.entry.number)


def order_of(case: RefundCase) -> RefundOrder:
    """Return the refund that was decided."""
    decision = case.decision
    assert decision is not None
    assert decision.reason is not None, "a decision to refund says why"
    return RefundOrder(
        case.company,
        case.number,
        system_keys.case_refund(case.id),
        FINGERPRINT,
        decision.reason,
        decision.decided_by,
        case.id,
        amount=decision.amount,
    )
