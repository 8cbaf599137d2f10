"""The one table of errors: the status, reason and message of each, with the caller's next step.

`docs/reference/errors.md` has a section for every reason, in the order of `Reason`, which is the order of precedence:
where several hold, the first one is the answer.
"""

from collections.abc import Mapping

import grpc

from server import error_details as details
from server.reasons import ErrorRow, Reason, sentence
from server.rejections import CallerTooSlow, InvalidRequest, StreamEnded, Unauthenticated, Violation
from wallet.domain import errors as e
from wallet.domain.errors import Applied
from wallet.domain.limits import LIMITS_PER_COMPANY_MAX
from wallet.domain.money import MICROS_MAX, decimal, format_money

_C = grpc.StatusCode

TABLE: Mapping[type[Exception], ErrorRow] = {
    Unauthenticated: ErrorRow(
        _C.UNAUTHENTICATED,
        Reason.UNAUTHENTICATED,
        lambda _: "The call has no valid token.",
        "Send the metadata `authorization: Bearer <token>`.",
    ),
    InvalidRequest: ErrorRow(
        _C.INVALID_ARGUMENT,
        Reason.INVALID_REQUEST,
        lambda error: sentence(f"{error}"),
        "Correct the request; sent again as it is, it fails again.",
        violations=lambda error: error.violations,
    ),
    e.UnfitRateCard: ErrorRow(
        _C.INVALID_ARGUMENT,
        Reason.INVALID_REQUEST,
        lambda error: sentence(f"{error.field}: {error}"),
        "Nothing has changed. Correct the request; sent again as it is, it fails again.",
        violations=lambda error: [Violation(error.field, str(error))],
    ),
    e.NotABankTransfer: ErrorRow(
        _C.INVALID_ARGUMENT,
        Reason.INVALID_REQUEST,
        lambda error: f"name: {details.no_transfer(error)}.",
        "Read it with GetTopUp.",
        violations=lambda error: [Violation("name", details.no_transfer(error))],
    ),
    e.TooManySpendLimits: ErrorRow(
        _C.INVALID_ARGUMENT,
        Reason.INVALID_REQUEST,
        lambda error: f"parent: {error} has {LIMITS_PER_COMPANY_MAX} spend limits, and no company has more.",
        "Change or delete one of them.",
        violations=lambda error: [Violation("parent", f"{error} has as many spend limits as a company can have")],
    ),
    StreamEnded: ErrorRow(
        _C.UNAVAILABLE,
        Reason.STREAM_ENDED,
        lambda _: "The server ends this stream; every batch that it read is answered.",
        "Open another stream and send the batches that were not answered, under the same keys.",
        lambda _: {"applied": Applied.NO},
    ),
    e.Stopping: ErrorRow(
        _C.UNAVAILABLE,
        Reason.SERVER_STOPPING,
        lambda error: sentence(f"This process stops: {error}"),
        "Send the same request again under the same key, over another connection.",
        details.applied,
    ),
    e.Overloaded: ErrorRow(
        _C.RESOURCE_EXHAUSTED,
        Reason.OVERLOADED,
        lambda error: sentence(f"The service has more to do than it can: {error}"),
        "Nothing was applied. Wait, then send the same request again, and send fewer at a time.",
        details.applied,
    ),
    e.DeadlineExceeded: ErrorRow(
        _C.DEADLINE_EXCEEDED,
        Reason.DEADLINE_EXCEEDED,
        lambda error: sentence(f"There was no answer in time: {error}"),
        "Send the same request again under the same key, with a later deadline.",
        details.applied,
    ),
    CallerTooSlow: ErrorRow(
        _C.DEADLINE_EXCEEDED,
        Reason.DEADLINE_EXCEEDED,
        lambda error: sentence(f"The caller is too slow: {error}"),
        "Call again, and send and receive without long pauses: a call that waits keeps others from being served.",
        details.applied,
    ),
    e.LedgerUnavailable: ErrorRow(
        _C.UNAVAILABLE,
        Reason.LEDGER_UNAVAILABLE,
        lambda error: sentence(f"The ledger does not answer: {error}"),
        "Send the same request again under the same key until the answer is definite.",
        details.applied,
    ),
    e.WalletUnavailable: ErrorRow(
        _C.UNAVAILABLE,
        Reason.WALLET_UNAVAILABLE,
        lambda error: sentence(f"The wallet does not answer: {error}"),
        "Send the same request again under the same key until the answer is definite.",
        details.applied,
    ),
    e.PaymentProviderUnavailable: ErrorRow(
        _C.UNAVAILABLE,
        Reason.PAYMENT_PROVIDER_UNAVAILABLE,
        lambda error: sentence(f"The payment provider does not answer: {error}"),
        "Send the same request again under the same key until the answer is definite: it is paid once.",
        details.applied,
    ),
    e.CompanyNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.COMPANY_NOT_FOUND,
        lambda error: f"There is no company {error}.",
        "Check the name, or create it with CompanyService.CreateCompany.",
    ),
    e.CompanyAlreadyExists: ErrorRow(
        _C.ALREADY_EXISTS,
        Reason.COMPANY_ALREADY_EXISTS,
        lambda error: f"There is a company {error} already.",
        "Choose another company_id, or read this one with GetCompany: an earlier try may have made it.",
    ),
    e.IdempotencyKeyReused: ErrorRow(
        _C.INVALID_ARGUMENT,
        Reason.IDEMPOTENCY_KEY_REUSED,
        lambda error: (
            f"Another request is recorded under the idempotency key {error}: if it was a charge, it is charged."
        ),
        "Find out what it was before you send this one under a key of its own, and send retries unchanged.",
    ),
    e.RateCardNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.RATE_CARD_NOT_FOUND,
        lambda error: f"There is no rate card {error}.",
        "Check the name, or create it with RateService.CreateRateCard.",
    ),
    e.RateCardAlreadyExists: ErrorRow(
        _C.ALREADY_EXISTS,
        Reason.RATE_CARD_ALREADY_EXISTS,
        lambda error: f"There is a rate card {error} already.",
        "Choose another rate_card_id, or read this one with GetRateCard: an earlier try may have made it.",
    ),
    e.SpendLimitNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.SPEND_LIMIT_NOT_FOUND,
        lambda error: f"There is no spend limit {error}.",
        "Check the name against RuleService.ListSpendLimits.",
    ),
    e.SpendLimitAlreadyExists: ErrorRow(
        _C.ALREADY_EXISTS,
        Reason.SPEND_LIMIT_ALREADY_EXISTS,
        lambda error: f"There is a spend limit {error} already.",
        "Choose another spend_limit_id, or read this one with GetSpendLimit: an earlier try may have made it.",
    ),
    e.AutoTopUpNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.AUTO_TOP_UP_NOT_FOUND,
        lambda error: f"The company {error} has no automatic top-up.",
        "Check the name, or make one with AutoTopUpService.UpdateAutoTopUp.",
    ),
    e.RefundJobNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.REFUND_JOB_NOT_FOUND,
        lambda error: f"There is no refund job {error}.",
        "Check the name against RefundService.ListRefundJobs.",
    ),
    e.RefundCaseNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.REFUND_CASE_NOT_FOUND,
        lambda error: f"There is no refund case {error}.",
        "Check the name against RefundService.ListRefundCases.",
    ),
    e.RefundCaseDecided: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.REFUND_CASE_DECIDED,
        lambda error: f"The refund case {error} has been decided differently.",
        "Read it with GetRefundCase; refund any further amount with CreateRefund.",
    ),
    e.ReceiptNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.RECEIPT_NOT_FOUND,
        lambda error: f"Transaction {error} is no top-up and no correction of one, and so has no receipt.",
        "Check the name: its last part is the number of the top-up's transaction.",
    ),
    e.SellerNotSet: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.SELLER_NOT_SET,
        lambda _: "The seller is not set.",
        "Set it with DocumentService.UpdateSeller; receipts of earlier top-ups are issued then.",
    ),
    e.SubscriptionNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.SUBSCRIPTION_NOT_FOUND,
        lambda error: f"There is no subscription {error}.",
        "Check the name against SubscriptionService.ListSubscriptions.",
    ),
    e.SubscriptionCanceled: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.SUBSCRIPTION_CANCELED,
        lambda error: f"The subscription {error} is canceled for good.",
        "Make another one with CreateSubscription, under another subscription_id.",
    ),
    e.WebhookNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.WEBHOOK_NOT_FOUND,
        lambda error: f"The company {error} has no webhook.",
        "Make it with WebhookService.UpdateWebhook.",
    ),
    e.EventNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.EVENT_NOT_FOUND,
        lambda error: f"There is no event {error}.",
        "Check the name against WebhookService.ListEvents.",
    ),
    e.TopUpNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.TOP_UP_NOT_FOUND,
        lambda error: f"There is no top-up {error}.",
        "Check the name against TopUpService.ListTopUps: its last part is the idempotency key of CreateTopUp.",
    ),
    e.TopUpRefundNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.TOP_UP_REFUND_NOT_FOUND,
        lambda error: f"There is no refund {error} of a top-up.",
        "Check the name against TopUpService.ListTopUpRefunds: its last part is the idempotency key of RefundTopUp.",
    ),
    e.PaymentMethodNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.PAYMENT_METHOD_NOT_FOUND,
        lambda error: f"The company has no saved card {error}.",
        "Check the name against TopUpService.ListPaymentMethods.",
    ),
    e.PaymentsNotConfigured: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.PAYMENTS_NOT_CONFIGURED,
        lambda _: "This installation has no payment provider, so there are no cards.",
        "Set STRIPE_API_KEY and STRIPE_WEBHOOK_SECRETS for the admin service, or use METHOD_BANK_TRANSFER.",
    ),
    e.PaymentProviderRefuses: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.PAYMENT_PROVIDER_REFUSES,
        lambda error: sentence(f"The payment provider refuses: {error}"),
        "Nothing was done. Correct what it names, or check whether STRIPE_API_KEY is of the account that made the "
        "payment.",
        lambda error: {"code": error.code},
    ),
    e.CurrencyMismatch: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.CURRENCY_MISMATCH,
        lambda error: f"The wallet or rate card is in {error.wallet}, the request in {error.given}.",
        "Send amounts, rates and decks in the currency of the wallet or rate card, which never changes.",
        lambda error: {"wallet": error.wallet, "given": error.given},
    ),
    e.CompanyClosed: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.COMPANY_CLOSED,
        lambda error: f"The company {error} is closed for good.",
        "A closed company can only be read.",
    ),
    e.WalletNotEmpty: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.WALLET_NOT_EMPTY,
        lambda error: f"The wallet of {error} has a balance, or holds money.",
        "Void what is held and charge the rest (there is no pay-out yet), or top up what is owed; then close it.",
    ),
    e.TopUpEnded: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.TOP_UP_ENDED,
        lambda error: f"The top-up {error.top_up} is {error.state}.",
        "Read it with GetTopUp. Record further money as a new top-up; correct this one by an adjustment "
        "(AdjustmentService).",
        lambda error: {"state": error.state},
    ),
    e.TopUpNotRefundable: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.TOP_UP_NOT_REFUNDABLE,
        lambda error: (
            f"{format_money(error.required, error.currency)} of the top-up {error.top_up} are to be refunded, and "
            f"{format_money(error.refundable, error.currency)} can be."
        ),
        "Refund no more than is left. Only what came by card goes back to it, and not what its bank took back; send "
        "other money back yourself, and debit it with AdjustmentService.",
        lambda error: {"refundable": str(error.refundable), "required": str(error.required)},
    ),
    e.AuthorizationNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.AUTHORIZATION_NOT_FOUND,
        lambda error: f"There is no authorization {error}.",
        "Check the name: its last part is the idempotency key of Authorize.",
    ),
    e.AuthorizationClosed: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.AUTHORIZATION_CLOSED,
        lambda error: f"The authorization {error} is no longer open.",
        "Read it with GetAuthorization; charge the rest with Charge.",
    ),
    e.CompanySuspended: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.COMPANY_SUSPENDED,
        lambda error: f"The company {error} is suspended.",
        "Stop sending for it until CompanyService.ResumeCompany; captures and voids still work.",
    ),
    e.DestinationBlocked: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.DESTINATION_BLOCKED,
        lambda error: f"The company has blocked {error.channel} to {error.country or 'this destination'}.",
        "Do not deliver it; blocked_channels and blocked_country_codes of the company say what is blocked.",
        lambda error: {"channel": error.channel, "country": error.country},
    ),
    e.RateNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.RATE_NOT_FOUND,
        details.unpriced,
        "Nothing was charged. Add a rate to the card or its parent (RateService; a country without a number has only "
        "rates of countries), or give the company a card (UpdateCompany): then the same request succeeds. Or send it "
        "with amount_micros.",
        details.usage,
    ),
    e.SpendLimitReached: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.SPEND_LIMIT_REACHED,
        details.limit_passed,
        "Do not deliver what it was to pay for; a capture within its hold is never more. After reset_time, where there "
        "is one, or when the limit is raised, the same request may succeed.",
        details.limit,
    ),
    e.InsufficientFunds: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.INSUFFICIENT_FUNDS,
        lambda error: (
            f"{format_money(error.required, error.currency)} are required and "
            f"{format_money(error.available, error.currency)} are available above the floor."
        ),
        "Do not deliver what it was to pay for; a capture within its hold needs no more. "
        "After a top-up the same request may succeed; an adjustment may say allow_below_floor.",
        details.funds,
    ),
    e.BalanceLimitReached: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.BALANCE_LIMIT_REACHED,
        lambda _: f"The balance or the held amount would exceed ±{decimal(MICROS_MAX)} in the wallet's currency.",
        "Send a smaller amount.",
    ),
    e.TransactionNotFound: ErrorRow(
        _C.NOT_FOUND,
        Reason.TRANSACTION_NOT_FOUND,
        lambda error: f"There is no transaction {error}, or it is of a kind that this method does not accept.",
        "Read it with GetTransaction, or check the name against ListTransactions: charges and captures can be "
        "refunded; a refund and an adjustment have the number of their transaction.",
    ),
    e.RefundExceedsCharge: ErrorRow(
        _C.FAILED_PRECONDITION,
        Reason.REFUND_EXCEEDS_CHARGE,
        lambda error: (
            f"{format_money(error.required, error.currency)} of the charge are to be refunded, and "
            f"{format_money(error.refundable, error.currency)} can be."
        ),
        "Refund no more than is left.",
        lambda error: {"refundable": str(error.refundable), "required": str(error.required)},
    ),
    e.EntryQuarantined: ErrorRow(
        _C.INTERNAL,
        Reason.ENTRY_QUARANTINED,
        lambda _: "The ledger refuses the data of this request, which is a fault of the service. Nothing is charged.",
        "Do not retry; report it.",
        lambda _: {"applied": Applied.NO},
    ),
    # Only the sweep of expired authorizations can meet this one; a caller who does has found a fault.
    e.AuthorizationNotExpired: ErrorRow(
        _C.INTERNAL,
        Reason.INTERNAL,
        lambda _: "The service has a fault.",
        "Report it.",
        lambda _: {"applied": Applied.NO},
    ),
}

FAULT = ErrorRow(
    _C.INTERNAL,
    Reason.INTERNAL,
    lambda _: "The service has a fault, which is in its log.",
    "Send the same request again under the same key; if that does not help, report it.",
    lambda _: {"applied": Applied.UNKNOWN},
)
"""The row of every error that is not in the table: nothing of the error is shown."""
