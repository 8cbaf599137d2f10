"""Requests that must be refused, by what is wrong with them, and the makers of good ones that they are made from.

`companies/bad` is the company of a good request: test_bad_input.py makes it, and what else is named here.
"""

import base64
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from veloconnect.admin.v1 import company_pb2, ledger_pb2, rule_pb2, top_up_pb2, transaction_pb2
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

MICROS_MAX = 9_000_000_000_000_000
BALANCE = 1_000_000
HELD = 250_000
AVAILABLE = BALANCE - HELD - 2
"""After a capture and a charge of a micro each."""
NOBODY = "companies/nobody"


def usage(destination: str = "DE", **fields: Any) -> wallet_pb2.Usage:
    """Return an SMS to Germany, with other fields where they are given."""
    return wallet_pb2.Usage(**{"channel": wallet_pb2.CHANNEL_SMS, "destination": destination, **fields})


def charge(**fields: Any) -> charging_pb2.ChargeRequest:
    """Return a charge that would be made, but for the fields that are given."""
    good = {"company": "companies/bad", "idempotency_key": "new", "usage": usage(), "amount_micros": 1}
    return charging_pb2.ChargeRequest(**{**good, **fields})


def without(request: Any, field: str) -> Any:
    """Return a request without a field."""
    request.ClearField(field)
    return request


def authorize(**fields: Any) -> charging_pb2.AuthorizeRequest:
    """Return an authorization that would be opened."""
    good = {"company": "companies/bad", "idempotency_key": "new", "usage": usage(), "amount_micros": 1}
    return charging_pb2.AuthorizeRequest(**{**good, **fields})


def increment(of: str = "open", /, **fields: Any) -> charging_pb2.IncrementAuthorizationRequest:
    """Return an increment of one of the company's authorizations."""
    return charging_pb2.IncrementAuthorizationRequest(
        **{"authorization": hold(of), "idempotency_key": "new", "amount_micros": 1, **fields}
    )


def capture(of: str = "open", /, **fields: Any) -> charging_pb2.CaptureRequest:
    """Return a capture of one of the company's authorizations."""
    return charging_pb2.CaptureRequest(
        **{"authorization": hold(of), "idempotency_key": "new", "amount_micros": 1, **fields}
    )


def void(of: str = "open", /, **fields: Any) -> charging_pb2.VoidRequest:
    """Return a void of one of the company's authorizations."""
    return charging_pb2.VoidRequest(**{"authorization": hold(of), "idempotency_key": "new", **fields})


def hold(authorization: str, company: str = "bad") -> str:
    """Return an authorization's name."""
    return f"companies/{company}/authorizations/{authorization}"


def top_up(*, parent: str = "companies/bad", key: str = "new", **fields: Any) -> top_up_pb2.CreateTopUpRequest:
    """Return a top-up that would be credited, but for the fields that are given."""
    good = {"amount_micros": 1, "currency_code": "EUR", "method": top_up_pb2.TopUp.METHOD_MANUAL}
    return top_up_pb2.CreateTopUpRequest(
        parent=parent, idempotency_key=key, top_up=top_up_pb2.TopUp(**{**good, **fields})
    )


def create(company_id: str = "new", **fields: Any) -> company_pb2.CreateCompanyRequest:
    """Return the making of a company, in EUR where nothing else is given."""
    return company_pb2.CreateCompanyRequest(
        company_id=company_id, company=company_pb2.Company(**{"currency_code": "EUR", **fields})
    )


def update(*paths: str, name: str = "companies/bad", **fields: Any) -> company_pb2.UpdateCompanyRequest:
    """Return a change of a company."""
    return company_pb2.UpdateCompanyRequest(
        company=company_pb2.Company(name=name, **fields), update_mask=FieldMask(paths=paths)
    )


def limit(spend_limit_id: str = "new", *, parent: str = "companies/bad", **fields: Any) -> Any:
    """Return the making of a spend limit for a day."""
    good = {"window": rule_pb2.SpendLimit.WINDOW_DAY, "amount_micros": 2}
    return rule_pb2.CreateSpendLimitRequest(
        parent=parent, spend_limit_id=spend_limit_id, spend_limit=rule_pb2.SpendLimit(**{**good, **fields})
    )


def changed_limit(name: str = "companies/braked/spendLimits/daily", **fields: Any) -> Any:
    """Return a change of a spend limit."""
    return rule_pb2.UpdateSpendLimitRequest(spend_limit=rule_pb2.SpendLimit(name=name, amount_micros=2, **fields))


def policy(*paths: str, name: str = "companies/bad/alertPolicy", **thresholds: Any) -> Any:
    """Return a change of an alert policy."""
    return rule_pb2.UpdateAlertPolicyRequest(
        alert_policy=rule_pb2.AlertPolicy(name=name, **thresholds), update_mask=FieldMask(paths=paths)
    )


def threshold(**fields: Any) -> Any:
    """Return a threshold: time_left in seconds, or amount_micros."""
    if "time_left" in fields:
        fields["time_left"] = Duration(seconds=fields["time_left"])
    return rule_pb2.AlertPolicy.Threshold(**fields)


def statement(token: str = "", size: int = 0, parent: str = "companies/bad") -> transaction_pb2.ListTransactionsRequest:
    """Return the reading of a statement."""
    return transaction_pb2.ListTransactionsRequest(parent=parent, page_token=token, page_size=size)


def forged(text: str) -> str:
    """Return a page token as the service makes them, with a text of one's own."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


CHARGES: dict[str, tuple[charging_pb2.ChargeRequest, str]] = {
    "company missing": (without(charge(), "company"), "company"),
    "company without its collection": (charge(company="bad"), "company"),
    "company in capitals": (charge(company="companies/BAD"), "company"),
    "company with more behind it": (charge(company="companies/bad/wallet"), "company"),
    "company with a line end": (charge(company="companies/bad\n"), "company"),
    "company with NUL": (charge(company="companies/bad\0"), "company"),
    "company too long": (charge(company="companies/" + "a" * 64), "company"),
    "amount zero": (charge(amount_micros=0), "amount_micros"),
    "amount negative": (charge(amount_micros=-1), "amount_micros"),
    "amount above the range": (charge(amount_micros=MICROS_MAX + 1), "amount_micros"),
    "amount the largest integer": (charge(amount_micros=2**63 - 1), "amount_micros"),
    "amount the smallest integer": (charge(amount_micros=-(2**63)), "amount_micros"),
    "key missing": (charge(idempotency_key=""), "idempotency_key"),
    "key too long": (charge(idempotency_key="k" * 129), "idempotency_key"),
    "key of the service's own": (charge(idempotency_key="~expiry"), "idempotency_key"),
    "key with a space": (charge(idempotency_key="sms 1"), "idempotency_key"),
    "key with a line end": (charge(idempotency_key="sms-1\n"), "idempotency_key"),
    "key with NUL": (charge(idempotency_key="sms\0"), "idempotency_key"),
    "key not ASCII": (charge(idempotency_key="schlüssel"), "idempotency_key"),
    "usage missing": (without(charge(), "usage"), "usage"),
    "channel missing": (charge(usage=usage(channel=0)), "usage.channel"),
    "channel unknown": (charge(usage=usage(channel=99)), "usage.channel"),
    "country unknown": (charge(usage=usage(destination="ZZ")), "usage.destination"),
    "country of three letters": (charge(usage=usage(destination="DEU")), "usage.destination"),
    "country in small letters": (charge(usage=usage(destination="de")), "usage.destination"),
    "calling code unassigned": (charge(usage=usage(destination="+999123456")), "usage.destination"),
    "number with letters": (charge(usage=usage(destination="+49CALLME")), "usage.destination"),
    "number without +": (charge(usage=usage(destination="4915112345678")), "usage.destination"),
    "number too short": (charge(usage=usage(destination="+4915")), "usage.destination"),
    "number too long": (charge(usage=usage(destination="+4915112345678901")), "usage.destination"),
    "quantity zero": (charge(usage=usage(quantity=0)), "usage.quantity"),
    "quantity negative": (charge(usage=usage(quantity=-1)), "usage.quantity"),
    "quantity too large": (charge(usage=usage(quantity=1_000_000_001)), "usage.quantity"),
    "variant in capitals": (charge(usage=usage(variant="Template")), "usage.variant"),
    "variant with an empty part": (charge(usage=usage(variant="template..marketing")), "usage.variant"),
    "campaign with NUL": (charge(usage=usage(campaign_id="spring\0")), "usage.campaign_id"),
    "campaign with a control character": (charge(usage=usage(campaign_id="spring\x1b[0m")), "usage.campaign_id"),
    "contact with DEL": (charge(usage=usage(contact_id="c\x7f")), "usage.contact_id"),
    "contact too long": (charge(usage=usage(contact_id="c" * 129)), "usage.contact_id"),
}
"""What is wrong → the charge, and the field that it is."""

OTHERS: dict[str, tuple[str, Any, str]] = {
    "authorization held for no time": ("charging.Authorize", authorize(ttl=Duration(nanos=5)), "ttl"),
    "authorization held for ever": ("charging.Authorize", authorize(ttl=Duration(seconds=31 * 86400 + 1)), "ttl"),
    "increment to zero": ("charging.IncrementAuthorization", increment("open", amount_micros=0), "amount_micros"),
    "increment for an unknown country": (
        "charging.IncrementAuthorization",
        increment("open", usage=usage(destination="QX")),
        "usage.destination",
    ),
    "increment of something else": (
        "charging.IncrementAuthorization",
        increment(authorization="companies/bad/wallet"),
        "authorization",
    ),
    "capture of less than nothing": ("charging.Capture", capture("open", amount_micros=-5), "amount_micros"),
    "capture of the service's own": ("charging.Capture", capture("~open"), "authorization"),
    "capture under no key": ("charging.Capture", capture("open", idempotency_key=""), "idempotency_key"),
    "void of nothing": ("charging.Void", void(authorization=""), "authorization"),
    "void under a bad key": ("charging.Void", void("open", idempotency_key="~"), "idempotency_key"),
    "authorization read by a bad name": (
        "charging.GetAuthorization",
        charging_pb2.GetAuthorizationRequest(name="companies/bad/authorizations/"),
        "name",
    ),
    "wallet read by a bad name": ("charging.GetWallet", charging_pb2.GetWalletRequest(name="companies/bad"), "name"),
    "batch of none": ("charging.BatchCharge", charging_pb2.BatchChargeRequest(), "requests"),
    "batch of 1 001": ("charging.BatchCharge", charging_pb2.BatchChargeRequest(requests=[charge()] * 1001), "requests"),
    "company id in capitals": ("companies.CreateCompany", create("ACME"), "company_id"),
    "company id with a slash": ("companies.CreateCompany", create("a/b"), "company_id"),
    "company missing": ("companies.CreateCompany", company_pb2.CreateCompanyRequest(company_id="new"), "company"),
    "company without a currency": ("companies.CreateCompany", create(currency_code=""), "company.currency_code"),
    "company in no currency": ("companies.CreateCompany", create(currency_code="XXX"), "company.currency_code"),
    "company with a currency in small letters": (
        "companies.CreateCompany",
        create(currency_code="eur"),
        "company.currency_code",
    ),
    "company with NUL in its name": ("companies.CreateCompany", create(display_name="A\0"), "company.display_name"),
    "company with a line end in its name": (
        "companies.CreateCompany",
        create(display_name="A\nB"),
        "company.display_name",
    ),
    "company with a name too long": ("companies.CreateCompany", create(display_name="A" * 201), "company.display_name"),
    "company with an address that is none": (
        "companies.CreateCompany",
        create(billing_email="nobody"),
        "company.billing_email",
    ),
    "company with a line end in its address": (
        "companies.CreateCompany",
        create(billing_email="a@shop.example\n"),
        "company.billing_email",
    ),
    "company with a floor out of range": (
        "companies.CreateCompany",
        create(floor_micros=-MICROS_MAX - 1),
        "company.floor_micros",
    ),
    "companies by a negative page size": (
        "companies.ListCompanies",
        company_pb2.ListCompaniesRequest(page_size=-1),
        "page_size",
    ),
    "companies by garbage": (
        "companies.ListCompanies",
        company_pb2.ListCompaniesRequest(page_token="garbage"),
        "page_token",
    ),
    "companies by a forged token": (
        "companies.ListCompanies",
        company_pb2.ListCompaniesRequest(page_token=forged("companies a\0")),
        "page_token",
    ),
    "companies by a token of another list": (
        "companies.ListCompanies",
        company_pb2.ListCompaniesRequest(page_token=forged("companies/bad 5")),
        "page_token",
    ),
    "update of a field that is none": ("companies.UpdateCompany", update("floor"), "update_mask"),
    "update of a part of a field": ("companies.UpdateCompany", update("create_time.seconds"), "update_mask"),
    "update of everything and more": ("companies.UpdateCompany", update("*", "display_name"), "update_mask"),
    "update of the currency": (
        "companies.UpdateCompany",
        update("currency_code", currency_code="USD"),
        "company.currency_code",
    ),
    "update of the currency, without a mask": (
        "companies.UpdateCompany",
        update(currency_code="USD", display_name="Other"),
        "company.currency_code",
    ),
    "update of the state": (
        "companies.UpdateCompany",
        update("state", state=wallet_pb2.Wallet.STATE_SUSPENDED),
        "update_mask",
    ),
    "update of the state, without a mask": (
        "companies.UpdateCompany",
        update(state=wallet_pb2.Wallet.STATE_SUSPENDED),
        "company.state",
    ),
    "update of everything, the state included": (
        "companies.UpdateCompany",
        update("*", state=wallet_pb2.Wallet.STATE_SUSPENDED),
        "company.state",
    ),
    "update of nobody": ("companies.UpdateCompany", update("display_name", name=""), "company.name"),
    "update with a control character": (
        "companies.UpdateCompany",
        update("display_name", display_name="\x07"),
        "company.display_name",
    ),
    "top-up missing": (
        "top_ups.CreateTopUp",
        top_up_pb2.CreateTopUpRequest(parent="companies/bad", idempotency_key="new"),
        "top_up",
    ),
    "top-up of nothing": ("top_ups.CreateTopUp", top_up(amount_micros=0), "top_up.amount_micros"),
    "top-up of less than nothing": ("top_ups.CreateTopUp", top_up(amount_micros=-1), "top_up.amount_micros"),
    "top-up out of range": ("top_ups.CreateTopUp", top_up(amount_micros=MICROS_MAX + 1), "top_up.amount_micros"),
    "top-up without a currency": ("top_ups.CreateTopUp", top_up(currency_code=""), "top_up.currency_code"),
    "top-up by no method": ("top_ups.CreateTopUp", top_up(method=0), "top_up.method"),
    "top-up by an unknown method": ("top_ups.CreateTopUp", top_up(method=77), "top_up.method"),
    "top-up with NUL in its reference": ("top_ups.CreateTopUp", top_up(reference="wire\0"), "top_up.reference"),
    "top-up under a key of the service's own": ("top_ups.CreateTopUp", top_up(key="~expiry/open"), "idempotency_key"),
    "statement of a bad name": ("transactions.ListTransactions", statement(parent="companies/bad/"), "parent"),
    "statement by a negative page size": ("transactions.ListTransactions", statement(size=-1), "page_size"),
    "statement by garbage": ("transactions.ListTransactions", statement("%%%"), "page_token"),
    "statement by a token too long": ("transactions.ListTransactions", statement("A" * 257), "page_token"),
    "statement by another company's token": (
        "transactions.ListTransactions",
        statement(forged("companies/full 2")),
        "page_token",
    ),
    "statement by a forged token": (
        "transactions.ListTransactions",
        statement(forged("companies/bad seven")),
        "page_token",
    ),
    "statement by a token past every number": (
        "transactions.ListTransactions",
        statement(forged(f"companies/bad {10**30}")),
        "page_token",
    ),
    "transaction zero": (
        "transactions.GetTransaction",
        transaction_pb2.GetTransactionRequest(name="companies/bad/transactions/0"),
        "name",
    ),
    "rebuilding of a bad name": ("ledger.RebuildWallet", ledger_pb2.RebuildWalletRequest(name="companies/bad"), "name"),
}
"""What is wrong → the method, the request, and the field that it is."""

OTHERS.update(
    {
        "spend limit without a window": ("rules.CreateSpendLimit", limit(window=0), "spend_limit.window"),
        "spend limit of an unknown window": ("rules.CreateSpendLimit", limit(window=9), "spend_limit.window"),
        "spend limit below nothing": ("rules.CreateSpendLimit", limit(amount_micros=-1), "spend_limit.amount_micros"),
        "spend limit of no country": ("rules.CreateSpendLimit", limit(country_code="ZZ"), "spend_limit.country_code"),
        "spend limit of a bad id": ("rules.CreateSpendLimit", limit("A b"), "spend_limit_id"),
        "spend limit that is missing": ("rules.CreateSpendLimit", without(limit(), "spend_limit"), "spend_limit"),
        "spend limit in another window": (
            "rules.UpdateSpendLimit",
            changed_limit(window=rule_pb2.SpendLimit.WINDOW_HOUR),
            "spend_limit.window",
        ),
        "spend limit of another country": (
            "rules.UpdateSpendLimit",
            changed_limit(country_code="FR"),
            "spend_limit.country_code",
        ),
        "alert policy of a bad name": (
            "rules.GetAlertPolicy",
            rule_pb2.GetAlertPolicyRequest(name="companies/bad/wallet"),
            "name",
        ),
        "alert policy without a name": ("rules.UpdateAlertPolicy", policy(name=""), "alert_policy.name"),
        "alert policy that is missing": (
            "rules.UpdateAlertPolicy",
            rule_pb2.UpdateAlertPolicyRequest(),
            "alert_policy",
        ),
        "alert policy with another field": ("rules.UpdateAlertPolicy", policy("loudness"), "update_mask"),
        "alert threshold of nothing": (
            "rules.UpdateAlertPolicy",
            policy(warning=threshold()),
            "alert_policy.warning.kind",
        ),
        "alert threshold of seconds": (
            "rules.UpdateAlertPolicy",
            policy(warning=threshold(time_left=59)),
            "alert_policy.warning.time_left",
        ),
        "alert threshold of years": (
            "rules.UpdateAlertPolicy",
            policy(critical=threshold(time_left=366 * 86_400)),
            "alert_policy.critical.time_left",
        ),
        "alert threshold below nothing": (
            "rules.UpdateAlertPolicy",
            policy(warning=threshold(amount_micros=-1)),
            "alert_policy.warning.amount_micros",
        ),
        "alert thresholds upside down": (
            "rules.UpdateAlertPolicy",
            policy(warning=threshold(amount_micros=1), critical=threshold(amount_micros=2)),
            "alert_policy.critical",
        ),
        "spend limit without a name": ("rules.UpdateSpendLimit", changed_limit(name=""), "spend_limit.name"),
        "spend limit of a bad name": (
            "rules.DeleteSpendLimit",
            rule_pb2.DeleteSpendLimitRequest(name="companies/bad/spendLimits/"),
            "name",
        ),
        "blocked channel unknown": (
            "companies.UpdateCompany",
            update("blocked_channels", blocked_channels=[77]),
            "company.blocked_channels[0]",
        ),
        "blocked country unknown": (
            "companies.UpdateCompany",
            update("blocked_country_codes", blocked_country_codes=["ZZ"]),
            "company.blocked_country_codes",
        ),
        "blocked country twice": (
            "companies.UpdateCompany",
            update("blocked_country_codes", blocked_country_codes=["DE", "DE"]),
            "company.blocked_country_codes",
        ),
        "rate card of a bad name": (
            "companies.UpdateCompany",
            update("rate_card", rate_card="standard"),
            "company.rate_card",
        ),
    }
)

CODES = {
    "COMPANY_NOT_FOUND": "NOT_FOUND",
    "COMPANY_ALREADY_EXISTS": "ALREADY_EXISTS",
    "IDEMPOTENCY_KEY_REUSED": "INVALID_ARGUMENT",
    "CURRENCY_MISMATCH": "FAILED_PRECONDITION",
    "COMPANY_CLOSED": "FAILED_PRECONDITION",
    "WALLET_NOT_EMPTY": "FAILED_PRECONDITION",
    "AUTHORIZATION_NOT_FOUND": "NOT_FOUND",
    "AUTHORIZATION_CLOSED": "FAILED_PRECONDITION",
    "COMPANY_SUSPENDED": "FAILED_PRECONDITION",
    "DESTINATION_BLOCKED": "FAILED_PRECONDITION",
    "RATE_NOT_FOUND": "NOT_FOUND",
    "RATE_CARD_NOT_FOUND": "NOT_FOUND",
    "SPEND_LIMIT_REACHED": "FAILED_PRECONDITION",
    "SPEND_LIMIT_NOT_FOUND": "NOT_FOUND",
    "SPEND_LIMIT_ALREADY_EXISTS": "ALREADY_EXISTS",
    "INSUFFICIENT_FUNDS": "FAILED_PRECONDITION",
    "BALANCE_LIMIT_REACHED": "FAILED_PRECONDITION",
    "TRANSACTION_NOT_FOUND": "NOT_FOUND",
}
"""Reason → gRPC code."""

DECLINES: dict[str, dict[str, tuple[str, Any]]] = {
    "COMPANY_NOT_FOUND": {
        "charge of an unknown company": ("charging.Charge", charge(company=NOBODY)),
        "capture of an unknown company": ("charging.Capture", capture(authorization=hold("open", "nobody"))),
        "top-up of an unknown company": ("top_ups.CreateTopUp", top_up(parent=NOBODY)),
        "wallet of an unknown company": ("charging.GetWallet", charging_pb2.GetWalletRequest(name=f"{NOBODY}/wallet")),
        "rebuilding of an unknown company": (
            "ledger.RebuildWallet",
            ledger_pb2.RebuildWalletRequest(name=f"{NOBODY}/wallet"),
        ),
        "update of an unknown company": ("companies.UpdateCompany", update("display_name", name=NOBODY)),
        "suspension of an unknown company": (
            "companies.SuspendCompany",
            company_pb2.SuspendCompanyRequest(name=NOBODY),
        ),
        "alert policy of an unknown company": (
            "rules.GetAlertPolicy",
            rule_pb2.GetAlertPolicyRequest(name=f"{NOBODY}/alertPolicy"),
        ),
        "alert policy for an unknown company": (
            "rules.UpdateAlertPolicy",
            policy(name=f"{NOBODY}/alertPolicy", warning=threshold(amount_micros=1)),
        ),
        "limit of an unknown company": ("rules.CreateSpendLimit", limit(parent=NOBODY)),
        "limits of an unknown company": ("rules.ListSpendLimits", rule_pb2.ListSpendLimitsRequest(parent=NOBODY)),
        "statement of an unknown company": ("transactions.ListTransactions", statement(parent=NOBODY)),
        "usage of an unknown company": (
            "transactions.GetUsageSummary",
            transaction_pb2.GetUsageSummaryRequest(parent=NOBODY),
        ),
    },
    "COMPANY_ALREADY_EXISTS": {
        "company made twice": ("companies.CreateCompany", create("bad", display_name="Another")),
    },
    "IDEMPOTENCY_KEY_REUSED": {
        "charge under a top-up's key": ("charging.Charge", charge(idempotency_key="first")),
        "charge of another amount under its key": (
            "charging.Charge",
            charge(idempotency_key="charged", amount_micros=2),
        ),
        "top-up of another currency under its key": (
            "top_ups.CreateTopUp",
            top_up(key="first", amount_micros=BALANCE, currency_code="USD"),
        ),
    },
    "CURRENCY_MISMATCH": {
        "top-up in another currency": ("top_ups.CreateTopUp", top_up(currency_code="USD")),
    },
    "COMPANY_CLOSED": {
        "charge of a closed company": ("charging.Charge", charge(company="companies/closed")),
        "top-up of a closed company": ("top_ups.CreateTopUp", top_up(parent="companies/closed")),
        "void in a closed company": ("charging.Void", void(authorization=hold("open", "closed"))),
        "resumption of a closed company": (
            "companies.ResumeCompany",
            company_pb2.ResumeCompanyRequest(name="companies/closed"),
        ),
    },
    "WALLET_NOT_EMPTY": {
        "closing of a wallet with money": (
            "companies.CloseCompany",
            company_pb2.CloseCompanyRequest(name="companies/bad"),
        ),
    },
    "AUTHORIZATION_NOT_FOUND": {
        "increment of an unknown authorization": ("charging.IncrementAuthorization", increment("never")),
        "capture of an unknown authorization": ("charging.Capture", capture("never")),
        "void of an unknown authorization": ("charging.Void", void("never")),
        "capture in a suspended company of what it never held": (
            "charging.Capture",
            capture(authorization=hold("never", "suspended")),
        ),
        "unknown authorization": (
            "charging.GetAuthorization",
            charging_pb2.GetAuthorizationRequest(name=hold("never")),
        ),
        "authorization of an unknown company": (
            "charging.GetAuthorization",
            charging_pb2.GetAuthorizationRequest(name=hold("open", "nobody")),
        ),
    },
    "AUTHORIZATION_CLOSED": {
        "capture of a captured authorization": ("charging.Capture", capture("captured")),
        "capture of a voided authorization": ("charging.Capture", capture("voided")),
        "increment of a captured authorization": ("charging.IncrementAuthorization", increment("captured")),
        "void of a captured authorization": ("charging.Void", void("captured")),
    },
    "COMPANY_SUSPENDED": {
        "charge of a suspended company": ("charging.Charge", charge(company="companies/suspended")),
        "authorization in a suspended company": ("charging.Authorize", authorize(company="companies/suspended")),
    },
    "DESTINATION_BLOCKED": {
        "charge to a blocked country": ("charging.Charge", charge(company="companies/braked", usage=usage("KP"))),
        "hold for a blocked channel": (
            "charging.Authorize",
            authorize(company="companies/braked", usage=usage(channel=wallet_pb2.CHANNEL_VOICE)),
        ),
    },
    "RATE_NOT_FOUND": {
        "charge without an amount and a card": ("charging.Charge", without(charge(), "amount_micros")),
        "hold without an amount and a card": ("charging.Authorize", without(authorize(), "amount_micros")),
        "increment without an amount and a card": (
            "charging.IncrementAuthorization",
            without(increment("open"), "amount_micros"),
        ),
        "capture without an amount and a card": ("charging.Capture", without(capture("open"), "amount_micros")),
    },
    "RATE_CARD_NOT_FOUND": {
        "company with a card that there is not": (
            "companies.UpdateCompany",
            update("rate_card", rate_card="rateCards/none"),
        ),
        "new company with a card that there is not": (
            "companies.CreateCompany",
            create("other", rate_card="rateCards/none"),
        ),
    },
    "SPEND_LIMIT_REACHED": {
        "charge above the limit": ("charging.Charge", charge(company="companies/braked", amount_micros=3)),
        "hold above the limit": ("charging.Authorize", authorize(company="companies/braked", amount_micros=3)),
    },
    "SPEND_LIMIT_NOT_FOUND": {
        "unknown limit": (
            "rules.GetSpendLimit",
            rule_pb2.GetSpendLimitRequest(name="companies/bad/spendLimits/none"),
        ),
        "change of an unknown limit": (
            "rules.UpdateSpendLimit",
            changed_limit(name="companies/bad/spendLimits/none"),
        ),
        "deletion of an unknown limit": (
            "rules.DeleteSpendLimit",
            rule_pb2.DeleteSpendLimitRequest(name="companies/nobody/spendLimits/none"),
        ),
    },
    "SPEND_LIMIT_ALREADY_EXISTS": {
        "limit made twice": ("rules.CreateSpendLimit", limit("daily", parent="companies/braked")),
    },
    "INSUFFICIENT_FUNDS": {
        "charge of a micro too much": ("charging.Charge", charge(amount_micros=AVAILABLE + 1)),
        "authorization of a micro too much": ("charging.Authorize", authorize(amount_micros=AVAILABLE + 1)),
        "increment by a micro too much": (
            "charging.IncrementAuthorization",
            increment("open", amount_micros=HELD + AVAILABLE + 1),
        ),
        "capture of a micro too much": ("charging.Capture", capture("open", amount_micros=HELD + AVAILABLE + 1)),
    },
    "BALANCE_LIMIT_REACHED": {
        "top-up of a full wallet": ("top_ups.CreateTopUp", top_up(parent="companies/full")),
    },
    "TRANSACTION_NOT_FOUND": {
        "unknown transaction": (
            "transactions.GetTransaction",
            transaction_pb2.GetTransactionRequest(name="companies/bad/transactions/999999999999999999"),
        ),
        "transaction of an unknown company": (
            "transactions.GetTransaction",
            transaction_pb2.GetTransactionRequest(name=f"{NOBODY}/transactions/1"),
        ),
    },
}
"""Reason → what is wrong → the method and the request."""
