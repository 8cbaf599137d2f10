"""Requests to commands. Every request has passed the rules of its proto; what they cannot say is checked here."""

from typing import TypeAlias

from google.protobuf.duration_pb2 import Duration

from server.countries import UnknownCountry, country_of
from server.fingerprint import fingerprint
from server.names import parse_authorization, parse_company
from server.rejections import InvalidRequest, Violation
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.commands import Command, Kind
from wallet.domain.usage import Channel, Usage

TTL_SECONDS_DEFAULT = 3600

Priced: TypeAlias = (
    charging_pb2.ChargeRequest
    | charging_pb2.AuthorizeRequest
    | charging_pb2.IncrementAuthorizationRequest
    | charging_pb2.CaptureRequest
)
"""A request that says what was used and what it costs."""

_CHANNELS = {int(channel): channel for channel in Channel}


def charge(request: charging_pb2.ChargeRequest) -> Command:
    """Return the command that takes the price of a usage. Raises InvalidRequest."""
    amount, usage = _price(request)
    return Command(
        Kind.CHARGE,
        parse_company(request.company),
        request.idempotency_key,
        fingerprint(Kind.CHARGE, request),
        amount,
        usage,
    )


def authorize(request: charging_pb2.AuthorizeRequest) -> Command:
    """Return the command that opens an authorization, named by its idempotency key. Raises InvalidRequest."""
    amount, usage = _price(request)
    return Command(
        Kind.AUTHORIZATION,
        parse_company(request.company),
        request.idempotency_key,
        fingerprint(Kind.AUTHORIZATION, request),
        amount,
        usage,
        authorization=request.idempotency_key,
        ttl_seconds=_seconds(request.ttl) if request.HasField("ttl") else TTL_SECONDS_DEFAULT,
    )


def increment(request: charging_pb2.IncrementAuthorizationRequest) -> Command:
    """Return the command that changes an authorization's total. Raises InvalidRequest."""
    return _on_authorization(Kind.INCREMENT, request, keep_open=False)


def capture(request: charging_pb2.CaptureRequest) -> Command:
    """Return the command that takes from an authorization. Raises InvalidRequest."""
    return _on_authorization(Kind.CAPTURE, request, keep_open=request.keep_open)


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


def _on_authorization(
    kind: Kind,
    request: charging_pb2.IncrementAuthorizationRequest | charging_pb2.CaptureRequest,
    *,
    keep_open: bool,
) -> Command:
    company, authorization = parse_authorization(request.authorization)
    amount, usage = _price(request)
    return Command(
        kind,
        company,
        request.idempotency_key,
        fingerprint(kind, request),
        amount,
        usage,
        authorization=authorization,
        keep_open=keep_open,
    )


def _price(request: Priced) -> tuple[int, Usage | None]:
    """Return the amount in micros and the usage; None where there is none. Raises InvalidRequest."""
    violations: list[Violation] = []
    if not request.HasField("amount_micros"):
        violations.append(Violation("amount_micros", "is required: there are no rate cards to price the usage by"))
    usage = None
    if request.HasField("usage"):
        try:
            usage = _usage(request.usage)
        except UnknownCountry as error:
            violations.append(Violation("usage.destination", str(error)))
    if violations:
        raise InvalidRequest(violations=violations)
    return request.amount_micros, usage


def _usage(usage: wallet_pb2.Usage) -> Usage:
    """Return the usage with the country in place of the number. Raises UnknownCountry."""
    return Usage(
        _CHANNELS[usage.channel],
        usage.variant,
        country_of(usage.destination),
        usage.quantity if usage.HasField("quantity") else 1,
        usage.campaign_id,
        usage.contact_id,
    )


def _seconds(ttl: Duration) -> int:
    """Return whole seconds: a part of one counts as one, so that nothing is held for less than was asked."""
    return ttl.seconds + (ttl.nanos > 0)
