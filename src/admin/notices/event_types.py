"""The types of the events that companies get by webhook."""

from enum import StrEnum


class EventType(StrEnum):
    """The types of events. The values are stored, and companies' programs depend on them: never rename them."""

    BALANCE_WARNING = "balance.warning"
    BALANCE_CRITICAL = "balance.critical"
    TOP_UP_SUCCEEDED = "top_up.succeeded"
    TOP_UP_FAILED = "top_up.failed"
    TOP_UP_REFUNDED = "top_up.refunded"
    TOP_UP_DISPUTED = "top_up.disputed"
    DISPUTE_CLOSED = "top_up.dispute_closed"
    AUTO_TOP_UP_STARTED = "auto_top_up.started"
    AUTO_TOP_UP_SUCCEEDED = "auto_top_up.succeeded"
    AUTO_TOP_UP_LIMITED = "auto_top_up.limited"
    AUTO_TOP_UP_FAILED = "auto_top_up.failed"
    AUTO_TOP_UP_PAUSED = "auto_top_up.paused"
    SUBSCRIPTION_PAST_DUE = "subscription.past_due"
    SUBSCRIPTION_RENEWED = "subscription.renewed"
    SUBSCRIPTION_SUSPENDED = "subscription.suspended"
    SUBSCRIPTION_CANCELED = "subscription.canceled"
    WEBHOOK_PAUSED = "webhook.paused"
    WEBHOOK_TEST = "webhook.test"
