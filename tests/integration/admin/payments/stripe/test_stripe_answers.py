"""The meaning of Stripe's answers, good and bad, with the real SDK: they are written here as Stripe documents them.

The server answers as the test says, so these tests show what is sent and what an answer does, and not what Stripe
would have answered.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import pytest
import stripe
from aiohttp import web

from admin.payments.port import (
    Card,
    Payment,
    PaymentMethodUnknown,
    PaymentRefundRequest,
    PaymentRequest,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
    RefundState,
)
from admin.payments.stripe import provider as stripe_provider
from admin.payments.stripe.errors import MEANINGS, meaning
from admin.payments.stripe.provider import API_VERSION, CLOCK_SECONDS_MAX, PAGES_MAX, StripeProvider
from wallet.domain.errors import Applied

KEY = "sk_test_very_secret"
SECRET = "pi_1_secret_whispered"
CARD = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2035}
METHOD = {"id": "pm_1", "object": "payment_method", "type": "card", "card": CARD, "customer": "cus_1"}
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 2500,
    "amount_received": 0,
    "client_secret": SECRET,
    "currency": "eur",
    "customer": "cus_1",
    "last_payment_error": None,
    "metadata": {"top_up": "companies/acme/topUps/t1"},
    "payment_method": None,
    "status": "requires_payment_method",
}
PAID = {**INTENT, "status": "succeeded", "amount_received": 2500, "payment_method": METHOD}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 1000,
    "currency": "eur",
    "status": "pending",
    "payment_intent": "pi_1",
    "metadata": {"refund": "companies/acme/topUps/t1/refunds/r1"},
}
REPLAYED = {"Idempotent-Replayed": "true"}
PAYMENT_REQUEST = PaymentRequest(
    "companies/acme/topUps/t1", "cus_1", 25_000_000, "EUR", "key-1", description="Top-up t1"
)
REFUND_REQUEST = PaymentRefundRequest("companies/acme/topUps/t1/refunds/r1", "pi_1", 10_000_000, "EUR", "key-2")
WAIT_SECONDS_MAX = 10.0


class Answer(NamedTuple):
    """An answer of the server."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}


class Request(NamedTuple):
    """A request that the server received."""

    method: str
    path: str
    words: dict[str, list[str]]
    headers: Mapping[str, str]


class Script:
    """A server that gives one answer after the other, and repeats the last one."""

    def __init__(self) -> None:
        self.base = ""
        self.answers: list[Answer | Callable[[web.Request], Any]] = []
        self.requests: list[Request] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Give the next answer."""
        words = parse_qs(request.query_string or (await request.text()))
        self.requests.append(Request(request.method, request.path, words, request.headers.copy()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not isinstance(answer, Answer):
            return await answer(request)  # type: ignore[no-any-return]
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        return web.Response(
            body=body, status=answer.status, headers=dict(answer.headers), content_type="application/json"
        )


def error(status: int, **fields: Any) -> Answer:
    return Answer({"error": {"type": "invalid_request_error", "message": "No.", **fields}}, status)


def declined(code: str, **intent: Any) -> Answer:
    """A saved card's decline."""
    failure = {"code": "card_declined", "decline_code": code, "message": "Declined.", "payment_method": METHOD}
    if code == "authentication_required":
        failure["code"] = code
    metadata = {**INTENT["metadata"], "saved_card": "true"}  # type: ignore[dict-item]  # a test's JSON
    payment = {**INTENT, "metadata": metadata, "last_payment_error": failure, **intent}
    return error(402, type="card_error", **{**failure, "payment_intent": payment})


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    """A server to tell what to say."""
    script = Script()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", script.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    script.base = "http://{}:{}".format(*runner.addresses[0])
    yield script
    await runner.cleanup()


@pytest.fixture
async def provider(script: Script, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[StripeProvider]:
    """The provider under test, without rests between the SDK's tries."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0)
    monkeypatch.setattr(stripe_provider, "TRY_SECONDS_MAX", 0.3)
    provider = StripeProvider(KEY, ["whsec_1"], api_base=script.base)
    yield provider
    await provider.close()


def kinds(root: type[stripe.StripeError]) -> Iterator[type[stripe.StripeError]]:
    for kind in root.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_error_of_the_sdk_has_a_meaning() -> None:
    abstract = {"StripeErrorWithParamCode"}
    missing = {
        kind
        for kind in kinds(stripe.StripeError)
        if kind.__module__.startswith("stripe") and not set(kind.__mro__) & set(MEANINGS)
    }
    assert {kind.__name__ for kind in missing} <= abstract


def test_an_error_that_is_new_is_no_answer() -> None:
    class NewError(stripe.StripeError):
        pass

    said = meaning(NewError("new"), Applied.UNKNOWN)
    assert isinstance(said, ProviderUnavailable)
    assert said.applied is Applied.UNKNOWN


def test_the_api_version_is_that_of_the_sdk() -> None:
    assert stripe.api_version == API_VERSION, "an upgrade of the SDK is read up on first"


async def test_what_is_sent_for_a_card_to_be_entered(provider: StripeProvider, script: Script) -> None:
    script.answers = [Answer(INTENT)]
    payment = await provider.pay(PAYMENT_REQUEST)
    assert payment == Payment(
        "pi_1", PaymentState.REQUIRES_ACTION, "companies/acme/topUps/t1", 25_000_000, "EUR", SECRET
    )
    (request,) = script.requests
    assert (request.method, request.path) == ("POST", "/v1/payment_intents")
    assert request.words == {
        "amount": ["2500"],
        "currency": ["eur"],
        "customer": ["cus_1"],
        "description": ["Top-up t1"],
        "payment_method_types[0]": ["card"],
        "metadata[top_up]": ["companies/acme/topUps/t1"],
        "expand[0]": ["payment_method"],
    }
    assert request.headers["Idempotency-Key"] == "key-1"
    assert request.headers["Stripe-Version"] == API_VERSION
    assert request.headers["Authorization"] == f"Bearer {KEY}"


async def test_what_is_sent_for_a_card_to_be_kept_and_for_one_that_is(provider: StripeProvider, script: Script) -> None:
    script.answers = [Answer(INTENT), Answer(PAID)]
    await provider.pay(PaymentRequest("t", "cus_1", 500_000_000, "JPY", "k", save_card=True))
    paid = await provider.pay(PaymentRequest("t", "cus_1", 25_000_000, "EUR", "k", card="pm_1", save_card=True))
    assert (paid.state, paid.card) == (PaymentState.SUCCEEDED, Card("pm_1", "visa", "4242", 12, 2035))
    first, second = (request.words for request in script.requests)
    assert (first["amount"], first["setup_future_usage"]) == (["500"], ["off_session"])
    assert "confirm" not in first
    assert (second["payment_method"], second["confirm"], second["off_session"]) == (["pm_1"], ["true"], ["true"])
    assert second["metadata[saved_card]"] == ["true"]
    assert "setup_future_usage" not in second


async def test_requests_carry_no_data_of_the_host(provider: StripeProvider, script: Script) -> None:
    script.answers = [Answer(INTENT, headers={"Request-Id": "req_1"})]
    for _ in range(2):
        await provider.payment("pi_1")
    for request in script.requests:
        assert "X-Stripe-Client-Telemetry" not in request.headers
        assert not {"platform", "telemetry_id"} & json.loads(request.headers["X-Stripe-Client-User-Agent"]).keys()


@pytest.mark.parametrize(
    "first", [error(503, type="api_error"), error(409, code="lock_timeout"), Answer(b"<html>", 502)]
)
async def test_a_retry_has_the_key_of_the_first_attempt(
    provider: StripeProvider, script: Script, first: Answer
) -> None:
    script.answers = [first, Answer(INTENT), first, Answer(REFUND)]
    assert (await provider.pay(PAYMENT_REQUEST)).id == "pi_1"
    assert (await provider.refund(REFUND_REQUEST)).id == "re_1"
    assert [request.headers["Idempotency-Key"] for request in script.requests] == ["key-1", "key-1", "key-2", "key-2"]


async def test_the_object_of_a_replayed_answer_is_read_again(provider: StripeProvider, script: Script) -> None:
    script.answers = [Answer(INTENT, headers=REPLAYED), Answer(PAID)]
    assert (await provider.pay(PAYMENT_REQUEST)).state is PaymentState.SUCCEEDED
    script.answers = [declined("insufficient_funds")._replace(headers=REPLAYED), Answer(PAID)]
    assert (await provider.pay(PAYMENT_REQUEST)).state is PaymentState.SUCCEEDED
    script.answers = [Answer(REFUND, headers=REPLAYED), Answer({**REFUND, "status": "succeeded"})]
    assert (await provider.refund(REFUND_REQUEST)).state is RefundState.SUCCEEDED
    assert [request.method for request in script.requests] == ["POST", "GET"] * 3


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("insufficient_funds", PaymentState.FAILED),
        ("generic_decline", PaymentState.FAILED),
        ("authentication_required", PaymentState.REQUIRES_ACTION),
    ],
)
async def test_a_decline_is_a_payment(provider: StripeProvider, script: Script, code: str, state: PaymentState) -> None:
    script.answers = [declined(code)]
    payment = await provider.pay(PAYMENT_REQUEST)
    assert (payment.id, payment.state, payment.failure_code) == ("pi_1", state, code)
    assert payment.failure_message == "Declined."
    assert payment.card == Card("pm_1", "visa", "4242", 12, 2035)
    assert payment.client_secret == (SECRET if state is PaymentState.REQUIRES_ACTION else "")


async def test_a_decline_without_a_payment_is_a_refusal(provider: StripeProvider, script: Script) -> None:
    script.answers = [error(402, type="card_error", code="card_declined")]
    with pytest.raises(ProviderRefused) as refused:
        await provider.pay(PAYMENT_REQUEST)
    assert refused.value.code == "card_declined"


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("requires_confirmation", PaymentState.REQUIRES_ACTION),
        ("requires_action", PaymentState.REQUIRES_ACTION),
        ("processing", PaymentState.PROCESSING),
        ("requires_capture", PaymentState.PROCESSING),
        ("canceled", PaymentState.CANCELED),
        ("brand_new", PaymentState.PROCESSING),
    ],
)
async def test_each_status_is_a_state(
    provider: StripeProvider, script: Script, status: str, state: PaymentState
) -> None:
    script.answers = [Answer({**INTENT, "status": status})]
    assert (await provider.payment("pi_1")).state is state


async def test_the_amount_of_a_paid_payment_is_what_was_received(provider: StripeProvider, script: Script) -> None:
    script.answers = [Answer({**PAID, "amount_received": 2400})]
    assert (await provider.payment("pi_1")).amount == 24_000_000


async def test_a_payment_without_metadata_has_no_top_up(provider: StripeProvider, script: Script) -> None:
    script.answers = [Answer({**PAID, "metadata": {}, "payment_method": {"id": "pm_2", "type": "link"}})]
    payment = await provider.payment("pi_1")
    assert (payment.top_up, payment.card) == ("", None)


Call = Callable[[StripeProvider], Any]
WRITES: dict[str, Call] = {
    "pay": lambda provider: provider.pay(PAYMENT_REQUEST),
    "refund": lambda provider: provider.refund(REFUND_REQUEST),
    "customer": lambda provider: provider.create_customer("c", name="Acme", email="", idempotency_key="k"),
    "cancel": lambda provider: provider.cancel("pi_1"),
}
READS: dict[str, Call] = {
    "payment": lambda provider: provider.payment("pi_1"),
    "find_payment": lambda provider: provider.find_payment("cus_1", "t1", 0),
    "find_refund": lambda provider: provider.find_refund("pi_1", "r1"),
    "cards": lambda provider: provider.cards("cus_1"),
    "remove_card": lambda provider: provider.remove_card("cus_1", "pm_1"),
}


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def hang_up_in_the_middle(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"id": "pi_1"')
    return await hang_up(request)


async def say_nothing(request: web.Request) -> web.StreamResponse:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    return web.Response()


NO_ANSWER: dict[str, Any] = {
    "500": error(500, type="api_error"),
    "429": error(429, code="rate_limit"),
    "409": error(409, code="lock_timeout"),
    "key in use": error(409, type="idempotency_error", code="idempotency_key_in_use"),
    "key used otherwise": error(400, type="idempotency_error"),
    "no JSON": Answer(b"<html>", 200),
    "not as documented": Answer({"object": "something", "id": 7}),
    "hung up": hang_up,
    "hung up in the middle": hang_up_in_the_middle,
    "says nothing": say_nothing,
}


@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("answer", NO_ANSWER.values(), ids=NO_ANSWER)
async def test_a_write_without_an_answer_may_be_applied(
    provider: StripeProvider, script: Script, call: Call, answer: Any
) -> None:
    script.answers = [answer]
    with pytest.raises(ProviderUnavailable) as away:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            await call(provider)
    assert away.value.applied is Applied.UNKNOWN


@pytest.mark.parametrize("call", READS.values(), ids=READS)
@pytest.mark.parametrize("answer", [NO_ANSWER["500"], NO_ANSWER["429"], hang_up, say_nothing])
async def test_a_read_without_an_answer_is_not_applied(
    provider: StripeProvider, script: Script, call: Call, answer: Any
) -> None:
    script.answers = [answer]
    with pytest.raises(ProviderUnavailable) as away:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            await call(provider)
    assert away.value.applied is Applied.NO
    # Where a connection that was used before is lost, aiohttp asks again as well.
    assert len(script.requests) <= 2 * (1 + stripe_provider.RETRIES_MAX)


@pytest.mark.parametrize("call", [*WRITES.values(), *READS.values()], ids=[*WRITES, *READS])
@pytest.mark.parametrize("status", [401, 403])
async def test_a_rejected_api_key_fails_no_payment(
    provider: StripeProvider, script: Script, call: Call, status: int
) -> None:
    script.answers = [error(status)]
    with pytest.raises(ProviderUnavailable, match="STRIPE_API_KEY") as away:
        await call(provider)
    assert away.value.applied is Applied.NO


async def test_a_call_with_all_its_attempts_is_bounded(
    script: Script, provider: StripeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe_provider, "CALL_SECONDS_MAX", 0.1)
    script.answers = [say_nothing]
    began = time.monotonic()
    with pytest.raises(ProviderUnavailable) as away:
        await provider.pay(PAYMENT_REQUEST)
    assert away.value.applied is Applied.UNKNOWN
    assert time.monotonic() - began < 5


async def test_a_refused_connection_is_no_answer() -> None:
    nowhere = StripeProvider(KEY, [], api_base="http://127.0.0.1:1")
    with pytest.raises(ProviderUnavailable):
        await nowhere.payment("pi_1")
    await nowhere.close()


async def test_a_refusal_has_the_code_of_stripe(provider: StripeProvider, script: Script) -> None:
    script.answers = [error(400, code="amount_too_small", param="amount")]
    for call in ("pay", "refund", "customer"):
        with pytest.raises(ProviderRefused, match=r"^No\.$") as refused:
            await WRITES[call](provider)
        assert refused.value.code == "amount_too_small"
    script.answers = [error(400)]
    with pytest.raises(ProviderRefused) as refused:
        await provider.pay(PAYMENT_REQUEST)
    assert refused.value.code == "invalid_request_error"


async def test_an_amount_that_is_not_whole_is_not_sent(provider: StripeProvider, script: Script) -> None:
    with pytest.raises(ProviderRefused):
        await provider.pay(PaymentRequest("t", "cus_1", 25_000_001, "EUR", "k"))
    with pytest.raises(ProviderRefused):
        await provider.refund(PaymentRefundRequest("r", "pi_1", 500_000, "JPY", "k"))
    assert not script.requests


async def test_a_refused_card_is_unknown_unless_it_is_the_customers(provider: StripeProvider, script: Script) -> None:
    order = PaymentRequest("t", "cus_1", 25_000_000, "EUR", "k", card="pm_1")
    for lookup in (error(404, code="resource_missing"), Answer({**METHOD, "customer": None})):
        script.answers = [error(400, param="payment_method"), lookup]
        with pytest.raises(PaymentMethodUnknown):
            await provider.pay(order)
    script.answers = [error(400, code="amount_too_small"), Answer(METHOD)]
    with pytest.raises(ProviderRefused):
        await provider.pay(order)


async def test_a_card_that_is_removed_concurrently_is_unknown(provider: StripeProvider, script: Script) -> None:
    script.answers = [Answer(METHOD), error(400)]
    with pytest.raises(PaymentMethodUnknown):
        await provider.remove_card("cus_1", "pm_1")
    assert [request.path for request in script.requests] == [
        "/v1/payment_methods/pm_1",
        "/v1/payment_methods/pm_1/detach",
    ]


async def test_a_payment_is_searched_page_by_page(provider: StripeProvider, script: Script) -> None:
    """From CLOCK_SECONDS_MAX before the time of the top-up."""
    other = {**INTENT, "id": "pi_9", "metadata": {"top_up": "companies/acme/topUps/t9"}}
    pages = [{"object": "list", "url": "/v1/payment_intents", "has_more": more} for more in (True, False)]
    script.answers = [Answer({**pages[0], "data": [other]}), Answer({**pages[1], "data": [INTENT]})]
    found = await provider.find_payment("cus_1", "companies/acme/topUps/t1", 1_000)
    assert found is not None
    assert found.id == "pi_1"
    first, second = (request.words for request in script.requests)
    assert (first["customer"], first["created[gte]"]) == (["cus_1"], [str(1_000 - CLOCK_SECONDS_MAX)])
    assert "starting_after" not in first
    assert (second["starting_after"], second["customer"]) == (["pi_9"], ["cus_1"])


async def test_a_search_of_too_many_pages_is_no_answer(provider: StripeProvider, script: Script) -> None:
    """It must not say that there is none."""
    script.answers = [Answer({"object": "list", "url": "/v1/refunds", "has_more": True, "data": [REFUND]})]
    with pytest.raises(ProviderUnavailable):
        await provider.find_refund("pi_1", "another")
    assert len(script.requests) == PAGES_MAX


async def test_no_log_has_a_secret(
    provider: StripeProvider, script: Script, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    script.answers = [Answer(INTENT)]
    await provider.pay(PAYMENT_REQUEST)
    for answer in (error(401), error(500, type="api_error"), hang_up):
        script.answers = [answer]
        with pytest.raises(ProviderUnavailable) as away:
            await provider.pay(PAYMENT_REQUEST)
        assert KEY not in repr(away.value)
    said = caplog.text + "".join(capsys.readouterr())
    assert KEY not in said
    assert SECRET not in said
