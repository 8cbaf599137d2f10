"""What VerifyLedger checks of receipts."""

from wallet.verification import Check, checks_of

CHECKS = checks_of(__name__, {"receipts": Check.RECEIPTS})
