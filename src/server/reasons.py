"""The reasons of errors, and the type of the error table's rows."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import grpc

from server.rejections import Violation


class Reason(StrEnum):
    """`ErrorInfo.reason`, in order of precedence."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    INVALID_REQUEST = "INVALID_REQUEST"
    STREAM_ENDED = "STREAM_ENDED"
    SERVER_STOPPING = "SERVER_STOPPING"
    OVERLOADED = "OVERLOADED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    WALLET_UNAVAILABLE = "WALLET_UNAVAILABLE"
    PAYMENT_PROVIDER_UNAVAILABLE = "PAYMENT_PROVIDER_UNAVAILABLE"
    COMPANY_NOT_FOUND = "COMPANY_NOT_FOUND"
    COMPANY_ALREADY_EXISTS = "COMPANY_ALREADY_EXISTS"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    RATE_CARD_NOT_FOUND = "RATE_CARD_NOT_FOUND"
    RATE_CARD_ALREADY_EXISTS = "RATE_CARD_ALREADY_EXISTS"
    SPEND_LIMIT_NOT_FOUND = "SPEND_LIMIT_NOT_FOUND"
    SPEND_LIMIT_ALREADY_EXISTS = "SPEND_LIMIT_ALREADY_EXISTS"
    AUTO_TOP_UP_NOT_FOUND = "AUTO_TOP_UP_NOT_FOUND"
    REFUND_JOB_NOT_FOUND = "REFUND_JOB_NOT_FOUND"
    REFUND_CASE_NOT_FOUND = "REFUND_CASE_NOT_FOUND"
    REFUND_CASE_DECIDED = "REFUND_CASE_DECIDED"
    RECEIPT_NOT_FOUND = "RECEIPT_NOT_FOUND"
    SELLER_NOT_SET = "SELLER_NOT_SET"
    SUBSCRIPTION_NOT_FOUND = "SUBSCRIPTION_NOT_FOUND"
    SUBSCRIPTION_CANCELED = "SUBSCRIPTION_CANCELED"
    WEBHOOK_NOT_FOUND = "WEBHOOK_NOT_FOUND"
    EVENT_NOT_FOUND = "EVENT_NOT_FOUND"
    TOP_UP_NOT_FOUND = "TOP_UP_NOT_FOUND"
    TOP_UP_REFUND_NOT_FOUND = "TOP_UP_REFUND_NOT_FOUND"
    PAYMENT_METHOD_NOT_FOUND = "PAYMENT_METHOD_NOT_FOUND"
    PAYMENTS_NOT_CONFIGURED = "PAYMENTS_NOT_CONFIGURED"
    PAYMENT_PROVIDER_REFUSES = "PAYMENT_PROVIDER_REFUSES"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    COMPANY_CLOSED = "COMPANY_CLOSED"
    WALLET_NOT_EMPTY = "WALLET_NOT_EMPTY"
    TOP_UP_ENDED = "TOP_UP_ENDED"
    TOP_UP_NOT_REFUNDABLE = "TOP_UP_NOT_REFUNDABLE"
    AUTHORIZATION_NOT_FOUND = "AUTHORIZATION_NOT_FOUND"
    AUTHORIZATION_CLOSED = "AUTHORIZATION_CLOSED"
    COMPANY_SUSPENDED = "COMPANY_SUSPENDED"
    DESTINATION_BLOCKED = "DESTINATION_BLOCKED"
    RATE_NOT_FOUND = "RATE_NOT_FOUND"
    SPEND_LIMIT_REACHED = "SPEND_LIMIT_REACHED"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    BALANCE_LIMIT_REACHED = "BALANCE_LIMIT_REACHED"
    TRANSACTION_NOT_FOUND = "TRANSACTION_NOT_FOUND"
    REFUND_EXCEEDS_CHARGE = "REFUND_EXCEEDS_CHARGE"
    ENTRY_QUARANTINED = "ENTRY_QUARANTINED"
    INTERNAL = "INTERNAL"


class ErrorRow(NamedTuple):
    """An error's status. `says` returns the first sentence of its message, `advice` is the one about what to do."""

    code: grpc.StatusCode
    reason: Reason
    says: Callable[[Any], str]
    advice: str
    metadata: Callable[[Any], Mapping[str, str]] = lambda _: {}
    violations: Callable[[Any], Sequence[Violation]] = lambda _: ()
    """The fields of the request that are to blame."""


def rfc3339(microseconds: int) -> str:
    """Return a time, given in microseconds since the epoch, in RFC 3339, in UTC and whole seconds."""
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sentence(text: str) -> str:
    """Return a text with a full stop at its end."""
    return text if text.endswith(".") else f"{text}."
