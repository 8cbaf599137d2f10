"""Top-ups: payments into a wallet. Amounts are micros.

A top-up is an intent first: its row is written before the provider is called, so that any process can resume it after a
crash. It clears once: the amount is pinned in the row, then the entry is made in the ledger under a key that follows
from the row, then the row names the entry.
"""

from enum import IntEnum

import msgspec

from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES, Command, Kind

FINGERPRINT = b"top-up".ljust(FINGERPRINT_BYTES)
"""The fingerprint of the service's own commands; their keys identify them completely."""

RECONCILE_SECONDS_MIN = 15.0
"""The age at which a pending top-up is reconciled first; until then its caller or a webhook advances it."""
RECONCILE_SECONDS_MAX = 3600.0
DECLINED_RECONCILE_SECONDS = 120.0
"""The delay after which a declined refund is reconciled once more; no concurrent debit takes as long."""
BEGIN_SECONDS_MAX = 600.0
"""The age at which a payment that is not found counts as never begun; no call to the provider takes as long."""
NO_PAYMENT_FOUND = "not_begun"
"""The failure code of a top-up whose payment was never begun."""
FINISH_SECONDS_MAX = 86_400.0
"""The time in which the customer must enter a card or complete 3-D Secure."""


class TopUpMethod(IntEnum):
    """The method of payment. The values are stored, and are the API's: never renumber them."""

    MANUAL = 1
    CARD = 2
    SAVED_CARD = 3
    BANK_TRANSFER = 4


class TopUpState(IntEnum):
    """The state of a top-up. The values are stored, and are the API's: never renumber them."""

    PENDING = 1
    REQUIRES_ACTION = 2
    SUCCEEDED = 3
    FAILED = 4
    CANCELED = 5

    @property
    def under_way(self) -> bool:
        """Whether the state may still change. After that only a payment that arrives nevertheless changes it."""
        return self in (TopUpState.PENDING, TopUpState.REQUIRES_ACTION)


class NewTopUp(msgspec.Struct, frozen=True):
    """A top-up to create. `fingerprint` is the request's: the same id with another one is another request."""

    company: str
    id: str
    fingerprint: bytes
    method: TopUpMethod
    amount: int
    currency: str
    reference: str = ""
    requested_by: str = ""
    card: str = ""
    """SAVED_CARD: the provider's id of the card."""
    save_card: bool = False
    """CARD: whether the card is saved."""
    automatic: bool = False
    """Whether the service creates it by the company's rule."""


class PaidWith(msgspec.Struct, frozen=True):
    """The card that paid: "visa", "4242"."""

    brand: str
    last4: str


class TopUp(msgspec.Struct, frozen=True):
    """A top-up. Times in microseconds since the epoch."""

    company: str
    id: str
    serial: int
    fingerprint: bytes
    method: TopUpMethod
    state: TopUpState
    amount: int
    """As requested."""
    currency: str
    reference: str
    requested_by: str
    automatic: bool
    card: str
    save_card: bool
    payment_reference: str
    """BANK_TRANSFER: the reference that the customer writes into the transfer."""
    provider_key: str
    """The idempotency key of its payment at the provider: generated with the row, and unique."""
    payment: str
    """The provider's id of the payment; empty if it is not known yet."""
    paid_with: PaidWith | None
    failure_code: str
    failure_message: str
    cleared: int | None
    """The amount received, which is pinned before the entry is made and never changes after that."""
    entry_number: int | None
    balance_after: int | None
    refunded: int
    """The sum of refunds that have succeeded or are pending."""
    created_at: int
    updated_at: int
    now: int
    """The time of reading, by Postgres's clock."""
    client_secret: str = ""
    """The secret with which the front end completes the payment. It is never stored; see Payment."""

    @property
    def age_seconds(self) -> float:
        """The age at the time of reading."""
        return (self.now - self.created_at) / 1_000_000

    @property
    def refundable(self) -> int:
        """The amount that can still be refunded."""
        return (self.cleared or 0) - self.refunded if self.state is TopUpState.SUCCEEDED else 0


def credit(top_up: TopUp, payment: str, amount: int) -> Command:
    """Return the command that credits the amount received by the top-up's first payment, with a key that follows."""
    if top_up.method is TopUpMethod.MANUAL:
        key, fingerprint = top_up.id, top_up.fingerprint
    elif top_up.method is TopUpMethod.BANK_TRANSFER:
        key, fingerprint = system_keys.top_up(top_up.id), FINGERPRINT
    else:
        key, fingerprint = system_keys.payment(payment), FINGERPRINT
    return _credit(top_up, key, fingerprint, amount)


def second_credit(top_up: TopUp, payment: str, amount: int) -> Command:
    """Return the command that credits another payment of a top-up that has one.

    Which payment is the first is pinned in the row, so that no payment is ever credited under both kinds of key.
    """
    return _credit(top_up, system_keys.second_payment(payment), FINGERPRINT, amount)


def _credit(top_up: TopUp, key: str, fingerprint: bytes, amount: int) -> Command:
    return Command(
        Kind.TOP_UP,
        top_up.company,
        key,
        fingerprint,
        amount,
        reference=top_up.reference,
        requested_by=top_up.requested_by,
    )
