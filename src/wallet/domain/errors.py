"""Everything that a wallet may answer instead of an outcome.

WalletError
├── Declined                      an honest no: asked of the ledger, not recorded, the same key may succeed later
│   ├── InsufficientFunds
│   ├── CompanySuspended
│   ├── CompanyClosed
│   ├── DestinationBlocked
│   ├── RateNotFound
│   ├── SpendLimitReached
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
├── RateCardNotFound
├── RateCardAlreadyExists
├── UnfitRateCard                 the card cannot be so: an ancestor of its own, or too many rates
├── SpendLimitNotFound
├── SpendLimitAlreadyExists
├── TooManySpendLimits
├── AutoTopUpNotFound
├── RefundJobNotFound
├── RefundCaseNotFound
├── RefundCaseDecided
├── ReceiptNotFound
├── SellerNotSet
├── SubscriptionNotFound
├── SubscriptionCanceled
├── WebhookNotFound
├── EventNotFound
├── TopUpNotFound
├── TopUpEnded                    it has come in, failed or was canceled: another end is not to be had
├── NotABankTransfer              only of those people say what came
├── TopUpNotRefundable            not by card, not in, refunded already, or taken back by the bank
├── TopUpRefundNotFound
├── PaymentsNotConfigured
├── PaymentProviderRefuses        the provider was asked for something else than a payment, and says no for good
├── PaymentMethodNotFound
├── IdempotencyKeyReused
├── EntryQuarantined              Postgres refuses the entry's data: a fault of ours, for a person to look at
└── Unavailable                   no answer now: the same request under the same key, later
    ├── LedgerUnavailable
    ├── WalletUnavailable
    ├── Overloaded
    ├── DeadlineExceeded
    └── PaymentProviderUnavailable
"""

from enum import StrEnum

from wallet.domain.limits import SpendLimitState


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


class DestinationBlocked(Declined):
    """The company has blocked the channel or the country: no new charges or holds there."""

    def __init__(self, *, channel: str, country: str) -> None:
        """Name both, as in "SMS" and "DE"; the country may be empty."""
        super().__init__(f"{channel} to {country or 'anywhere'} is blocked")
        self.channel = channel
        self.country = country


class RateNotFound(Declined):
    """The request names no amount, and the company's rate card has no rate for the usage."""

    def __init__(self, *, channel: str, variant: str, country: str, has_card: bool = True) -> None:
        """Name the usage, and say whether the company has a rate card at all."""
        super().__init__(f"no rate for {channel} {variant} {country}")
        self.channel = channel
        self.variant = variant
        self.country = country
        self.has_card = has_card


class SpendLimitReached(Declined):
    """The command would take what is spent in a window past a limit. Amounts in micros."""

    def __init__(self, state: SpendLimitState, *, required: int, window_is_over: bool = False) -> None:
        """Say which limit it is and what of it is spent, and what was asked for.

        The window is over where the authorization was opened in an earlier one: it is not going to reset.
        """
        super().__init__(f"{required} micros are required, and {state.spent} of {state.limit.amount} are spent")
        self.limit = state.limit
        self.spent = state.spent
        self.resets_at = 0 if window_is_over else state.resets_at
        """When its window ends, in microseconds since the epoch; 0 where it is over."""
        self.required = required


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


class RateCardNotFound(WalletError):
    """There is no such rate card."""


class RateCardAlreadyExists(WalletError):
    """The rate card's id is taken."""


class UnfitRateCard(WalletError):
    """A rate card cannot be so. The text says why, and which field of the request it is."""

    def __init__(self, message: str, *, field: str) -> None:
        """`field` as in "rate_card.parent"."""
        super().__init__(message)
        self.field = field


class SpendLimitNotFound(WalletError):
    """There is no such spend limit."""


class SpendLimitAlreadyExists(WalletError):
    """The spend limit's id is taken."""


class TooManySpendLimits(WalletError):
    """A company cannot have more."""


class AutoTopUpNotFound(WalletError):
    """The company has no automatic top-up."""


class RefundJobNotFound(WalletError):
    """There is no such refund job."""


class RefundCaseNotFound(WalletError):
    """There is no such refund case."""


class RefundCaseDecided(WalletError):
    """The case was decided before, and otherwise."""


class ReceiptNotFound(WalletError):
    """There is no top-up or correction of that number, so no receipt."""


class SellerNotSet(WalletError):
    """Nobody has said yet who sells, so no receipt can be issued."""


class SubscriptionNotFound(WalletError):
    """There is no such subscription."""


class SubscriptionCanceled(WalletError):
    """The subscription is canceled for good."""


class WebhookNotFound(WalletError):
    """The company has no webhook."""


class EventNotFound(WalletError):
    """There is no such event."""


class TopUpNotFound(WalletError):
    """There is no such top-up."""


class TopUpEnded(WalletError):
    """The top-up has come in, failed or was canceled, and cannot come to another end."""

    def __init__(self, top_up: str, *, state: str) -> None:
        """`state` as in "SUCCEEDED"."""
        super().__init__(f"the top-up {top_up} is {state}")
        self.top_up = top_up
        self.state = state


class NotABankTransfer(WalletError):
    """People say of bank transfers alone what came; the provider says it of cards, and a manual top-up is in."""

    def __init__(self, top_up: str, *, method: str) -> None:
        """Name the method, as in "SAVED_CARD"."""
        super().__init__(f"the top-up {top_up} is by METHOD_{method}")
        self.method = method


class TopUpNotRefundable(WalletError):
    """A top-up can go back to its card as far as it came in and is not refunded or charged back. Amounts in micros."""

    def __init__(self, top_up: str, *, refundable: int, required: int) -> None:
        """Say what is left to refund and what was asked for."""
        super().__init__(f"{required} micros are asked for and {refundable} are left to refund")
        self.top_up = top_up
        self.refundable = refundable
        self.required = required


class TopUpRefundNotFound(WalletError):
    """There is no such refund of a top-up."""


class PaymentsNotConfigured(WalletError):
    """This installation has no payment provider."""


class PaymentProviderRefuses(WalletError):
    """The payment provider says no for good, and nothing was done. `code` is the provider's."""

    def __init__(self, message: str, *, code: str) -> None:
        """Say in the provider's words why."""
        super().__init__(message)
        self.code = code


class PaymentMethodNotFound(WalletError):
    """The company has no such card."""


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


class PaymentProviderUnavailable(Unavailable):
    """The payment provider did not answer, or says to come again."""
