"""Requests to commands. Every request has passed the rules of its proto; what they cannot say is checked here."""

from typing import TypeAlias

from google.protobuf.duration_pb2 import Duration

from charging.pricing import Priced, Pricing
from server.fingerprint import fingerprint
from server.names import parse_authorization, parse_company
from server.usage import Used, usage_of
from veloconnect.charging.v1 import charging_pb2
from wallet.domain.commands import Command, Kind

TTL_SECONDS_DEFAULT = 3600


def charge(request: charging_pb2.ChargeRequest, pricing: Pricing) -> Command:
    """Return the command that takes the price of a usage. Raises InvalidRequest."""
    company = parse_company(request.company)
    used = usage_of(request.usage)
    if request.HasField("amount_micros"):
        amount, price, usage, unpriced = Priced(request.amount_micros, None, used.usage)
    else:
        amount, price, usage, unpriced = pricing.by_card(company, used)
    return Command(
        Kind.CHARGE,
        company,
        request.idempotency_key,
        fingerprint(Kind.CHARGE, request),
        amount,
        usage,
        price=price,
        unpriced=unpriced,
    )


def authorize(request: charging_pb2.AuthorizeRequest, pricing: Pricing) -> Command:
    """Return the command that opens an authorization, named by its idempotency key. Raises InvalidRequest."""
    company = parse_company(request.company)
    used = usage_of(request.usage)
    if request.HasField("amount_micros"):
        amount, price, usage, unpriced = pricing.authorized(company, used, request.amount_micros)
    else:
        amount, price, usage, unpriced = pricing.by_card(company, used)
    return Command(
        Kind.AUTHORIZATION,
        company,
        request.idempotency_key,
        fingerprint(Kind.AUTHORIZATION, request),
        amount,
        usage,
        authorization=request.idempotency_key,
        ttl_seconds=_seconds(request.ttl) if request.HasField("ttl") else TTL_SECONDS_DEFAULT,
        price=price,
        unpriced=unpriced,
    )


async def increment(request: charging_pb2.IncrementAuthorizationRequest, pricing: Pricing) -> Command:
    """Return the command that changes an authorization's total. Raises InvalidRequest, LedgerUnavailable."""
    used = _used(request)
    priced = _named(request, used) or await pricing.increased(*parse_authorization(request.authorization), used)
    return _on_authorization(Kind.INCREMENT, request, priced, keep_open=False)


async def capture(request: charging_pb2.CaptureRequest, pricing: Pricing) -> Command:
    """Return the command that takes from an authorization. Raises InvalidRequest, LedgerUnavailable."""
    used, closes = _used(request), not request.keep_open
    priced = _named(request, used) or await pricing.captured(
        *parse_authorization(request.authorization), used, closes=closes
    )
    return _on_authorization(Kind.CAPTURE, request, priced, keep_open=request.keep_open)


def void(request: charging_pb2.VoidRequest) -> Command:
    """Return the command that gives an authorization back."""
    company, authorization = parse_authorization(request.authorization)
    return Command(
        Kind.VOID,
        company,
        request.idempotency_key,
        fingerprint(Kind.VOID, request),
        authorization=authorization,
    )


OnAuthorization: TypeAlias = charging_pb2.IncrementAuthorizationRequest | charging_pb2.CaptureRequest


def _used(request: OnAuthorization) -> Used | None:
    """Return what a request names as used; None where it leaves that to its authorization. Raises InvalidRequest."""
    return usage_of(request.usage) if request.HasField("usage") else None


def _named(request: OnAuthorization, used: Used | None) -> Priced | None:
    """Return the amount that a request names; None where it names none."""
    if not request.HasField("amount_micros"):
        return None
    return Priced(request.amount_micros, None, None if used is None else used.usage)


def _on_authorization(
    kind: Kind,
    request: OnAuthorization,
    priced: Priced,
    *,
    keep_open: bool,
) -> Command:
    company, authorization = parse_authorization(request.authorization)
    return Command(
        kind,
        company,
        request.idempotency_key,
        fingerprint(kind, request),
        priced.amount,
        priced.usage,
        authorization=authorization,
        keep_open=keep_open,
        price=priced.price,
        unpriced=priced.unpriced,
    )


def _seconds(ttl: Duration) -> int:
    """Return whole seconds: a part of one counts as one, so that nothing is held for less than was asked."""
    return ttl.seconds + (ttl.nanos > 0)
