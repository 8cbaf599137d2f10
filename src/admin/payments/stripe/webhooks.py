"""Stripe's webhooks: verify the signature of a body, and parse the event in it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import stripe
import structlog

from admin.payments.port import (
    DisputeChanged,
    ForgedWebhook,
    PaymentChanged,
    ProviderEvent,
    ProviderUnavailable,
    RefundChanged,
)
from admin.payments.stripe import objects as stripe_objects

AGE_SECONDS_MAX = 300
"""An older signature is rejected, since it may be replayed. Stripe signs each delivery attempt anew."""
SIGNATURE_HEADER = "stripe-signature"

_log = structlog.get_logger()


class _Data(msgspec.Struct):
    object: dict[str, Any]


class _Event(msgspec.Struct):
    id: str
    type: str
    livemode: bool
    data: _Data


def parse_event(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], *, live: bool) -> ProviderEvent | None:
    """Return the event in a body, or None if it is of no concern here. Raises ForgedWebhook.

    `body` is the signed text, byte for byte. `secrets` are all secrets that are valid, so that they can be rotated.
    `live` says whether the API key is of live mode; events of the other mode are ignored, so that a test payment never
    credits a wallet. Events may arrive twice, late, and in any order.
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
        # The signature is good and the body unreadable to this version. It is refused like a forged webhook, so that
        # Stripe retries it for days and shows it on its dashboard.
        _log.exception("stripe_event_unreadable")
        raise ForgedWebhook(f"The event cannot be read: {error}") from error


def _meaning(event: _Event) -> ProviderEvent | None:
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
    """Raise ForgedWebhook unless the signature is recent and made with one of the secrets."""
    signature = next((value for name, value in headers.items() if name.lower() == SIGNATURE_HEADER), "")
    if not signature.isascii():  # The comparison of the SDK would raise TypeError.
        raise ForgedWebhook("The signature is no text that Stripe writes.")
    reason = "No secret is set."
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, AGE_SECONDS_MAX)
        except stripe.SignatureVerificationError as error:
            reason = error.user_message or reason
        except UnicodeDecodeError as error:
            raise ForgedWebhook("The body is no UTF-8.") from error
        else:
            return
    raise ForgedWebhook(reason)
