"""Makers of good requests, which the bad ones are made from, and the shapes of the tables of bad ones.

`companies/bad` is the company of a good request: test_bad_input.py makes it, and what else is named here.
"""

import base64
from collections.abc import Mapping
from typing import Any

from veloconnect.admin.v1 import company_pb2, top_up_pb2
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

MICROS_MAX = 9_000_000_000_000_000
BALANCE = 1_000_000
HELD = 250_000
AVAILABLE = BALANCE - HELD - 2
"""After a capture and a charge of a micro each."""
UNKNOWN = "companies/unknown"

BadRequest = tuple[str, Any, str]
"""The method, the request (the messages of a stream in a list), and the field that is wrong."""


RefusedRequest = tuple[str, Any, str] | tuple[str, Any, str, Mapping[str, Any]]
"""The method, the request (the messages of a stream in a list), the reason, and the metadata where they are the
request's own and not those of every such answer.
"""


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


def forged(text: str) -> str:
    """Return a page token as the service makes them, with a text of one's own."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
