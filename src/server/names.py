"""Resource names (AIP-122). Those that come in have passed their proto's pattern; parsing only takes them apart."""

from typing import NamedTuple

_COMPANY = len("companies/")
_RATE_CARD = len("rateCards/")
_REFUND_JOB = len("refundJobs/")


class AuthorizationName(NamedTuple):
    """`companies/{company}/authorizations/{id}`; an id may have slashes."""

    company: str
    id: str


class TransactionName(NamedTuple):
    """`companies/{company}/transactions/{number}`."""

    company: str
    number: int


class RefundCaseName(NamedTuple):
    """`companies/{company}/refundCases/{case}`."""

    company: str
    case: str


class SubscriptionName(NamedTuple):
    """`companies/{company}/subscriptions/{subscription}`."""

    company: str
    subscription: str


class SpendLimitName(NamedTuple):
    """`companies/{company}/spendLimits/{limit}`."""

    company: str
    limit: str


class ChildName(NamedTuple):
    """`companies/{company}/{collection}/{id}`; an id may have slashes."""

    company: str
    id: str


def company_name(company: str) -> str:
    """Return `companies/{company}`."""
    return f"companies/{company}"


def wallet_name(company: str) -> str:
    """Return `companies/{company}/wallet`."""
    return f"companies/{company}/wallet"


def transaction_name(company: str, number: int) -> str:
    """Return `companies/{company}/transactions/{number}`."""
    return f"companies/{company}/transactions/{number}"


def authorization_name(company: str, authorization: str) -> str:
    """Return `companies/{company}/authorizations/{id}`."""
    return f"companies/{company}/authorizations/{authorization}"


def top_up_name(company: str, idempotency_key: str) -> str:
    """Return `companies/{company}/topUps/{key}`."""
    return f"companies/{company}/topUps/{idempotency_key}"


def top_up_refund_name(company: str, refund: str) -> str:
    """Return `companies/{company}/topUpRefunds/{refund}`."""
    return f"companies/{company}/topUpRefunds/{refund}"


def chargeback_name(company: str, chargeback: str) -> str:
    """Return `companies/{company}/chargebacks/{chargeback}`."""
    return f"companies/{company}/chargebacks/{chargeback}"


def payment_method_name(company: str, card: str) -> str:
    """Return `companies/{company}/paymentMethods/{card}`."""
    return f"companies/{company}/paymentMethods/{card}"


def adjustment_name(company: str, number: int) -> str:
    """Return `companies/{company}/adjustments/{number}`: an adjustment has the number of its transaction."""
    return f"companies/{company}/adjustments/{number}"


def rate_card_name(card: str) -> str:
    """Return `rateCards/{card}`."""
    return f"rateCards/{card}"


def rate_name(card: str, rate: str) -> str:
    """Return `rateCards/{card}/rates/{rate}`."""
    return f"rateCards/{card}/rates/{rate}"


def spend_limit_name(company: str, limit: str) -> str:
    """Return `companies/{company}/spendLimits/{limit}`."""
    return f"companies/{company}/spendLimits/{limit}"


def subscription_name(company: str, subscription: str) -> str:
    """Return `companies/{company}/subscriptions/{subscription}`."""
    return f"companies/{company}/subscriptions/{subscription}"


def refund_name(company: str, number: int) -> str:
    """Return `companies/{company}/refunds/{number}`: a refund has the number of its transaction."""
    return f"companies/{company}/refunds/{number}"


def refund_job_name(job: str) -> str:
    """Return `refundJobs/{job}`."""
    return f"refundJobs/{job}"


def refund_case_name(company: str, case: str) -> str:
    """Return `companies/{company}/refundCases/{case}`."""
    return f"companies/{company}/refundCases/{case}"


def alert_policy_name(company: str) -> str:
    """Return `companies/{company}/alertPolicy`."""
    return f"companies/{company}/alertPolicy"


def billing_profile_name(company: str) -> str:
    """Return `companies/{company}/billingProfile`."""
    return f"companies/{company}/billingProfile"


def receipt_name(company: str, number: int | str) -> str:
    """Return `companies/{company}/receipts/{number}`: a receipt has the number of its transaction."""
    return f"companies/{company}/receipts/{number}"


def statement_name(company: str, month: str) -> str:
    """Return `companies/{company}/statements/{month}`."""
    return f"companies/{company}/statements/{month}"


def auto_top_up_name(company: str) -> str:
    """Return `companies/{company}/autoTopUp`."""
    return f"companies/{company}/autoTopUp"


def webhook_name(company: str) -> str:
    """Return `companies/{company}/webhook`."""
    return f"companies/{company}/webhook"


def event_name(company: str, serial: int) -> str:
    """Return `companies/{company}/events/{serial}`."""
    return f"companies/{company}/events/{serial}"


def parse_company(name: str) -> str:
    """Return the id in `companies/{company}`."""
    return name[_COMPANY:]


def parse_wallet(name: str) -> str:
    """Return the company's id in `companies/{company}/wallet`."""
    return name[_COMPANY : -len("/wallet")]


def parse_alert_policy(name: str) -> str:
    """Return the company's id in `companies/{company}/alertPolicy`."""
    return name[_COMPANY : -len("/alertPolicy")]


def parse_billing_profile(name: str) -> str:
    """Return the company's id in `companies/{company}/billingProfile`."""
    return name[_COMPANY : -len("/billingProfile")]


def parse_receipt(name: str) -> TransactionName:
    """Take `companies/{company}/receipts/{number}` apart."""
    return parse_transaction(name)


def parse_auto_top_up(name: str) -> str:
    """Return the company's id in `companies/{company}/autoTopUp`."""
    return name[_COMPANY : -len("/autoTopUp")]


def parse_transaction(name: str) -> TransactionName:
    """Take `companies/{company}/transactions/{number}` apart."""
    _, company, _, number = name.split("/")
    return TransactionName(company, int(number))


def parse_webhook(name: str) -> str:
    """Return the company's id in `companies/{company}/webhook`."""
    return name[_COMPANY : -len("/webhook")]


def parse_event(name: str) -> TransactionName:
    """Take `companies/{company}/events/{serial}` apart."""
    return parse_transaction(name)


def parse_refund(name: str) -> TransactionName:
    """Take `companies/{company}/refunds/{number}` apart."""
    return parse_transaction(name)


def parse_adjustment(name: str) -> TransactionName:
    """Take `companies/{company}/adjustments/{number}` apart."""
    return parse_transaction(name)


def parse_top_up(name: str) -> ChildName:
    """Take `companies/{company}/topUps/{id}` apart."""
    return _parse_child(name)


def parse_top_up_refund(name: str) -> ChildName:
    """Take `companies/{company}/topUpRefunds/{id}` apart."""
    return _parse_child(name)


def parse_payment_method(name: str) -> ChildName:
    """Take `companies/{company}/paymentMethods/{id}` apart."""
    return _parse_child(name)


def parse_refund_job(name: str) -> str:
    """Return the id in `refundJobs/{job}`."""
    return name[_REFUND_JOB:]


def parse_refund_case(name: str) -> RefundCaseName:
    """Take `companies/{company}/refundCases/{case}` apart."""
    _, company, _, case = name.split("/")
    return RefundCaseName(company, case)


def parse_authorization(name: str) -> AuthorizationName:
    """Take `companies/{company}/authorizations/{id}` apart."""
    _, company, _, authorization = name.split("/", 3)
    return AuthorizationName(company, authorization)


def parse_subscription(name: str) -> SubscriptionName:
    """Take `companies/{company}/subscriptions/{subscription}` apart."""
    _, company, _, subscription = name.split("/")
    return SubscriptionName(company, subscription)


def parse_spend_limit(name: str) -> SpendLimitName:
    """Take `companies/{company}/spendLimits/{limit}` apart."""
    _, company, _, limit = name.split("/")
    return SpendLimitName(company, limit)


def parse_rate_card(name: str) -> str:
    """Return the id in `rateCards/{card}`; an empty one for an empty name, which stands for no card."""
    return name[_RATE_CARD:]


def _parse_child(name: str) -> ChildName:
    _, company, _, child = name.split("/", 3)
    return ChildName(company, child)
