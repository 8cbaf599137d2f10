"""Stripe's webhooks, with bodies as Stripe documents them: which are accepted, and the events in them."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from admin.payments.port import (
    Dispute,
    DisputeChanged,
    DisputeState,
    ForgedWebhook,
    PaymentChanged,
    PaymentRefund,
    ProviderEvent,
    RefundChanged,
    RefundState,
)
from admin.payments.stripe.provider import StripeProvider
from admin.payments.stripe.webhooks import AGE_SECONDS_MAX

SECRETS = ["whsec_new", "whsec_old"]
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 2500,
    "amount_received": 0,
    "currency": "eur",
    "status": "requires_payment_method",
    "metadata": {"top_up": "companies/acme/topUps/t1"},
    "payment_method": None,
    "last_payment_error": None,
}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 500,
    "currency": "jpy",
    "status": "pending",
    "payment_intent": "pi_1",
    "metadata": {"refund": "companies/acme/topUps/t1/refunds/r1"},
}
DISPUTE = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 2500,
    "currency": "eur",
    "status": "needs_response",
    "reason": "fraudulent",
    "payment_intent": "pi_1",
    "metadata": {},
}


def body_of(event_type: str, data: Mapping[str, Any], *, live: bool = False) -> bytes:
    event = {"id": "evt_1", "object": "event", "type": event_type, "livemode": live, "data": {"object": data}}
    return json.dumps(event).encode()


def signature(body: bytes, secret: str = SECRETS[0], *, age: int = 0) -> str:
    at = int(time.time()) - age
    return f"t={at},v1={hmac.new(secret.encode(), b'%d.%s' % (at, body), hashlib.sha256).hexdigest()}"


def parsed(body: bytes, header: str | None = None, *, key: str = "sk_test_1") -> ProviderEvent | None:
    headers = {"Stripe-Signature": signature(body) if header is None else header}
    return StripeProvider(key, SECRETS).parse_event(body, headers)


@pytest.mark.parametrize(
    "kind", ["succeeded", "payment_failed", "processing", "canceled", "requires_action", "created"]
)
def test_an_event_of_a_payment_has_its_id(kind: str) -> None:
    assert parsed(body_of(f"payment_intent.{kind}", INTENT)) == PaymentChanged("pi_1")


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "refund.failed", "charge.refund.updated"])
@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", RefundState.PENDING),
        ("requires_action", RefundState.PENDING),
        ("succeeded", RefundState.SUCCEEDED),
        ("failed", RefundState.FAILED),
        ("canceled", RefundState.FAILED),
    ],
)
def test_an_event_of_a_refund_has_its_state(kind: str, status: str, state: RefundState) -> None:
    data = {**REFUND, "status": status, "failure_reason": "expired_or_canceled_card" if status == "failed" else None}
    assert parsed(body_of(kind, data)) == RefundChanged(
        PaymentRefund(
            "re_1",
            state,
            "companies/acme/topUps/t1/refunds/r1",
            "pi_1",
            500_000_000,
            "JPY",
            "expired_or_canceled_card" if status == "failed" else "",
        )
    )


@pytest.mark.parametrize("kind", ["created", "updated", "closed", "funds_withdrawn", "funds_reinstated"])
@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("warning_needs_response", DisputeState.INQUIRY),
        ("warning_under_review", DisputeState.INQUIRY),
        ("warning_closed", DisputeState.INQUIRY),
        ("prevented", DisputeState.INQUIRY),
        ("needs_response", DisputeState.OPEN),
        ("under_review", DisputeState.OPEN),
        ("appeal_needs_response", DisputeState.OPEN),
        ("appeal_under_review", DisputeState.OPEN),
        ("won", DisputeState.WON),
        ("lost", DisputeState.LOST),
    ],
)
def test_an_event_of_a_dispute_has_its_state(kind: str, status: str, state: DisputeState) -> None:
    assert parsed(body_of(f"charge.dispute.{kind}", {**DISPUTE, "status": status})) == DisputeChanged(
        Dispute("dp_1", "pi_1", state, 25_000_000, "EUR", "fraudulent")
    )


@pytest.mark.parametrize("kind", ["charge.succeeded", "charge.refunded", "customer.created", "payout.paid", "new.kind"])
def test_other_events_are_ignored(kind: str) -> None:
    assert parsed(body_of(kind, {"id": "ch_1", "refunds": None})) is None


def test_any_configured_secret_verifies_and_no_other() -> None:
    body = body_of("payment_intent.succeeded", INTENT)
    for secret in SECRETS:
        assert parsed(body, signature(body, secret)) == PaymentChanged("pi_1")
    for secret in ("whsec_other", ""):
        with pytest.raises(ForgedWebhook):
            parsed(body, signature(body, secret))
    with pytest.raises(ForgedWebhook):
        StripeProvider("sk_test_1", []).parse_event(body, {"Stripe-Signature": signature(body)})


def test_the_header_is_found_however_it_is_written() -> None:
    body = body_of("payment_intent.succeeded", INTENT)
    for name in ("stripe-signature", "STRIPE-SIGNATURE"):
        assert StripeProvider("sk_test_1", SECRETS).parse_event(body, {name: signature(body)}) is not None
    with pytest.raises(ForgedWebhook):
        StripeProvider("sk_test_1", SECRETS).parse_event(body, {})


@pytest.mark.parametrize("forge", [lambda body: body[:-1], lambda body: body.replace(b"pi_1", b"pi_2"), lambda _: b""])
def test_a_body_that_is_not_the_signed_one_is_refused(forge: Any) -> None:
    body = body_of("payment_intent.succeeded", INTENT)
    with pytest.raises(ForgedWebhook):
        parsed(forge(body), signature(body))


def test_a_signature_is_good_for_five_minutes() -> None:
    body = body_of("payment_intent.succeeded", INTENT)
    assert parsed(body, signature(body, age=AGE_SECONDS_MAX - 30)) is not None
    with pytest.raises(ForgedWebhook):
        parsed(body, signature(body, age=AGE_SECONDS_MAX + 30))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=1",
        "v1=00",
        "t=x,v1=00",
        "t=1,v0=00",
        "nonsense",
        "t=1,v1=ä",
        "t=" + "9" * 5000 + ",v1=00",
        "=,=,=",
        "\x00",
    ],
)
def test_a_malformed_signature_is_refused(header: str) -> None:
    with pytest.raises(ForgedWebhook):
        parsed(body_of("payment_intent.succeeded", INTENT), header)


def test_a_body_that_is_no_text_is_refused() -> None:
    with pytest.raises(ForgedWebhook):
        parsed(b"\xff\xfe", "t=1,v1=00")


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"no json",
        b'{"type": "payment_intent.succeeded"}',
        body_of("payment_intent.succeeded", {"id": 7}),
        body_of("charge.dispute.created", {**DISPUTE, "status": "brand_new"}),
    ],
)
def test_a_signed_body_that_cannot_be_read_is_refused(body: bytes) -> None:
    """So Stripe sends it again."""
    with pytest.raises(ForgedWebhook, match="cannot be read"):
        parsed(body)


@pytest.mark.parametrize(
    ("key", "live", "taken"),
    [
        ("sk_test_1", False, True),
        ("sk_test_1", True, False),
        ("rk_test_1", True, False),
        ("sk_live_1", True, True),
        ("rk_live_1", True, True),
        ("sk_live_1", False, False),
    ],
)
def test_events_of_the_other_mode_are_ignored(key: str, live: bool, taken: bool) -> None:
    body = body_of("charge.dispute.created", DISPUTE, live=live)
    assert (parsed(body, key=key) is not None) is taken
