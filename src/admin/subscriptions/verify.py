"""VerifyLedger's checks of subscriptions."""

from admin.subscriptions.domain import SubscriptionState
from wallet.domain.commands import Kind
from wallet.domain.entries import WalletState
from wallet.verification.ledger import checks_of
from wallet.verification.problems import Check

CHECKS = checks_of(__name__, {"subscriptions": Check.SUBSCRIPTIONS}, Kind, SubscriptionState, WalletState)
