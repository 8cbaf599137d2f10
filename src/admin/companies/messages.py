"""Parsing of the messages of companies."""

from typing import NamedTuple

from admin.companies.domain import CompanyChange
from admin.rpc.field_masks import ResourceFields, fields_to_update, requested_fields
from server.countries import COUNTRIES
from server.rejections import invalid
from server.validation import check_name
from veloconnect.admin.v1 import company_pb2
from wallet.domain.resource_names import COMPANY, RATE_CARD
from wallet.domain.usage import Channel

_IMMUTABLE = "currency_code"
_STATE = "state"
_FIELDS = ResourceFields(
    "a company",
    mutable=frozenset(
        {"display_name", "billing_email", "floor_micros", "rate_card", "blocked_channels", "blocked_country_codes"}
    ),
    immutable=frozenset({_IMMUTABLE}),
    output_only=frozenset({"name", "create_time", "update_time"}),
)


class CompanyUpdate(NamedTuple):
    """A request to update a company. `currency` is the currency that the caller expects, None if it was not sent."""

    company: str
    change: CompanyChange
    currency: str | None


def update_of(request: company_pb2.UpdateCompanyRequest) -> CompanyUpdate:
    """Return the update of a request. Raises InvalidRequest for an invalid name or field mask, and for the state."""
    company = request.company
    check_name(COMPANY, company.name, "company.name", "a company, such as companies/acme")
    paths = _paths(request)
    change = CompanyChange(
        display_name=company.display_name if "display_name" in paths else None,
        billing_email=company.billing_email if "billing_email" in paths else None,
        floor=company.floor_micros if "floor_micros" in paths else None,
        rate_card=RATE_CARD.parse_optional(company.rate_card) if "rate_card" in paths else None,
        blocked_channels=channels_of(company) if "blocked_channels" in paths else None,
        blocked_countries=countries_of(company) if "blocked_country_codes" in paths else None,
    )
    return CompanyUpdate(COMPANY.parse(company.name), change, company.currency_code if _IMMUTABLE in paths else None)


def channels_of(company: company_pb2.Company) -> tuple[Channel, ...]:
    """Return the channels to block."""
    return tuple(Channel(int(channel)) for channel in company.blocked_channels)


def countries_of(company: company_pb2.Company) -> tuple[str, ...]:
    """Return the countries to block. Raises InvalidRequest for an unknown country."""
    if unknown := set(company.blocked_country_codes) - COUNTRIES:
        raise invalid("company.blocked_country_codes", f"{min(unknown)} is not a country of ISO 3166-1")
    return tuple(company.blocked_country_codes)


def _paths(request: company_pb2.UpdateCompanyRequest) -> frozenset[str]:
    """Return the fields to update. Raises InvalidRequest for the state, which has methods of its own."""
    if _STATE in requested_fields(request.company, request.update_mask):
        raise invalid(
            "update_mask" if _STATE in request.update_mask.paths else "company.state",
            "use SuspendCompany, ResumeCompany or CloseCompany",
        )
    return fields_to_update(request.company, request.update_mask, _FIELDS)
