"""Chargebacks of top-ups: a chargeback and its commands. Amounts are micros."""

from enum import IntEnum

import msgspec

from admin.top_ups.domain import FINGERPRINT
from wallet.domain import system_keys
from wallet.domain.commands import Command, Kind
from wallet.domain.resource_names import TOP_UP_REFERENCE


class ChargebackState(IntEnum):
    """The state of a chargeback. The values are stored, and are the API's: never renumber them."""

    INQUIRY = 1
    OPEN = 2
    WON = 3
    LOST = 4


class NewChargeback(msgspec.Struct, frozen=True):
    """A chargeback as the provider reports it."""

    company: str
    id: str
    """The provider's id of the dispute."""
    top_up: str
    payment: str
    """The provider's id of the disputed payment."""
    state: ChargebackState
    amount: int
    currency: str
    reason: str


class Chargeback(msgspec.Struct, frozen=True):
    """A top-up that the customer's bank has taken back, or inquires about."""

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


def chargeback_debit(chargeback: Chargeback) -> Command:
    """Return the command that debits the amount that the bank took, below the floor if necessary."""
    return _of_chargeback(chargeback, system_keys.chargeback_debit(chargeback.id), -chargeback.amount, "CHARGEBACK")


def chargeback_credit(chargeback: Chargeback) -> Command:
    """Return the command that credits the amount of a chargeback that is won."""
    return _of_chargeback(chargeback, system_keys.chargeback_won(chargeback.id), chargeback.amount, "CHARGEBACK_WON")


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
