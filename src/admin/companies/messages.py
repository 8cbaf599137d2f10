"""UpdateCompany's field mask (AIP-134)."""

from typing import NamedTuple

from admin.companies.domain import CompanyChange
from admin.rpc.field_masks import ResourceFields, fields_to_update, requested_fields
from server.countries import COUNTRIES
from server.rejections import invalid
from server.validation import check_name
from veloconnect.admin.v1 import company_pb2
from wallet.domain.resource_names import COMPANY, RATE_CARD
from wallet.domain.usage import Channel

_FIXED = "currency_code"
_STATE = "state"
_FIELDS = ResourceFields(
    "a company",
    mutable=frozenset(
        {"display_name", "billing_email", "floor_micros", "rate_card", "blocked_channels", "blocked_country_codes"}
    ),
    immutable=frozenset({_FIXED}),
    output_only=frozenset({"name", "create_time", "update_time"}),
)


class Update(NamedTuple):
    """What is asked. `currency` is the wallet's as the caller has it, None where it was not sent."""

    company: str
    change: CompanyChange
    currency: str | None


def change_of(request: company_pb2.UpdateCompanyRequest) -> Update:
    """Return what is to change. Raises InvalidRequest for a bad name, the state, and other fields than a company's."""
    asked = request.company
    check_name(COMPANY, asked.name, "company.name", "a company, such as companies/acme")
    paths = _paths(request)
    change = CompanyChange(
        display_name=asked.display_name if "display_name" in paths else None,
        billing_email=asked.billing_email if "billing_email" in paths else None,
        floor=asked.floor_micros if "floor_micros" in paths else None,
        rate_card=RATE_CARD.parse_optional(asked.rate_card) if "rate_card" in paths else None,
        blocked_channels=channels_of(asked) if "blocked_channels" in paths else None,
        blocked_countries=countries_of(asked) if "blocked_country_codes" in paths else None,
    )
    return Update(COMPANY.parse(asked.name), change, asked.currency_code if _FIXED in paths else None)


def channels_of(asked: company_pb2.Company) -> tuple[Channel, ...]:
    """Return the channels that are to be blocked."""
    return tuple(Channel(int(channel)) for channel in asked.blocked_channels)


def countries_of(asked: company_pb2.Company) -> tuple[str, ...]:
    """Return the countries that are to be blocked. Raises InvalidRequest for one that there is not."""
    if unknown := set(asked.blocked_country_codes) - COUNTRIES:
        raise invalid("company.blocked_country_codes", f"{min(unknown)} is no country of ISO 3166-1")
    return tuple(asked.blocked_country_codes)


def _paths(request: company_pb2.UpdateCompanyRequest) -> frozenset[str]:
    """Return the fields to take over; the state has methods of its own."""
    if _STATE in requested_fields(request.company, request.update_mask):
        raise invalid(
            "update_mask" if _STATE in request.update_mask.paths else "company.state",
            "use SuspendCompany, ResumeCompany or CloseCompany",
        )
    return fields_to_update(request.company, request.update_mask, _FIELDS)
