"""The ledger's records: entries, wallets and authorizations."""

from enum import IntEnum

import msgspec

from wallet.domain.commands import Kind
from wallet.domain.pricing import Price
from wallet.domain.usage import Usage


class WalletState(IntEnum):
    """Whether a wallet can be charged. The values are stored: never renumber them."""

    ACTIVE = 1
    SUSPENDED = 2
    CLOSED = 3


class AuthorizationState(IntEnum):
    """The states of an authorization. The values are stored: never renumber them."""

    OPEN = 1
    CAPTURED = 2
    VOIDED = 3
    EXPIRED = 4


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One row of the ledger. Amounts in micros; `created_at` in microseconds since the epoch."""

    company: str
    number: int
    kind: Kind
    amount: int
    held_delta: int
    balance_after: int
    held_after: int
    floor: int
    idempotency_key: str
    created_at: int
    currency: str
    authorization: str = ""
    refunded_number: int = 0
    reference: str = ""
    usage: Usage | None = None
    price: Price | None = None
    """How the amount follows from the usage; None if the request named the amount."""
    reason: str = ""
    """The reason for it, in a word such as CARRIER_OUTAGE."""
    requested_by: str = ""
    """The person or policy that requested it."""


class Wallet(msgspec.Struct, frozen=True, gc=False):
    """A company's balance as the ledger has it. Amounts in micros; `updated_at` in microseconds since the epoch."""

    company: str
    currency: str
    balance: int
    held: int
    floor: int
    state: WalletState
    updated_at: int

    @property
    def available(self) -> int:
        """The amount that can be spent before the floor is reached, in micros."""
        return self.balance - self.held - self.floor


class Authorization(msgspec.Struct, frozen=True, gc=False):
    """Money set aside. Amounts in micros; times in microseconds since the epoch."""

    company: str
    id: str
    state: AuthorizationState
    amount: int
    captured: int
    held: int
    ttl_seconds: int
    expires_at: int
    created_at: int
    opened_number: int
    currency: str
    usage: Usage | None = None
    price: Price | None = None
    """The price that it was opened with; None if the request named the amount."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The answer to a command: its entry, the same in every answer, and the present wallet and authorization."""

    entry: Entry
    wallet: Wallet
    authorization: Authorization | None = None
