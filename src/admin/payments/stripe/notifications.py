"""Stripe's webhooks: whether a body is from Stripe, and what it says."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import stripe
import structlog

from admin.payments.port import (
    DisputeChanged,
    ForgedNotification,
    Notification,
    PaymentChanged,
    ProviderUnavailable,
    RefundChanged,
)
from admin.payments.stripe import objects as stripe_objects

AGE_SECONDS_MAX = 300
"""A signature that is older is not taken: it may have been overheard. Stripe signs each try anew."""
SIGNATURE_HEADER = "stripe-signature"

_log = structlog.get_logger()


class _Data(msgspec.Struct):
    object: dict[str, Any]


class _Event(msgspec.Struct):
    id: str
    type: str
    livemode: bool
    data: _Data


def read(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], *, live: bool) -> Notification | None:
    """Return what an event says, or None where it is of no concern. Raises ForgedNotification.

    `secrets` are all that may have signed it, so that one can be replaced by the next. `live`: whether real money is
    meant. An event of the other kind is let pass: a test must never credit a wallet that real charges are paid from.

    Events come twice, late, and in any order, which is for the caller to bear. `body` is what was signed, byte by byte.
    """
    _verify(body, headers, secrets)
    try:
        event = msgspec.json.decode(body, type=_Event)
        if event.livemode is not live:
            _log.warning(
                "stripe_event_of_other_mode", event_id=event.id, event_type=event.type, livemode=event.livemode
            )
            return None
        return _meaning(event)
    except (msgspec.DecodeError, ProviderUnavailable) as error:
        # Signed, and yet not what this version can read. Refused like a forged one, so that Stripe keeps it, tries it
        # again for days and shows it on its dashboard.
        _log.exception("stripe_event_unreadable")
        raise ForgedNotification(f"The event cannot be read: {error}") from error


def _meaning(event: _Event) -> Notification | None:
    data = event.data.object
    match event.type.split("."):
        case ["payment_intent", _]:
            return PaymentChanged(stripe_objects.payment(data).id)
        case ["refund", _] | ["charge", "refund", "updated"]:
            return RefundChanged(stripe_objects.refund(data))
        case ["charge", "dispute", _]:
            return DisputeChanged(stripe_objects.dispute(data))
    return None


def _verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> None:
    """Raise ForgedNotification unless one of the secrets has signed the body of late."""
    signature = next((value for name, value in headers.items() if name.lower() == SIGNATURE_HEADER), "")
    if not signature.isascii():  # the SDK's comparison would raise
        raise ForgedNotification("The signature is no text that Stripe writes.")
    reason = "No secret is set."
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, AGE_SECONDS_MAX)
        except stripe.SignatureVerificationError as error:
            reason = error.user_message or reason
        except UnicodeDecodeError as error:
            raise ForgedNotification("The body is no UTF-8.") from error
        else:
            return
    raise ForgedNotification(reason)
