"""Top-ups: money on its way into a wallet, and back again. Amounts are micros.

A top-up is an intent first: its row is there before anybody is asked for money, so that whoever finds it can go on
where another died. It clears once: the amount is pinned in the row, then the ledger's entry is made under a key that
follows from it, then the row names the entry.
"""

from enum import IntEnum

import msgspec

from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES, Command, Kind
from wallet.domain.resource_names import TOP_UP_REFERENCE

FINGERPRINT = b"top-up".ljust(FINGERPRINT_BYTES)
"""Of the service's own commands: their keys say all that there is."""

FIRST_LOOK_SECONDS = 15.0
"""How old a top-up under way is before the sweep looks at it: until then its caller or the provider tells."""
LOOK_SECONDS_MAX = 3600.0
DECLINED_LOOK_SECONDS = 120.0
"""When a refund that the wallet declined is looked at once more: longer than anybody else's debit is under way."""
BEGIN_SECONDS_MAX = 600.0
"""A payment that cannot be found for so long was never begun: no call to a provider takes as long."""
NO_PAYMENT_FOUND = "not_begun"
"""The failure code of a top-up whose payment was never begun."""
FINISH_SECONDS_MAX = 86_400.0
"""How long a customer may take to enter a card or to finish 3-D Secure."""


class TopUpMethod(IntEnum):
    """How the money comes. The values are stored, and are the API's: never renumber them."""

    MANUAL = 1
    CARD = 2
    SAVED_CARD = 3
    BANK_TRANSFER = 4


class TopUpState(IntEnum):
    """Where a top-up is in its life. The values are stored, and are the API's: never renumber them."""

    PENDING = 1
    REQUIRES_ACTION = 2
    SUCCEEDED = 3
    FAILED = 4
    CANCELED = 5

    @property
    def under_way(self) -> bool:
        """Whether it may still change by itself. After that only money that came all the same changes it."""
        return self in (TopUpState.PENDING, TopUpState.REQUIRES_ACTION)


class TopUpRefundState(IntEnum):
    """Where the way back is. The values are stored, and are the API's: never renumber them."""

    PENDING = 1
    SUCCEEDED = 2
    FAILED = 3


class NewTopUp(msgspec.Struct, frozen=True):
    """A top-up to be made. `fingerprint` is the request's: the same id with another one is another request."""

    company: str
    id: str
    fingerprint: bytes
    method: TopUpMethod
    amount: int
    currency: str
    reference: str = ""
    requested_by: str = ""
    card: str = ""
    """SAVED_CARD: the provider's id of it."""
    save_card: bool = False
    """CARD: keep it."""
    automatic: bool = False
    """Made by the service, by the company's rule."""


class PaidWith(msgspec.Struct, frozen=True):
    """The card that paid, as people know it: "visa", "4242"."""

    brand: str
    last4: str


class TopUp(msgspec.Struct, frozen=True):
    """A top-up as it is. Times in microseconds since the epoch."""

    company: str
    id: str
    serial: int
    fingerprint: bytes
    method: TopUpMethod
    state: TopUpState
    amount: int
    """As announced."""
    currency: str
    reference: str
    requested_by: str
    automatic: bool
    card: str
    save_card: bool
    payment_reference: str
    """BANK_TRANSFER: what the customer writes into the transfer."""
    provider_key: str
    """Of the provider's calls for it: made up with the row, so that it is nobody else's."""
    payment: str
    """The provider's id; empty: not known yet."""
    paid_with: PaidWith | None
    failure_code: str
    failure_message: str
    cleared: int | None
    """What came in; pinned before the ledger is asked, so that it is one amount for ever."""
    entry_number: int | None
    balance_after: int | None
    refunded: int
    """What has gone back, or is on its way there."""
    created_at: int
    updated_at: int
    now: int
    """When it was read, on the clock of its times."""
    client_secret: str = ""
    """What the front end finishes the payment with. Never stored: there only where the provider was just asked."""

    @property
    def age_seconds(self) -> float:
        """How old it was when it was read."""
        return (self.now - self.created_at) / 1_000_000

    @property
    def refundable(self) -> int:
        """What can still go back."""
        return (self.cleared or 0) - self.refunded if self.state is TopUpState.SUCCEEDED else 0


class NewTopUpRefund(msgspec.Struct, frozen=True):
    """Money to go back the way it came. `amount` None: all that is left."""

    company: str
    id: str
    fingerprint: bytes
    top_up: str
    amount: int | None
    reason: str
    requested_by: str


class TopUpRefund(msgspec.Struct, frozen=True):
    """A refund of a top-up as it is: the wallet is debited first, then the provider is asked."""

    company: str
    id: str
    serial: int
    fingerprint: bytes
    top_up: str
    state: TopUpRefundState
    amount: int
    currency: str
    reason: str
    requested_by: str
    provider_key: str
    payment: str
    provider_refund: str
    """The provider's id; empty: not known yet."""
    debit_number: int | None
    """The entry that took the money out of the wallet."""
    return_number: int | None
    """The entry that put it back, where the provider refused."""
    failure_code: str
    created_at: int
    updated_at: int
    now: int

    @property
    def age_seconds(self) -> float:
        """How old it was when it was read."""
        return (self.now - self.created_at) / 1_000_000


class ChargebackState(IntEnum):
    """Where a chargeback is. The values are stored, and are the API's: never renumber them."""

    INQUIRY = 1
    OPEN = 2
    WON = 3
    LOST = 4


class NewChargeback(msgspec.Struct, frozen=True):
    """What the provider tells of a chargeback."""

    company: str
    id: str
    """The provider's."""
    top_up: str
    state: ChargebackState
    amount: int
    currency: str
    reason: str


class Chargeback(msgspec.Struct, frozen=True):
    """A top-up that the customer's bank took back, or asks about."""

    company: str
    id: str
    serial: int
    top_up: str
    state: ChargebackState
    amount: int
    currency: str
    reason: str
    debit_number: int | None
    credit_number: int | None
    created_at: int
    updated_at: int


def credit(top_up: TopUp, payment: str, amount: int) -> Command:
    """Return the command that credits what came in by the top-up's one payment, under a key that follows from it."""
    if top_up.method is TopUpMethod.MANUAL:
        key, fingerprint = top_up.id, top_up.fingerprint
    elif top_up.method is TopUpMethod.BANK_TRANSFER:
        key, fingerprint = system_keys.top_up(top_up.id), FINGERPRINT
    else:
        key, fingerprint = system_keys.payment(payment), FINGERPRINT
    return _credit(top_up, key, fingerprint, amount)


def second_credit(top_up: TopUp, payment: str, amount: int) -> Command:
    """Return the command that credits another payment for a top-up that has one: it is money too.

    Which is the one was pinned for ever, so neither is ever credited under the other kind of key.
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


def refund_debit(refund: TopUpRefund) -> Command:
    """Return the command that takes the money out of the wallet; what was spent cannot go back, so the floor holds."""
    return _adjustment(refund, system_keys.top_up_refund_debit(refund.id), -refund.amount, "TOP_UP_REFUND")


def refund_return(refund: TopUpRefund) -> Command:
    """Return the command that puts the money back, since the provider did not take it."""
    return _adjustment(refund, system_keys.top_up_refund_return(refund.id), refund.amount, "TOP_UP_REFUND_FAILED")


def chargeback_debit(chargeback: Chargeback) -> Command:
    """Return the command that takes what the bank took: it is gone, so below the floor if it must."""
    return _of_chargeback(chargeback, system_keys.chargeback_debit(chargeback.id), -chargeback.amount, "CHARGEBACK")


def chargeback_credit(chargeback: Chargeback) -> Command:
    """Return the command that gives back what was won."""
    return _of_chargeback(chargeback, system_keys.chargeback_won(chargeback.id), chargeback.amount, "CHARGEBACK_WON")


def _adjustment(refund: TopUpRefund, key: str, amount: int, reason: str) -> Command:
    return Command(
        Kind.ADJUSTMENT,
        refund.company,
        key,
        FINGERPRINT,
        amount,
        reference=TOP_UP_REFERENCE.name(refund.top_up),
        reason=reason,
        requested_by=refund.requested_by,
    )


def _of_chargeback(chargeback: Chargeback, key: str, amount: int, reason: str) -> Command:
    return Command(
        Kind.ADJUSTMENT,
        chargeback.company,
        key,
        FINGERPRINT,
        amount,
        below_floor=True,
        reference=TOP_UP_REFERENCE.name(chargeback.top_up),
        reason=reason,
    )
