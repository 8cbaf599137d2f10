"""Convert requests to commands. They have passed the rules of their protos; the rules beyond those are checked here."""

from typing import TypeAlias

from google.protobuf.duration_pb2 import Duration

from charging.pricing import AuthorizationUsage, Priced, Pricing
from server.fingerprint import fingerprint
from server.usage_messages import usage_of
from veloconnect.charging.v1 import charging_pb2
from wallet.domain.commands import Command, Kind
from wallet.domain.resource_names import AUTHORIZATION, COMPANY

TTL_SECONDS_DEFAULT = 3600

OnAuthorization: TypeAlias = charging_pb2.IncrementAuthorizationRequest | charging_pb2.CaptureRequest


def charge(request: charging_pb2.ChargeRequest, pricing: Pricing) -> Command:
    """Return the command that charges the price of a usage. Raises InvalidRequest."""
    company = COMPANY.parse(request.company)
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
    company = COMPANY.parse(request.company)
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


def authorization_usage(request: OnAuthorization) -> AuthorizationUsage:
    """Return the usage and amount of a request that changes an authorization. Raises InvalidRequest."""
    company, authorization = AUTHORIZATION.parse(request.authorization)
    used = usage_of(request.usage) if request.HasField("usage") else None
    amount = request.amount_micros if request.HasField("amount_micros") else None
    return AuthorizationUsage(company, authorization, used, amount)


def increment(request: charging_pb2.IncrementAuthorizationRequest, priced: Priced) -> Command:
    """Return the command that changes an authorization's total to the price of its usage."""
    return _on_authorization(Kind.INCREMENT, request, priced, keep_open=False)


def capture(request: charging_pb2.CaptureRequest, priced: Priced) -> Command:
    """Return the command that captures the price of a usage from an authorization."""
    return _on_authorization(Kind.CAPTURE, request, priced, keep_open=request.keep_open)


def void(request: charging_pb2.VoidRequest) -> Command:
    """Return the command that releases an authorization."""
    company, authorization = AUTHORIZATION.parse(request.authorization)
    return Command(
        Kind.VOID,
        company,
        request.idempotency_key,
        fingerprint(Kind.VOID, request),
        authorization=authorization,
    )


def _on_authorization(kind: Kind, request: OnAuthorization, priced: Priced, *, keep_open: bool) -> Command:
    company, authorization = AUTHORIZATION.parse(request.authorization)
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
    """Return a duration in whole seconds, rounded up, so that nothing is held for less than was requested."""
    return ttl.seconds + (ttl.nanos > 0)
