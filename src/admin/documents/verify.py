"""VerifyLedger's checks of receipts."""

from admin.documents.receipts import ReceiptKind
from wallet.domain.commands import Kind
from wallet.verification.ledger import checks_of
from wallet.verification.problems import Check

CHECKS = checks_of(__name__, {"receipts": Check.RECEIPTS}, Kind, ReceiptKind)
