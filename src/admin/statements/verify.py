"""VerifyLedger's checks of usage by day."""

from wallet.domain.commands import Kind
from wallet.verification.ledger import checks_of
from wallet.verification.problems import Check

CHECKS = checks_of(__name__, {"usage": Check.USAGE}, Kind)
