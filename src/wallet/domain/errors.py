"""Everything that a wallet may answer instead of an outcome.

WalletError
├── Declined                      an honest no: asked of the ledger, not recorded, the same key may succeed later
│   ├── InsufficientFunds
│   ├── CompanySuspended
│   ├── CompanyClosed
│   ├── BalanceLimitReached
│   ├── AuthorizationNotFound
│   ├── AuthorizationClosed
│   ├── AuthorizationNotExpired
│   ├── RefundExceedsCharge
│   ├── TransactionNotFound
│   └── WalletNotEmpty
├── CompanyNotFound
├── CompanyAlreadyExists
├── CurrencyMismatch
├── IdempotencyKeyReused
├── EntryQuarantined              Postgres refuses the entry's data: a fault of ours, for a person to look at
└── Unavailable                   no answer now: the same request under the same key, later
    ├── LedgerUnavailable
    ├── WalletUnavailable
    ├── Overloaded
    └── DeadlineExceeded
"""

from enum import StrEnum


class Applied(StrEnum):
    """Whether a command that got no answer may have been applied."""

    NO = "no"
    UNKNOWN = "unknown"


class WalletError(Exception):
    """The root of the tree."""


class Declined(WalletError):
    """The ledger was asked and agrees: the command breaks a rule. Nothing is recorded."""


class InsufficientFunds(Declined):
    """The command would take balance − held below the floor. Amounts in micros."""

    def __init__(self, *, available: int, required: int, floor: int, currency: str) -> None:
        """Say what there is (`available`, before the floor) and what was asked for (`required`)."""
        super().__init__(f"{required} micros are required and {available} are available")
        self.available = available
        self.required = required
        self.floor = floor
        self.currency = currency


class CompanySuspended(Declined):
    """The company is suspended: no new charges or holds."""


class CompanyClosed(Declined):
    """The company is closed for good."""


class BalanceLimitReached(Declined):
    """The balance or the held amount would leave ±9e15 micros."""


class AuthorizationNotFound(Declined):
    """There never was an authorization of that id."""


class AuthorizationClosed(Declined):
    """The authorization was captured, voided or has expired."""


class AuthorizationNotExpired(Declined):
    """The authorization's time is not up (again): an increment moved it. Only expiry asks."""


class RefundExceedsCharge(Declined):
    """The refunds of a charge would add up to more than the charge. Amounts in micros."""

    def __init__(self, *, refundable: int, required: int) -> None:
        """Say what is left to refund and what was asked for."""
        super().__init__(f"{required} micros are asked for and {refundable} are left to refund")
        self.refundable = refundable
        self.required = required


class TransactionNotFound(Declined):
    """There is no such transaction, or it is not one that can be refunded."""


class WalletNotEmpty(Declined):
    """A company can only be closed when its balance and holds are zero."""


class CompanyNotFound(WalletError):
    """There is no such company."""


class CompanyAlreadyExists(WalletError):
    """The company id is taken."""


class CurrencyMismatch(WalletError):
    """The amount is in another currency than the wallet."""

    def __init__(self, *, wallet: str, given: str) -> None:
        """Name both currencies, in ISO 4217."""
        super().__init__(f"the wallet is in {wallet}, the amount in {given}")
        self.wallet = wallet
        self.given = given


class IdempotencyKeyReused(WalletError):
    """The key was used by another request."""


class EntryQuarantined(WalletError):
    """Postgres refuses the entry's data. It was taken out of the journal and logged; nothing is charged."""


class Unavailable(WalletError):
    """No definite answer. `applied` says whether the command may have been applied all the same."""

    def __init__(self, message: str, *, applied: Applied) -> None:
        """Say why there is no answer."""
        super().__init__(message)
        self.applied = applied


class LedgerUnavailable(Unavailable):
    """Postgres did not answer."""


class WalletUnavailable(Unavailable):
    """Redis did not answer, or the wallet did not come to rest within the bound on rounds."""


class Overloaded(Unavailable):
    """A queue is full. Nothing was applied."""

    def __init__(self, message: str) -> None:
        """Say which bound was reached."""
        super().__init__(message, applied=Applied.NO)


class DeadlineExceeded(Unavailable):
    """The caller's deadline passed before the command's turn came."""
