"""Which columns of the database hold codes, and the enum that owns each."""

from collections.abc import Mapping
from enum import IntEnum

from admin.alerts.domain import AlertState
from admin.auto_top_ups.domain import FiringState, PauseReason, RuleState
from admin.documents.receipts import ReceiptKind, TaxTreatment
from admin.mail.domain import MailState
from admin.notices.domain import Delivery
from admin.subscriptions.domain import SubscriptionState
from admin.subscriptions.periods import Unit
from admin.top_ups.chargeback_domain import ChargebackState
from admin.top_ups.domain import TopUpMethod, TopUpState
from admin.top_ups.refund_domain import TopUpRefundState
from admin.webhooks.domain import WebhookState
from refunds.delivery import Action, CaseOrigin, CaseState, DeliveryStatus
from refunds.job import JobState
from wallet.domain.commands import Kind
from wallet.domain.entries import AuthorizationState, WalletState
from wallet.domain.limits import Window
from wallet.domain.usage import Channel

CODES: Mapping[str, type[IntEnum]] = {
    "alerts.state": AlertState,
    "authorizations.channel": Channel,
    "authorizations.state": AuthorizationState,
    "auto_top_up_firings.state": FiringState,
    "auto_top_ups.pause_reason": PauseReason,
    "auto_top_ups.state": RuleState,
    "billing_profiles.treatment": TaxTreatment,
    "chargebacks.state": ChargebackState,
    "delivery_reports.action": Action,
    "delivery_reports.status": DeliveryStatus,
    "entries.channel": Channel,
    "entries.kind": Kind,
    "events.delivery": Delivery,
    "mails.state": MailState,
    "rates.channel": Channel,
    "receipts.kind": ReceiptKind,
    "refund_cases.origin": CaseOrigin,
    "refund_cases.state": CaseState,
    "refund_cases.status": DeliveryStatus,
    "refund_jobs.channel": Channel,
    "refund_jobs.state": JobState,
    "refund_rules.action": Action,
    "refund_rules.channel": Channel,
    "spend_limits.channel": Channel,
    "spend_limits.time_window": Window,
    "subscriptions.channel": Channel,
    "subscriptions.period_unit": Unit,
    "subscriptions.state": SubscriptionState,
    "top_up_refunds.state": TopUpRefundState,
    "top_ups.method": TopUpMethod,
    "top_ups.state": TopUpState,
    "usage_days.channel": Channel,
    "wallets.state": WalletState,
    "webhooks.state": WebhookState,
}
"""By table and column."""


def comment_of(codes: type[IntEnum]) -> str:
    """Return the values as a column's comment names them: "1 HOUR, 2 DAY, 3 MONTH"."""
    return ", ".join(f"{code.value} {code.name}" for code in codes)
