"""The fields of Stripe's objects that are read, under Stripe's names, and their conversion to the port's objects.

Amounts are in minor units in Stripe's objects, and in micros in the port's.
"""

from typing import Any, TypeVar

import msgspec

from admin.payments.minor_units import from_minor
from admin.payments.port import (
    Card,
    Dispute,
    DisputeState,
    Payment,
    PaymentRefund,
    PaymentState,
    ProviderUnavailable,
    RefundState,
)
from wallet.domain.errors import Applied

Object = TypeVar("Object")

TOP_UP, REFUND, SAVED_CARD = "top_up", "refund", "saved_card"
"""Keys of the metadata: the name of the top-up, the name of the refund, and a mark of off-session payments."""

PAYMENT_STATES = {
    "requires_payment_method": PaymentState.REQUIRES_ACTION,
    "requires_confirmation": PaymentState.REQUIRES_ACTION,
    "requires_action": PaymentState.REQUIRES_ACTION,
    "processing": PaymentState.PROCESSING,
    "requires_capture": PaymentState.PROCESSING,
    "succeeded": PaymentState.SUCCEEDED,
    "canceled": PaymentState.CANCELED,
}
REFUND_STATES = {
    "pending": RefundState.PENDING,
    "requires_action": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "failed": RefundState.FAILED,
    "canceled": RefundState.FAILED,
}
DISPUTE_STATES = {
    "warning_needs_response": DisputeState.INQUIRY,
    "warning_under_review": DisputeState.INQUIRY,
    "warning_closed": DisputeState.INQUIRY,
    "prevented": DisputeState.INQUIRY,
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "appeal_needs_response": DisputeState.OPEN,
    "appeal_under_review": DisputeState.OPEN,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}
AUTHENTICATION_REQUIRED = "authentication_required"
"""The failure code of a saved card whose holder can still authenticate the payment."""


class CardDetails(msgspec.Struct):
    """The details of a payment method of type card."""

    brand: str
    last4: str
    exp_month: int
    exp_year: int


class PaymentMethod(msgspec.Struct):
    """A payment method; only cards are used."""

    id: str
    card: CardDetails | None = None
    customer: str | None = None


class PaymentError(msgspec.Struct):
    """The reason of the last failed attempt to pay."""

    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    payment_method: PaymentMethod | None = None


class PaymentIntent(msgspec.Struct):
    """A payment. `payment_method` is an id unless its expansion was requested."""

    id: str
    status: str
    amount: int
    currency: str
    amount_received: int = 0
    client_secret: str | None = None
    metadata: dict[str, str] = {}
    payment_method: PaymentMethod | str | None = None
    last_payment_error: PaymentError | None = None


class Refund(msgspec.Struct):
    """A refund."""

    id: str
    amount: int
    currency: str
    status: str | None = None
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None
    failure_reason: str | None = None


class StripeDispute(msgspec.Struct):
    """A dispute."""

    id: str
    amount: int
    currency: str
    status: str
    reason: str
    payment_intent: str | None = None


class _Named(msgspec.Struct):
    id: str


def id_of(data: Any) -> str:
    """Return the id in an object's JSON. Raises ProviderUnavailable."""
    return _read(data, _Named).id


def payment(data: Any) -> Payment:
    """Return a PaymentIntent's JSON as a payment. Raises ProviderUnavailable."""
    intent = _read(data, PaymentIntent)
    currency, error = intent.currency.upper(), intent.last_payment_error or PaymentError()
    code = error.decline_code or error.code or ""
    # An unknown status counts as neither paid nor ended, so that the payment is read again later.
    state = PAYMENT_STATES.get(intent.status, PaymentState.PROCESSING)
    # Stripe waits for another card. The customer may enter one, but not if the payment is off-session.
    failed = intent.status == "requires_payment_method" and SAVED_CARD in intent.metadata and bool(code)
    if failed and AUTHENTICATION_REQUIRED not in (error.code, code):
        state = PaymentState.FAILED
    succeeded = state is PaymentState.SUCCEEDED
    method = intent.payment_method if isinstance(intent.payment_method, PaymentMethod) else error.payment_method
    return Payment(
        id=intent.id,
        state=state,
        top_up=intent.metadata.get(TOP_UP, ""),
        amount=from_minor(intent.amount_received if succeeded else intent.amount, currency),
        currency=currency,
        client_secret=(intent.client_secret or "") if state is PaymentState.REQUIRES_ACTION else "",
        card=None if method is None else _card(method),
        failure_code="" if succeeded else code,
        failure_message="" if succeeded else error.message or "",
    )


def _card(method: PaymentMethod) -> Card | None:
    """Return a payment method as a card, if it is one."""
    details = method.card
    if details is None:
        return None
    return Card(method.id, details.brand, details.last4, details.exp_month, details.exp_year)


def refund(data: Any) -> PaymentRefund:
    """Return a refund's JSON as a refund of the port. Raises ProviderUnavailable."""
    raw = _read(data, Refund)
    currency = raw.currency.upper()
    return PaymentRefund(
        id=raw.id,
        state=REFUND_STATES.get(raw.status or "", RefundState.PENDING),
        refund=(raw.metadata or {}).get(REFUND, ""),
        payment=raw.payment_intent or "",
        amount=from_minor(raw.amount, currency),
        currency=currency,
        failure_code=raw.failure_reason or "",
    )


def dispute(data: Any) -> Dispute:
    """Return a dispute's JSON as a dispute of the port. Raises ProviderUnavailable, also for an unknown status.

    The status decides whether money has moved, so it is not guessed.
    """
    raw = _read(data, StripeDispute)
    if raw.status not in DISPUTE_STATES:
        raise ProviderUnavailable(f"Stripe gives {raw.id} the new status {raw.status!r}.", applied=Applied.UNKNOWN)
    currency = raw.currency.upper()
    return Dispute(
        id=raw.id,
        payment=raw.payment_intent or "",
        state=DISPUTE_STATES[raw.status],
        amount=from_minor(raw.amount, currency),
        currency=currency,
        reason=raw.reason,
    )


def card_of(data: Any) -> Card | None:
    """Return a payment method's JSON as a card, if it is one. Raises ProviderUnavailable."""
    return _card(_read(data, PaymentMethod))


def _read(data: Any, kind: type[Object]) -> Object:
    """Return JSON as one of the objects above. Raises ProviderUnavailable: the call may have had its effect."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise ProviderUnavailable(f"Stripe's answer cannot be read: {error}", applied=Applied.UNKNOWN) from error
