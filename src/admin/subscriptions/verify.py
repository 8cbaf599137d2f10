"""What VerifyLedger checks of subscriptions."""

from admin.subscriptions.domain import SubscriptionState
from wallet.domain.commands import Kind
from wallet.domain.entries import WalletState
from wallet.verification import Check, checks_of

CHECKS = checks_of(__name__, {"subscriptions": Check.SUBSCRIPTIONS}, Kind, SubscriptionState, WalletState)
