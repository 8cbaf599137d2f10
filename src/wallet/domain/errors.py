"""The errors that a command or a call may end with.

WalletError
├── Declined                      confirmed by the ledger, not recorded: the same key may succeed later
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
├── UnfitRateCard                 the card would be its own ancestor, or have too many rates
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
├── TopUpEnded                    it has succeeded, failed or was canceled
├── NotABankTransfer              people record the result of bank transfers only
├── TopUpNotRefundable            not by card, not succeeded, refunded already, or charged back
├── TopUpRefundNotFound
├── PaymentsNotConfigured
├── PaymentProviderRefuses        the provider refuses a request other than a payment, finally
├── PaymentMethodNotFound
├── IdempotencyKeyReused
├── EntryQuarantined              Postgres refuses the entry's data: a fault of ours, for a person to examine
└── Unavailable                   no answer now: send the same request under the same key later
    ├── LedgerUnavailable
    ├── WalletUnavailable
    ├── Stopping
    ├── Overloaded
    ├── DeadlineExceeded
    └── PaymentProviderUnavailable
"""

from enum import StrEnum

from wallet.domain.limits import SpendLimitState
from wallet.domain.money import format_money


class Applied(StrEnum):
    """Whether a command without a definite answer may have been applied."""

    NO = "no"
    UNKNOWN = "unknown"


class WalletError(Exception):
    """The root of the tree."""


class Declined(WalletError):
    """The command breaks a rule, and the ledger confirms it. Nothing is recorded."""


class InsufficientFunds(Declined):
    """The command would take balance − held below the floor. Amounts in micros."""

    def __init__(self, *, available: int, required: int, floor: int, currency: str) -> None:
        """`available` is what could be spent before the floor is reached, `required` what the command would take."""
        super().__init__(f"{format_money(required, currency)} required, {format_money(available, currency)} available")
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
    """The command would take the spending of a window past a limit. Amounts in micros."""

    def __init__(self, state: SpendLimitState, *, required: int, currency: str, window_is_over: bool = False) -> None:
        """`state` is the limit and its spending, `required` what the command would add.

        `window_is_over` says that the authorization was opened in an earlier window, which does not reset again.
        """
        spent, most = format_money(state.spent, currency), format_money(state.limit.amount, currency)
        super().__init__(f"{format_money(required, currency)} required, {spent} of {most} spent")
        self.limit = state.limit
        self.currency = currency
        self.spent = state.spent
        self.resets_at = 0 if window_is_over else state.resets_at
        """When its window ends, in microseconds since the epoch; 0 if it is over."""
        self.required = required


class BalanceLimitReached(Declined):
    """The balance or the held amount would leave ±MICROS_MAX."""


class AuthorizationNotFound(Declined):
    """No authorization has the id."""


class AuthorizationClosed(Declined):
    """The authorization was captured, voided or has expired."""


class AuthorizationNotExpired(Declined):
    """The authorization has not expired, since an increment moved its expiry. Only the expiry sweep gets this."""


class RefundExceedsCharge(Declined):
    """The refunds of a charge would add up to more than the charge. Amounts in micros."""

    def __init__(self, *, refundable: int, required: int, currency: str) -> None:
        """`refundable` is left to refund, `required` was requested."""
        super().__init__(
            f"{format_money(required, currency)} requested, {format_money(refundable, currency)} refundable"
        )
        self.currency = currency
        self.refundable = refundable
        self.required = required


class TransactionNotFound(Declined):
    """There is no such transaction, or it is of a kind that cannot be refunded."""


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
    """A request would make an invalid rate card. The text says why."""

    def __init__(self, message: str, *, field: str) -> None:
        """`field` is the path of the request's field that is to blame, as in "rate_card.parent"."""
        super().__init__(message)
        self.field = field


class SpendLimitNotFound(WalletError):
    """There is no such spend limit."""


class SpendLimitAlreadyExists(WalletError):
    """The spend limit's id is taken."""


class TooManySpendLimits(WalletError):
    """The company has as many spend limits as it can have."""


class AutoTopUpNotFound(WalletError):
    """The company has no automatic top-up."""


class RefundJobNotFound(WalletError):
    """There is no such refund job."""


class RefundCaseNotFound(WalletError):
    """There is no such refund case."""


class RefundCaseDecided(WalletError):
    """The case was decided before, and differently."""


class ReceiptNotFound(WalletError):
    """No top-up or correction has that number, so there is no receipt."""


class SellerNotSet(WalletError):
    """The seller is not set yet, so no receipt can be issued."""


class SubscriptionNotFound(WalletError):
    """There is no such subscription."""


class SubscriptionCanceled(WalletError):
    """The subscription is canceled, which is final."""


class WebhookNotFound(WalletError):
    """The company has no webhook."""


class EventNotFound(WalletError):
    """There is no such event."""


class TopUpNotFound(WalletError):
    """There is no such top-up."""


class TopUpEnded(WalletError):
    """The top-up has succeeded, failed or was canceled, which is final."""

    def __init__(self, top_up: str, *, state: str) -> None:
        """`state` as in "SUCCEEDED"."""
        super().__init__(f"the top-up {top_up} is {state}")
        self.top_up = top_up
        self.state = state


class NotABankTransfer(WalletError):
    """People record the result of bank transfers only: the provider reports cards, and manual top-ups are credited."""

    def __init__(self, top_up: str, *, method: str) -> None:
        """Name the method, as in "SAVED_CARD"."""
        super().__init__(f"the top-up {top_up} is by METHOD_{method}")
        self.method = method


class TopUpNotRefundable(WalletError):
    """More is to be refunded to the card than was received and not refunded or charged back. Amounts in micros."""

    def __init__(self, top_up: str, *, refundable: int, required: int, currency: str) -> None:
        """`refundable` is left to refund, `required` was requested."""
        super().__init__(
            f"{format_money(required, currency)} requested, {format_money(refundable, currency)} refundable"
        )
        self.currency = currency
        self.top_up = top_up
        self.refundable = refundable
        self.required = required


class TopUpRefundNotFound(WalletError):
    """There is no such refund of a top-up."""


class PaymentsNotConfigured(WalletError):
    """This installation has no payment provider."""


class PaymentProviderRefuses(WalletError):
    """The payment provider refuses finally, and nothing was done."""

    def __init__(self, message: str, *, code: str) -> None:
        """`message` and `code` are the provider's."""
        super().__init__(message)
        self.code = code


class PaymentMethodNotFound(WalletError):
    """The company has no such card."""


class IdempotencyKeyReused(WalletError):
    """The key was used by another request."""


class EntryQuarantined(WalletError):
    """Postgres refuses the entry's data. It was taken out of the journal and logged; nothing is charged."""


class Unavailable(WalletError):
    """No definite answer. `applied` says whether the command may still have been applied."""

    def __init__(self, message: str, *, applied: Applied) -> None:
        """Say why there is no answer."""
        super().__init__(message)
        self.applied = applied


class LedgerUnavailable(Unavailable):
    """Postgres did not answer."""


class WalletUnavailable(Unavailable):
    """Redis did not answer, or the command got no definite answer within the bound on rounds."""


class Stopping(Unavailable):
    """The process stops: another one, or the next, serves the command."""


class Overloaded(Unavailable):
    """A queue is full. Nothing was applied."""

    def __init__(self, message: str) -> None:
        """Say which bound was reached."""
        super().__init__(message, applied=Applied.NO)


class DeadlineExceeded(Unavailable):
    """The caller's deadline passed before the command's turn came."""


class PaymentProviderUnavailable(Unavailable):
    """The payment provider did not answer, or asks to try again later."""
