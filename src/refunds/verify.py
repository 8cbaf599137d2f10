"""VerifyLedger's checks of refunds by a case or by the policy."""

from refunds.delivery import CaseState
from wallet.domain.commands import Kind
from wallet.verification.ledger import checks_of
from wallet.verification.problems import Check

CHECKS = checks_of(__name__, {"refund_records": Check.REFUNDS}, CaseState, Kind)
