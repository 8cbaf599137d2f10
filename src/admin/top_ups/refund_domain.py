"""Refunds of top-ups: a refund and its commands. Amounts are micros."""

from enum import IntEnum

import msgspec

from admin.top_ups.domain import FINGERPRINT
from wallet.domain import system_keys
from wallet.domain.commands import Command, Kind
from wallet.domain.resource_names import TOP_UP_REFERENCE


class TopUpRefundState(IntEnum):
    """The state of a refund. The values are stored, and are the API's: never renumber them."""

    PENDING = 1
    SUCCEEDED = 2
    FAILED = 3


class NewTopUpRefund(msgspec.Struct, frozen=True):
    """A refund to create. `amount` None is all that is left."""

    company: str
    id: str
    fingerprint: bytes
    top_up: str
    amount: int | None
    reason: str
    requested_by: str


class TopUpRefund(msgspec.Struct, frozen=True):
    """A refund of a top-up: the wallet is debited first, then the provider refunds the payment."""

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
    """The provider's id of the refund; empty if it is not known yet."""
    debit_number: int | None
    """The number of the entry that debits the wallet."""
    return_number: int | None
    """The number of the entry that credits the amount again, if the provider refused."""
    failure_code: str
    created_at: int
    updated_at: int
    now: int

    @property
    def age_seconds(self) -> float:
        """The age at the time of reading."""
        return (self.now - self.created_at) / 1_000_000


def refund_debit(refund: TopUpRefund) -> Command:
    """Return the command that debits the wallet. The floor applies, since spent money cannot be refunded."""
    return _adjustment(refund, system_keys.top_up_refund_debit(refund.id), -refund.amount, "TOP_UP_REFUND")


def refund_return(refund: TopUpRefund) -> Command:
    """Return the command that credits the amount again, since the provider refused the refund."""
    return _adjustment(refund, system_keys.top_up_refund_return(refund.id), refund.amount, "TOP_UP_REFUND_FAILED")


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
