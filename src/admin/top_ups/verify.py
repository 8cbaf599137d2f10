"""VerifyLedger's checks of top-ups, their refunds and chargebacks."""

from admin.top_ups.chargeback_domain import ChargebackState
from admin.top_ups.domain import TopUpMethod, TopUpState
from admin.top_ups.refund_domain import TopUpRefundState
from wallet.domain.commands import Kind
from wallet.verification.ledger import checks_of
from wallet.verification.problems import Check

CHECKS = checks_of(
    __name__, {"top_ups": Check.TOP_UPS}, ChargebackState, Kind, TopUpMethod, TopUpRefundState, TopUpState
)
