"""Requests of ChargingService that must be refused."""

from google.protobuf.duration_pb2 import Duration

from tests.acceptance.bad_requests.makers import (
    AVAILABLE,
    HELD,
    MICROS_MAX,
    UNKNOWN,
    BadRequest,
    RefusedRequest,
    authorize,
    capture,
    charge,
    hold,
    increment,
    usage,
    void,
    without,
)
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

BAD_CHARGES: dict[str, tuple[charging_pb2.ChargeRequest, str]] = {
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
"""Case → the charge, and the invalid field."""

BAD: dict[str, BadRequest] = {
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
}
"""Case → method, request, invalid field."""

REFUSED: dict[str, RefusedRequest] = {
    "charge of an unknown company": ("charging.Charge", charge(company=UNKNOWN), "COMPANY_NOT_FOUND"),
    "capture of an unknown company": (
        "charging.Capture",
        capture(authorization=hold("open", "unknown")),
        "COMPANY_NOT_FOUND",
    ),
    "wallet of an unknown company": (
        "charging.GetWallet",
        charging_pb2.GetWalletRequest(name=f"{UNKNOWN}/wallet"),
        "COMPANY_NOT_FOUND",
    ),
    "charge under a top-up's key": ("charging.Charge", charge(idempotency_key="first"), "IDEMPOTENCY_KEY_REUSED"),
    "charge of another amount under its key": (
        "charging.Charge",
        charge(idempotency_key="charged", amount_micros=2),
        "IDEMPOTENCY_KEY_REUSED",
    ),
    "charge of a closed company": ("charging.Charge", charge(company="companies/closed"), "COMPANY_CLOSED"),
    "void in a closed company": ("charging.Void", void(authorization=hold("open", "closed")), "COMPANY_CLOSED"),
    "increment of an unknown authorization": (
        "charging.IncrementAuthorization",
        increment("never"),
        "AUTHORIZATION_NOT_FOUND",
    ),
    "capture of an unknown authorization": ("charging.Capture", capture("never"), "AUTHORIZATION_NOT_FOUND"),
    "void of an unknown authorization": ("charging.Void", void("never"), "AUTHORIZATION_NOT_FOUND"),
    "capture in a suspended company of what it never held": (
        "charging.Capture",
        capture(authorization=hold("never", "suspended")),
        "AUTHORIZATION_NOT_FOUND",
    ),
    "unknown authorization": (
        "charging.GetAuthorization",
        charging_pb2.GetAuthorizationRequest(name=hold("never")),
        "AUTHORIZATION_NOT_FOUND",
    ),
    "authorization of an unknown company": (
        "charging.GetAuthorization",
        charging_pb2.GetAuthorizationRequest(name=hold("open", "unknown")),
        "AUTHORIZATION_NOT_FOUND",
    ),
    "capture of a captured authorization": ("charging.Capture", capture("captured"), "AUTHORIZATION_CLOSED"),
    "capture of a voided authorization": ("charging.Capture", capture("voided"), "AUTHORIZATION_CLOSED"),
    "increment of a captured authorization": (
        "charging.IncrementAuthorization",
        increment("captured"),
        "AUTHORIZATION_CLOSED",
    ),
    "void of a captured authorization": ("charging.Void", void("captured"), "AUTHORIZATION_CLOSED"),
    "charge of a suspended company": ("charging.Charge", charge(company="companies/suspended"), "COMPANY_SUSPENDED"),
    "authorization in a suspended company": (
        "charging.Authorize",
        authorize(company="companies/suspended"),
        "COMPANY_SUSPENDED",
    ),
    "charge to a blocked country": (
        "charging.Charge",
        charge(company="companies/braked", usage=usage("KP")),
        "DESTINATION_BLOCKED",
    ),
    "hold for a blocked channel": (
        "charging.Authorize",
        authorize(company="companies/braked", usage=usage(channel=wallet_pb2.CHANNEL_VOICE)),
        "DESTINATION_BLOCKED",
    ),
    "charge without an amount and a card": ("charging.Charge", without(charge(), "amount_micros"), "RATE_NOT_FOUND"),
    "hold without an amount and a card": (
        "charging.Authorize",
        without(authorize(), "amount_micros"),
        "RATE_NOT_FOUND",
    ),
    "increment without an amount and a card": (
        "charging.IncrementAuthorization",
        without(increment("open"), "amount_micros"),
        "RATE_NOT_FOUND",
    ),
    "capture without an amount and a card": (
        "charging.Capture",
        without(capture("open"), "amount_micros"),
        "RATE_NOT_FOUND",
    ),
    "charge above the limit": (
        "charging.Charge",
        charge(company="companies/braked", amount_micros=3),
        "SPEND_LIMIT_REACHED",
    ),
    "hold above the limit": (
        "charging.Authorize",
        authorize(company="companies/braked", amount_micros=3),
        "SPEND_LIMIT_REACHED",
    ),
    "charge of a micro too much": ("charging.Charge", charge(amount_micros=AVAILABLE + 1), "INSUFFICIENT_FUNDS"),
    "authorization of a micro too much": (
        "charging.Authorize",
        authorize(amount_micros=AVAILABLE + 1),
        "INSUFFICIENT_FUNDS",
    ),
    "increment by a micro too much": (
        "charging.IncrementAuthorization",
        increment("open", amount_micros=HELD + AVAILABLE + 1),
        "INSUFFICIENT_FUNDS",
    ),
    "capture of a micro too much": (
        "charging.Capture",
        capture("open", amount_micros=HELD + AVAILABLE + 1),
        "INSUFFICIENT_FUNDS",
    ),
}
"""Case → method, request, reason."""
