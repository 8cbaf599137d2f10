"""Requests of CompanyService that must be refused."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from tests.acceptance.bad_requests.makers import MICROS_MAX, UNKNOWN, BadRequest, RefusedRequest, create, forged
from veloconnect.admin.v1 import company_pb2
from veloconnect.wallet.v1 import wallet_pb2


def update(*paths: str, name: str = "companies/bad", **fields: Any) -> company_pb2.UpdateCompanyRequest:
    """Return a change of a company."""
    return company_pb2.UpdateCompanyRequest(
        company=company_pb2.Company(name=name, **fields), update_mask=FieldMask(paths=paths)
    )


BAD: dict[str, BadRequest] = {
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
    "update without a name": ("companies.UpdateCompany", update("display_name", name=""), "company.name"),
    "update with a control character": (
        "companies.UpdateCompany",
        update("display_name", display_name="\x07"),
        "company.display_name",
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
"""Case → method, request, invalid field."""

REFUSED: dict[str, RefusedRequest] = {
    "update of an unknown company": (
        "companies.UpdateCompany",
        update("display_name", name=UNKNOWN),
        "COMPANY_NOT_FOUND",
    ),
    "suspension of an unknown company": (
        "companies.SuspendCompany",
        company_pb2.SuspendCompanyRequest(name=UNKNOWN),
        "COMPANY_NOT_FOUND",
    ),
    "company made twice": ("companies.CreateCompany", create("bad", display_name="Another"), "COMPANY_ALREADY_EXISTS"),
    "resumption of a closed company": (
        "companies.ResumeCompany",
        company_pb2.ResumeCompanyRequest(name="companies/closed"),
        "COMPANY_CLOSED",
    ),
    "closing of a wallet with money": (
        "companies.CloseCompany",
        company_pb2.CloseCompanyRequest(name="companies/bad"),
        "WALLET_NOT_EMPTY",
    ),
    "company with a card that there is not": (
        "companies.UpdateCompany",
        update("rate_card", rate_card="rateCards/none"),
        "RATE_CARD_NOT_FOUND",
    ),
    "new company with a card that there is not": (
        "companies.CreateCompany",
        create("other", rate_card="rateCards/none"),
        "RATE_CARD_NOT_FOUND",
    ),
}
"""Case → method, request, reason."""
