"""The port to a payment provider: its calls, its objects and its events. Amounts are micros.

The provider is the authority on a payment: a payment that it reports as succeeded is credited, whatever state was
recorded before. Every call that moves money carries an idempotency key, so that a repeated call is the same payment.
Every payment carries the name of its top-up, so that it can be found without its id: the process that created it may
have crashed before the id was recorded.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from wallet.domain.errors import Applied


class ProviderError(Exception):
    """The root of the errors of a provider's calls."""


class ProviderUnavailable(ProviderError):
    """The provider gave no answer, or asked to retry later. `applied` says whether the call may have had its effect."""

    def __init__(self, message: str, *, applied: Applied) -> None:
        """`message` says why there is no answer."""
        super().__init__(message)
        self.applied = applied


class ProviderRefused(ProviderError):
    """The provider refused the call for good: a retry changes nothing. A declined card is a FAILED payment instead."""

    def __init__(self, code: str, message: str) -> None:
        """`code` is the provider's, such as "amount_too_small"; `message` may be shown to back-office staff."""
        super().__init__(message)
        self.code = code


class PaymentMethodUnknown(ProviderError):
    """The customer has no such card."""


class ForgedWebhook(ProviderError):
    """The signature of a webhook is wrong or too old, so that it may not be from the provider."""


class PaymentState(StrEnum):
    """The state of a payment."""

    REQUIRES_ACTION = "requires_action"
    """The customer has to enter a card, or to complete 3-D Secure."""
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class Card(msgspec.Struct, frozen=True):
    """A saved card."""

    id: str
    """The provider's id: "pm_…"."""
    brand: str
    """For example "visa"."""
    last4: str
    expiry_month: int
    expiry_year: int


class PaymentRequest(msgspec.Struct, frozen=True):
    """A payment to create. `amount` is whole in the currency's minor unit (minor_units.check)."""

    top_up: str
    """The name of the top-up, "companies/acme/topUps/t1"; the payment carries it."""
    customer: str
    amount: int
    currency: str
    idempotency_key: str
    """Unique among all calls to the provider; not the client's key, which two companies may share."""
    card: str = ""
    """The id of a saved card, which is charged at once and off-session. Empty if the customer enters a card."""
    save_card: bool = False
    """Whether the card that the customer enters is saved."""
    description: str = ""


class Payment(msgspec.Struct, frozen=True):
    """A payment as the provider reports it."""

    id: str
    state: PaymentState
    top_up: str
    """The name of its top-up; empty if this service did not create the payment."""
    amount: int
    """The amount received if it has succeeded, otherwise the amount requested."""
    currency: str
    client_secret: str = ""
    """The secret with which the front end completes a payment in state REQUIRES_ACTION."""
    card: Card | None = None
    failure_code: str = ""
    """The reason of the last failure: "card_declined", "insufficient_funds", "authentication_required"."""
    failure_message: str = ""


class RefundState(StrEnum):
    """The state of a refund of a payment."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class PaymentRefundRequest(msgspec.Struct, frozen=True):
    """A refund of a payment to create."""

    refund: str
    """The name of the refund of the top-up, "companies/acme/topUpRefunds/r1"; the provider's refund carries it."""
    payment: str
    amount: int
    currency: str
    idempotency_key: str


class PaymentRefund(msgspec.Struct, frozen=True):
    """A refund of a payment as the provider reports it."""

    id: str
    state: RefundState
    refund: str
    """The name that it was created with; empty if this service did not create it."""
    payment: str
    amount: int
    currency: str
    failure_code: str = ""


class DisputeState(StrEnum):
    """The state of a dispute."""

    INQUIRY = "inquiry"
    """The bank inquires; no money has moved."""
    OPEN = "open"
    """The money is taken back, and it may be fought for."""
    WON = "won"
    LOST = "lost"


class Dispute(msgspec.Struct, frozen=True):
    """A dispute as an event reports it; events may arrive late, twice, or out of order."""

    id: str
    payment: str
    state: DisputeState
    amount: int
    currency: str
    reason: str


class PaymentChanged(msgspec.Struct, frozen=True):
    """A payment has changed; its state is to be read from the provider."""

    payment: str


class RefundChanged(msgspec.Struct, frozen=True):
    """A refund has changed."""

    refund: PaymentRefund


class DisputeChanged(msgspec.Struct, frozen=True):
    """A dispute has changed."""

    dispute: Dispute


ProviderEvent = PaymentChanged | RefundChanged | DisputeChanged


class PaymentProvider(Protocol):
    """Every call raises ProviderUnavailable, and ProviderRefused if the provider refuses it or knows no such object."""

    async def create_customer(self, company: str, *, name: str, email: str, idempotency_key: str) -> str:
        """Create a customer for a company ("companies/acme") and return its id."""

    async def pay(self, request: PaymentRequest) -> Payment:
        """Create a payment, which charges a saved card at once. Raises PaymentMethodUnknown."""

    async def payment(self, payment: str) -> Payment:
        """Return a payment in its present state."""

    async def find_payment(self, customer: str, top_up: str, since: int) -> Payment | None:
        """Return the payment of a top-up that was created at or after `since` (seconds since the epoch), if any.

        If there are several, a payment that has succeeded is preferred.
        """

    async def cancel(self, payment: str) -> Payment:
        """Cancel a payment that is not paid, and return it: it may have succeeded meanwhile."""

    async def refund(self, request: PaymentRefundRequest) -> PaymentRefund:
        """Create a refund of a payment."""

    async def find_refund(self, payment: str, refund: str) -> PaymentRefund | None:
        """Return the refund of a payment that has a name, if there is one."""

    async def cards(self, customer: str) -> list[Card]:
        """Return the saved cards of a customer, newest first."""

    async def remove_card(self, customer: str, card: str) -> None:
        """Remove a saved card. Raises PaymentMethodUnknown if the customer does not have it."""

    def check_amount(self, amount: int, currency: str) -> None:
        """Raise ProviderRefused if an amount is not whole in minor units, or too small or too large for a payment."""

    def parse_event(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        """Return the event in a webhook's body, or None if it is of no concern here. Raises ForgedWebhook."""
