"""The port to a payment provider: what we ask of it, and what it tells us. Amounts are micros.

The provider's word on a payment is the truth: what it says has succeeded is credited, whatever we thought before.
Every call that moves money carries an idempotency key, so that the same call again is the same payment; and a payment
carries the name of what it is for, so that it can be found by somebody who does not know its id: the process that asked
for it may have died before it learnt it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from wallet.domain.errors import Applied


class ProviderError(Exception):
    """The root of what a provider's call raises."""


class ProviderUnavailable(ProviderError):
    """No answer, or one that says to come again. `applied` says whether the call may have worked all the same."""

    def __init__(self, message: str, *, applied: Applied) -> None:
        """Say why there is none."""
        super().__init__(message)
        self.applied = applied


class ProviderRefused(ProviderError):
    """The provider says no for good, and another try changes nothing. A declined card is no such: it is FAILED."""

    def __init__(self, code: str, message: str) -> None:
        """`code` is the provider's, such as "amount_too_small"; `message` may be shown to back-office staff."""
        super().__init__(message)
        self.code = code


class PaymentMethodUnknown(ProviderError):
    """The customer has no such card."""


class ForgedNotification(ProviderError):
    """The signature does not fit, or is too old: it is not from the provider."""


class PaymentState(StrEnum):
    """Where a payment is."""

    REQUIRES_ACTION = "requires_action"
    """The customer has to enter a card, or to finish 3-D Secure."""
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class Card(msgspec.Struct, frozen=True):
    """A card as people know it."""

    id: str
    """The provider's: "pm_…"."""
    brand: str
    """As in "visa"."""
    last4: str
    expiry_month: int
    expiry_year: int


class PaymentOrder(msgspec.Struct, frozen=True):
    """A payment to be made. `amount` is whole in the currency's minor unit (minor_units.check)."""

    top_up: str
    """What it is for: "companies/acme/topUps/t1"; the payment carries it."""
    customer: str
    amount: int
    currency: str
    idempotency_key: str
    """The provider's calls are told apart by it; not the client's key, which two companies may share."""
    card: str = ""
    """A saved card: it is charged at once, and nobody is present. Empty: the customer is to enter one."""
    save_card: bool = False
    """Keep the card that is entered."""
    description: str = ""


class Payment(msgspec.Struct, frozen=True):
    """A payment as the provider has it now."""

    id: str
    state: PaymentState
    top_up: str
    """What it is for; empty: none of ours."""
    amount: int
    """What was asked for, or, where it has succeeded, what came in."""
    currency: str
    client_secret: str = ""
    """What the front end finishes it with, where the state is REQUIRES_ACTION."""
    card: Card | None = None
    failure_code: str = ""
    """Why the last try failed: "card_declined", "insufficient_funds", "authentication_required"."""
    failure_message: str = ""


class RefundState(StrEnum):
    """Where a refund is."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class RefundOrder(msgspec.Struct, frozen=True):
    """Money to go back the way that it came."""

    refund: str
    """What it is: "companies/acme/topUps/t1/refunds/r1"; it carries the name."""
    payment: str
    amount: int
    currency: str
    idempotency_key: str


class PaymentRefund(msgspec.Struct, frozen=True):
    """A refund as the provider has it now."""

    id: str
    state: RefundState
    refund: str
    """As ordered; empty: none of ours."""
    payment: str
    amount: int
    currency: str
    failure_code: str = ""


class DisputeState(StrEnum):
    """Where a chargeback is."""

    INQUIRY = "inquiry"
    """The bank asks; no money has moved."""
    OPEN = "open"
    """The money is taken back, and it may be fought for."""
    WON = "won"
    LOST = "lost"


class Dispute(msgspec.Struct, frozen=True):
    """A chargeback as a notification tells it: it may come late, twice, or after a later one."""

    id: str
    payment: str
    state: DisputeState
    amount: int
    currency: str
    reason: str


class PaymentChanged(msgspec.Struct, frozen=True):
    """Something happened to a payment: ask for it."""

    payment: str


class RefundChanged(msgspec.Struct, frozen=True):
    """Something happened to a refund."""

    refund: PaymentRefund


class DisputeChanged(msgspec.Struct, frozen=True):
    """Something happened to a chargeback."""

    dispute: Dispute


Notification = PaymentChanged | RefundChanged | DisputeChanged


class PaymentProvider(Protocol):
    """Every call raises ProviderUnavailable, and ProviderRefused where the provider says no or knows no such thing."""

    async def create_customer(self, company: str, *, name: str, email: str, idempotency_key: str) -> str:
        """Make a customer for a company ("companies/acme") and return its id."""

    async def pay(self, order: PaymentOrder) -> Payment:
        """Begin a payment, or charge a saved card. Raises PaymentMethodUnknown."""

    async def payment(self, payment: str) -> Payment:
        """Return a payment as it is now."""

    async def find_payment(self, customer: str, top_up: str, since: int) -> Payment | None:
        """Return the payment for a top-up that was made at or after `since` (seconds since the epoch), if there is one.

        Where there are several, one that has succeeded goes first.
        """

    async def cancel(self, payment: str) -> Payment:
        """End a payment that is not paid, and return what has become of it: it may have succeeded meanwhile."""

    async def refund(self, order: RefundOrder) -> PaymentRefund:
        """Send money back."""

    async def find_refund(self, payment: str, refund: str) -> PaymentRefund | None:
        """Return the refund of that name, if there is one."""

    async def cards(self, customer: str) -> list[Card]:
        """Return the cards that a customer has saved, the latest first."""

    async def remove_card(self, customer: str, card: str) -> None:
        """Forget a card. Raises PaymentMethodUnknown where the customer does not have it."""

    def check_amount(self, amount: int, currency: str) -> None:
        """Raise ProviderRefused where an amount is not whole in minor units, too small or too large to be paid so."""

    def notification(self, body: bytes, headers: Mapping[str, str]) -> Notification | None:
        """Return what a webhook's body says, or None where it is of no concern. Raises ForgedNotification."""
