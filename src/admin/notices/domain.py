"""What a company is told of: its people by a mail, its programs by an event."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum

import msgspec


class EventType(StrEnum):
    """What happened. The values are stored, and companies' programs know them: never rename them."""

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


class Delivery(IntEnum):
    """Where an event is on its way to the company's webhook. The values are stored: never renumber them."""

    NONE = 1
    """The company has no webhook that wants it."""
    WAITING = 2
    DELIVERED = 3
    GIVEN_UP = 4


class Notice(msgspec.Struct, frozen=True):
    """One thing to tell a company."""

    company: str
    cause: str
    """One cause of a company is told once, however often it is put: "alert-7", "top-up-succeeded-wire-1"."""
    type: EventType
    data: Mapping[str, str | int]
    """What its programs get: names of resources, amounts in micros, times in RFC 3339."""
    template: str = ""
    """Of admin/mail/templates, for the mail to its billing_email; empty: no mail, only the event."""
    words: Mapping[str, str] = {}
    """What the template asks for, as people read it; `company` and `name` are added."""
