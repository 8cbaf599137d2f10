"""What VerifyLedger checks of subscriptions."""

from wallet.verification import Check, checks_of

CHECKS = checks_of(__name__, {"subscriptions": Check.SUBSCRIPTIONS})
