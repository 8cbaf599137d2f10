"""What VerifyLedger checks of usage by day."""

from wallet.domain.commands import Kind
from wallet.verification import Check, checks_of

CHECKS = checks_of(__name__, {"usage": Check.USAGE}, Kind)
