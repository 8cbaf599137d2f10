"""What VerifyLedger checks of top-ups, their refunds and chargebacks."""

from wallet.verification import Check, checks_of

CHECKS = checks_of(__name__, {"top_ups": Check.TOP_UPS})
