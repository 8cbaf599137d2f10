"""What VerifyLedger checks of receipts."""

from admin.documents.receipts import ReceiptKind
from wallet.domain.commands import Kind
from wallet.verification import Check, checks_of

CHECKS = checks_of(__name__, {"receipts": Check.RECEIPTS}, Kind, ReceiptKind)
