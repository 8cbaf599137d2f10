"""Notices to companies: an event for their programs (by webhook), and a mail for their people."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum

import msgspec


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


class Delivery(IntEnum):
    """The state of an event's delivery to the company's webhook. The values are stored: never renumber them."""

    NONE = 1
    """The company has no webhook for events of this type."""
    WAITING = 2
    DELIVERED = 3
    GIVEN_UP = 4


class Notice(msgspec.Struct, frozen=True):
    """Something that happened to a company, and its texts for programs and for people."""

    company: str
    cause: str
    """Unique within the company, such as "alert-7" or "top-up-succeeded-wire-1": a second notice of it is dropped."""
    type: EventType
    data: Mapping[str, str | int]
    """The event's data: names of resources, amounts in micros, times in RFC 3339."""
    template: str = ""
    """The base name of the mail's files in admin/mail/templates; empty: only an event, no mail."""
    variables: Mapping[str, str] = {}
    """The template's variables, formatted for people; `company` (its id) and `name` (its display name) are added."""
