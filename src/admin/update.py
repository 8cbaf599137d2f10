"""UpdateCompany's field mask (AIP-134)."""

import re
from typing import NamedTuple

from server.names import parse_company
from server.rejections import invalid
from veloconnect.admin.v1 import company_pb2
from wallet.domain.companies import CompanyChange

_NAME = re.compile(r"companies/[a-z0-9][a-z0-9_-]{0,62}")
_CHANGING = frozenset({"display_name", "billing_email", "floor_micros"})
_FIXED = "currency_code"
_STATE = "state"
_OUTPUT_ONLY = frozenset({"name", "create_time", "update_time"})
"""May stand in a mask, and are passed over (AIP-203)."""
_EVERYTHING = "*"


class Update(NamedTuple):
    """What is asked. `currency` is the wallet's as the caller has it, None where it was not sent."""

    company: str
    change: CompanyChange
    currency: str | None


def change_of(request: company_pb2.UpdateCompanyRequest) -> Update:
    """Return what is to change. Raises InvalidRequest for a bad name, the state, and other fields than a company's."""
    asked = request.company
    if not _NAME.fullmatch(asked.name):
        how = "must be" if asked.name else "is required:"
        raise invalid("company.name", f"{how} the name of a company, such as companies/acme")
    paths = _paths(request)
    change = CompanyChange(
        display_name=asked.display_name if "display_name" in paths else None,
        billing_email=asked.billing_email if "billing_email" in paths else None,
        floor=asked.floor_micros if "floor_micros" in paths else None,
    )
    return Update(parse_company(asked.name), change, asked.currency_code if _FIXED in paths else None)


def _paths(request: company_pb2.UpdateCompanyRequest) -> frozenset[str]:
    """Return the fields to take over: those of the mask, or without one those that are set."""
    sent = frozenset(field.name for field, _ in request.company.ListFields())
    mask = frozenset(request.update_mask.paths)
    if _STATE in (sent if not mask or _EVERYTHING in mask else mask):
        raise invalid(
            "update_mask" if _STATE in mask else "company.state", "use SuspendCompany, ResumeCompany or CloseCompany"
        )
    if not mask:
        return sent
    if _EVERYTHING in mask:
        if len(mask) > 1:
            raise invalid("update_mask", "* stands for all fields and must stand alone")
        return _CHANGING | (sent & {_FIXED})
    if unknown := mask - _CHANGING - _OUTPUT_ONLY - {_FIXED}:
        raise invalid("update_mask", f"{min(unknown)[:64]} is no field of a company")
    return mask
