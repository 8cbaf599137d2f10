"""All checks of VerifyLedger, those of the features included."""

from admin.documents.verify import CHECKS as DOCUMENTS
from admin.statements.verify import CHECKS as STATEMENTS
from admin.subscriptions.verify import CHECKS as SUBSCRIPTIONS
from admin.top_ups.verify import CHECKS as TOP_UPS
from refunds.verify import CHECKS as REFUNDS
from wallet.runtime import Wallets
from wallet.verification.verifier import Verifier

FEATURE_CHECKS = (*REFUNDS, *TOP_UPS, *STATEMENTS, *SUBSCRIPTIONS, *DOCUMENTS)


def verifier_of(wallets: Wallets) -> Verifier:
    """Return a Verifier with the checks of the engine and of all features."""
    return Verifier(wallets.pool, wallets.hot, FEATURE_CHECKS)
