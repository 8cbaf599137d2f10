"""Stripe's SDK against a server on this machine: payments by card, saved cards, refunds and webhooks, as customers do.

The server is localstripe, completed by what Stripe documents: `devstack.local_stripe_server` says by what, and what it
does not have. So these tests show that the adapter and the real SDK do together what Stripe's documentation describes.
They show nothing of amounts that Stripe refuses, disputes, refunds that are pending, or failing networks; see
test_stripe_answers.py and tests/unit/admin/payments/stripe/test_stripe_webhooks.py, whose answers are written as
Stripe documents them.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web

from admin.payments.port import (
    Card,
    ForgedWebhook,
    PaymentChanged,
    PaymentMethodUnknown,
    PaymentRefundRequest,
    PaymentRequest,
    PaymentState,
    ProviderRefused,
    RefundState,
)
from admin.payments.stripe.provider import StripeProvider
from devstack.local_stripe import (
    ALWAYS_THREE_D_SECURE_CARD,
    API_KEY,
    DECLINED_CARD,
    DECLINED_LATER_CARD,
    GOOD_CARD,
    INSUFFICIENT_FUNDS_CARD,
    THREE_D_SECURE_CARD,
    CardDeclined,
    LocalStripe,
)

SECRET = "whsec_of_tests"
TOP_UP = "companies/acme/topUps/t1"
WEBHOOK_SECONDS_MAX = 10.0
EVENTS = ["payment_intent.succeeded", "payment_intent.payment_failed"]


@pytest.fixture
async def stripe(local_stripe: LocalStripe) -> AsyncIterator[StripeProvider]:
    """The provider under test."""
    provider = StripeProvider(API_KEY, ["whsec_before", SECRET], api_base=local_stripe.api_base)
    yield provider
    await provider.close()


@pytest.fixture
async def customer(stripe: StripeProvider, request: pytest.FixtureRequest) -> str:
    """A customer of the test's own."""
    key = request.node.nodeid
    return await stripe.create_customer("companies/acme", name="Acme", email="a@acme.example", idempotency_key=key)


def order(customer: str, key: str = "", **fields: object) -> PaymentRequest:
    values: dict[str, object] = {
        "top_up": TOP_UP,
        "customer": customer,
        "amount": 25_000_000,
        "currency": "EUR",
        "idempotency_key": key or f"{customer}-pay",
        "description": "Top-up t1",
    }
    return PaymentRequest(**{**values, **fields})  # type: ignore[arg-type]  # a test's choice


async def save(stripe: StripeProvider, local_stripe: LocalStripe, customer: str, number: str = GOOD_CARD) -> Card:
    """Pay once and keep the card."""
    payment = await stripe.pay(order(customer, f"{customer}-save-{number}", top_up="first", save_card=True))
    if local_stripe.enter_card(payment.client_secret, number) == "requires_action":
        local_stripe.authenticate(payment.client_secret)
    return (await stripe.cards(customer))[0]


async def test_a_customer_is_made_once_for_a_key(stripe: StripeProvider, customer: str) -> None:
    assert customer.startswith("cus_")
    words = {"name": "Acme", "email": "", "idempotency_key": "same"}
    made = [await stripe.create_customer("companies/acme", **words) for _ in range(2)]
    assert made[0] == made[1] != customer


async def test_a_card_is_entered_and_the_money_is_there(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    payment = await stripe.pay(order(customer))
    assert (payment.state, payment.top_up) == (PaymentState.REQUIRES_ACTION, TOP_UP)
    assert (payment.amount, payment.currency, payment.card) == (25_000_000, "EUR", None)
    assert local_stripe.enter_card(payment.client_secret) == "succeeded"
    paid = await stripe.payment(payment.id)
    assert (paid.id, paid.state, paid.amount, paid.top_up) == (payment.id, PaymentState.SUCCEEDED, 25_000_000, TOP_UP)
    assert paid.client_secret == paid.failure_code == ""
    assert paid.card is not None
    assert (paid.card.brand, paid.card.last4, paid.card.expiry_year) == ("visa", "4242", 2035)
    assert await stripe.cards(customer) == [], "it was not to be kept"


async def test_a_repeated_request_returns_the_payment_as_it_is_now(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    first = await stripe.pay(order(customer))
    local_stripe.enter_card(first.client_secret)
    again = await stripe.pay(order(customer))
    assert (again.id, again.state) == (first.id, PaymentState.SUCCEEDED)


async def test_three_d_secure_waits_for_the_customer_and_then_succeeds(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    payment = await stripe.pay(order(customer))
    assert local_stripe.enter_card(payment.client_secret, THREE_D_SECURE_CARD) == "requires_action"
    waiting = await stripe.payment(payment.id)
    assert (waiting.state, waiting.client_secret) == (PaymentState.REQUIRES_ACTION, payment.client_secret)
    assert local_stripe.authenticate(payment.client_secret) == "succeeded"
    assert (await stripe.payment(payment.id)).state is PaymentState.SUCCEEDED


async def test_a_failed_3d_secure_leaves_another_attempt(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    payment = await stripe.pay(order(customer))
    local_stripe.enter_card(payment.client_secret, THREE_D_SECURE_CARD)
    assert local_stripe.authenticate(payment.client_secret, success=False) == "requires_payment_method"
    failed = await stripe.payment(payment.id)
    assert (failed.state, failed.failure_code) == (
        PaymentState.REQUIRES_ACTION,
        "payment_intent_authentication_failure",
    )
    assert local_stripe.enter_card(payment.client_secret) == "succeeded"


@pytest.mark.parametrize(
    ("number", "code"), [(INSUFFICIENT_FUNDS_CARD, "insufficient_funds"), (DECLINED_CARD, "generic_decline")]
)
async def test_a_declined_new_card_leaves_another_attempt(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str, number: str, code: str
) -> None:
    payment = await stripe.pay(order(customer))
    with pytest.raises(CardDeclined):
        local_stripe.enter_card(payment.client_secret, number)
    declined = await stripe.payment(payment.id)
    assert (declined.state, declined.failure_code) == (PaymentState.REQUIRES_ACTION, code)
    assert declined.failure_message
    assert declined.client_secret == payment.client_secret
    assert local_stripe.enter_card(payment.client_secret) == "succeeded"
    assert (await stripe.payment(payment.id)).failure_code == ""


async def test_a_card_is_saved_charged_off_session_and_removed(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    card = await save(stripe, local_stripe, customer)
    assert (card.last4, await stripe.cards(customer)) == ("4242", [card])
    paid = await stripe.pay(order(customer, card=card.id))
    assert (paid.state, paid.amount, paid.card) == (PaymentState.SUCCEEDED, 25_000_000, card)
    assert (await stripe.pay(order(customer, card=card.id))).id == paid.id, "once for a key"
    await stripe.remove_card(customer, card.id)
    assert await stripe.cards(customer) == []
    with pytest.raises(PaymentMethodUnknown):
        await stripe.remove_card(customer, card.id)
    with pytest.raises(PaymentMethodUnknown):
        await stripe.pay(order(customer, "another", card=card.id))
    again = await stripe.pay(order(customer, card=card.id))
    assert (again.id, again.state) == (paid.id, PaymentState.SUCCEEDED), "what was paid is paid, card or no card"


async def test_a_card_of_another_customer_is_not_charged_or_removed(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    other = await stripe.create_customer("companies/other", name="Other", email="", idempotency_key=f"{customer}-other")
    card = await save(stripe, local_stripe, other)
    with pytest.raises(PaymentMethodUnknown):
        await stripe.pay(order(customer, card=card.id))
    with pytest.raises(PaymentMethodUnknown):
        await stripe.remove_card(customer, card.id)
    with pytest.raises(PaymentMethodUnknown):
        await stripe.pay(order(customer, "none", card="pm_none"))
    assert await stripe.cards(other) == [card]


async def test_a_saved_card_that_is_declined_is_a_payment_that_failed(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    local_stripe.attach_card(customer, DECLINED_LATER_CARD)
    (card,) = await stripe.cards(customer)
    for _ in range(2):
        failed = await stripe.pay(order(customer, card=card.id))
        assert (failed.state, failed.failure_code, failed.top_up) == (PaymentState.FAILED, "generic_decline", TOP_UP)
        assert (failed.client_secret, failed.card) == ("", card)
    assert await stripe.payment(failed.id) == failed
    assert await stripe.find_payment(customer, TOP_UP, int(time.time())) == failed


async def test_a_saved_card_may_require_authentication(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    card = await save(stripe, local_stripe, customer, ALWAYS_THREE_D_SECURE_CARD)
    waiting = await stripe.pay(order(customer, card=card.id))
    assert (waiting.state, waiting.failure_code) == (PaymentState.REQUIRES_ACTION, "authentication_required")
    assert waiting.client_secret
    assert await stripe.payment(waiting.id) == waiting
    assert local_stripe.confirm_card(waiting.client_secret, card.id) == "requires_action"
    assert local_stripe.authenticate(waiting.client_secret) == "succeeded"
    assert (await stripe.payment(waiting.id)).state is PaymentState.SUCCEEDED


async def test_an_authenticated_saved_card_is_charged_at_once(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    card = await save(stripe, local_stripe, customer, THREE_D_SECURE_CARD)
    assert (await stripe.pay(order(customer, card=card.id))).state is PaymentState.SUCCEEDED


async def test_a_payment_is_found_by_its_top_up(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    """One that has succeeded is preferred."""
    began = int(time.time())
    assert await stripe.find_payment(customer, TOP_UP, began) is None
    abandoned = await stripe.pay(order(customer, f"{customer}-1"))
    assert await stripe.find_payment(customer, TOP_UP, began) == abandoned
    await stripe.pay(order(customer, f"{customer}-else", top_up="companies/acme/topUps/t10"))
    paid = await stripe.pay(order(customer, f"{customer}-2"))
    local_stripe.enter_card(paid.client_secret)
    await stripe.pay(order(customer, f"{customer}-3"))
    found = await stripe.find_payment(customer, TOP_UP, began)
    assert found is not None
    assert (found.id, found.state) == (paid.id, PaymentState.SUCCEEDED)
    assert await stripe.find_payment(customer, TOP_UP, began + 3600) is None, "made before that"


async def test_a_payment_is_canceled_unless_it_was_paid(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    payment = await stripe.pay(order(customer, f"{customer}-1"))
    for _ in range(2):
        assert (await stripe.cancel(payment.id)).state is PaymentState.CANCELED
    paid = await stripe.pay(order(customer, f"{customer}-2"))
    local_stripe.enter_card(paid.client_secret)
    assert (await stripe.cancel(paid.id)).state is PaymentState.SUCCEEDED
    with pytest.raises(ProviderRefused):
        await stripe.cancel("pi_none")


async def test_a_refund_is_made_once_for_a_key_and_found_by_name(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    payment = await stripe.pay(order(customer))
    local_stripe.enter_card(payment.client_secret)
    name = f"{TOP_UP}/refunds/r1"
    back = PaymentRefundRequest(name, payment.id, 10_000_000, "EUR", f"{customer}-refund")
    assert await stripe.find_refund(payment.id, name) is None
    refund = await stripe.refund(back)
    assert (refund.state, refund.refund, refund.payment) == (RefundState.SUCCEEDED, name, payment.id)
    assert (refund.amount, refund.currency) == (10_000_000, "EUR")
    assert await stripe.refund(back) == refund
    assert await stripe.find_refund(payment.id, name) == refund
    assert await stripe.find_refund(payment.id, f"{TOP_UP}/refunds/r10") is None


async def test_a_refund_that_is_not_possible_is_refused(stripe: StripeProvider, customer: str) -> None:
    unpaid = await stripe.pay(order(customer))
    with pytest.raises(ProviderRefused):
        await stripe.refund(PaymentRefundRequest("r1", unpaid.id, 10_000_000, "EUR", f"{customer}-refund"))


async def test_a_webhook_comes_signed_and_names_the_payment(
    stripe: StripeProvider, local_stripe: LocalStripe, customer: str
) -> None:
    received: asyncio.Queue[tuple[bytes, Mapping[str, str]]] = asyncio.Queue()

    async def receive(request: web.Request) -> web.Response:
        received.put_nowait((await request.read(), request.headers))
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/webhooks/stripe", receive)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        local_stripe.send_webhooks("here", f"http://{host}:{port}/v1/webhooks/stripe", SECRET, EVENTS)
        payment = await stripe.pay(order(customer))
        local_stripe.enter_card(payment.client_secret)
        async with asyncio.timeout(WEBHOOK_SECONDS_MAX):
            while True:  # Events of other tests' payments may come first.
                body, headers = await received.get()
                if stripe.parse_event(body, headers) == PaymentChanged(payment.id):
                    break
    finally:
        local_stripe.send_webhooks("here", "http://127.0.0.1:1/", SECRET, ["none"])
        await runner.cleanup()
    with pytest.raises(ForgedWebhook):
        stripe.parse_event(body[:-1], headers)
    with pytest.raises(ForgedWebhook):
        stripe.parse_event(body.replace(b"2500", b"9900"), headers)
    stranger = StripeProvider(API_KEY, ["whsec_other"])
    with pytest.raises(ForgedWebhook):
        stranger.parse_event(body, headers)


def test_the_server_leaves_no_file_and_listens_on_loopback_only(local_stripe: LocalStripe, tmp_path: Path) -> None:
    with LocalStripe(tmp_path) as beside:
        pid = beside.child.pid
        files = {str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()}
        listening = [
            line.split()[1] for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines() if " 0A " in line
        ]
        assert f"0100007F:{beside.port:04X}" in listening
        assert f"00000000:{beside.port:04X}" not in listening
        assert not any("pickle" in file for file in files)
    assert {path.name for path in tmp_path.iterdir()} == {"stripe.log"}
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
