"""Stripe behind the port, by its official SDK: cards through PaymentIntents, saved cards, refunds, webhooks.

Every call has one of two forms. `_ask` only looks: where it gets no answer, nothing was done. `_do` may have worked all
the same, and is told apart from the next by its idempotency key. Stripe keeps the answer to a key for a day at least,
and gives it again as it was; so a payment that comes from a replay is asked for once more: it may have been paid since.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import aiohttp
import stripe

from admin.payments import minor_units
from admin.payments.port import (
    Card,
    Notification,
    Payment,
    PaymentMethodUnknown,
    PaymentOrder,
    PaymentRefund,
    PaymentState,
    ProviderRefused,
    ProviderUnavailable,
    RefundOrder,
)
from admin.payments.stripe import notifications as stripe_notifications
from admin.payments.stripe import objects as stripe_objects
from admin.payments.stripe.errors import meaning
from wallet.domain.errors import Applied

API_VERSION = "2026-10-28.endive"
"""What we speak, whatever the account's default: the one that the SDK was made for."""
TRY_SECONDS_MAX = 20.0
"""How long one try may take; a bank that is asked takes some seconds, seldom ten."""
CONNECT_SECONDS_MAX = 5.0
CALL_SECONDS_MAX = 45.0
"""How long a call may take with all of its tries."""
RETRIES_MAX = 1
"""How often the SDK tries again by itself, under the same key: after a lost connection, 409, 5xx. Once heals a
connection that the other side had closed, and a lock. What lasts longer is for whoever sweeps up what is under way."""
PAGE_SIZE = 100
PAGES_MAX = 50
"""How much of a list is looked through. Where there is more, the answer is none rather than "not there"."""
CLOCK_SECONDS_MAX = 300
"""How far our clock may be ahead of Stripe's where payments are looked for by their time."""
STATES_BEST_FIRST = (
    PaymentState.SUCCEEDED,
    PaymentState.PROCESSING,
    PaymentState.REQUIRES_ACTION,
    PaymentState.FAILED,
    PaymentState.CANCELED,
)
CARDS = "card"

Object = TypeVar("Object", bound=stripe.StripeObject)
Answer = TypeVar("Answer")


class StripeProvider:
    """The port's PaymentProvider. One for each process; safe for any number of calls at once."""

    def __init__(self, api_key: str, webhook_secrets: Sequence[str], *, api_base: str | None = None) -> None:
        """Take a secret or restricted key, and all secrets that webhooks may be signed with; nothing connects yet.

        `api_base` is where to call instead of Stripe.
        """
        stripe.enable_telemetry = False  # the SDK has it for all clients at once
        logging.getLogger("stripe").setLevel(logging.WARNING)  # below, it logs every body, client secrets included
        timeout = aiohttp.ClientTimeout(total=TRY_SECONDS_MAX, sock_connect=CONNECT_SECONDS_MAX)
        self._http = stripe.AIOHTTPClient(timeout=timeout)
        self._stripe = stripe.StripeClient(
            api_key,
            stripe_version=API_VERSION,
            base_addresses={"api": api_base} if api_base else {},
            max_network_retries=RETRIES_MAX,
            http_client=self._http,
        ).v1
        self._webhook_secrets = tuple(webhook_secrets)
        self._live = api_key.startswith(("sk_live_", "rk_live_"))

    async def close(self) -> None:
        """Close its connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]  # the SDK's

    async def create_customer(self, company: str, *, name: str, email: str, idempotency_key: str) -> str:
        """See the port."""
        params: dict[str, Any] = {"name": name, "metadata": {"company": company}}
        if email:
            params["email"] = email
        customer = await self._do(self._stripe.customers.create_async, params, idempotency_key)
        return stripe_objects.id_of(customer.to_dict())

    async def pay(self, order: PaymentOrder) -> Payment:
        """See the port. A declined card is a payment that FAILED, or REQUIRES_ACTION where its holder can mend it."""
        try:
            intent = await self._do(self._stripe.payment_intents.create_async, _params(order), order.idempotency_key)
        except ProviderRefused as refused:
            declined = refused.__cause__
            if isinstance(declined, stripe.CardError) and (data := _payment_in(declined)) is not None:
                made = stripe_objects.payment(data)
                return await self.payment(made.id) if _is_replay(declined.headers) else made
            # Asked only now: had the payment been made before, its key had brought it, whoever has the card by now.
            if order.card and not await self._has_card(order.customer, order.card):
                raise PaymentMethodUnknown(order.card) from refused
            raise
        if _is_replay(intent.last_response.headers if intent.last_response else None):
            return await self.payment(intent.id)
        return stripe_objects.payment(intent.to_dict())

    async def payment(self, payment: str) -> Payment:
        """See the port. Raises ProviderRefused where there is none."""
        intent = await self._ask(self._stripe.payment_intents.retrieve_async(payment, {"expand": ["payment_method"]}))
        return stripe_objects.payment(intent.to_dict())

    async def find_payment(self, customer: str, top_up: str, since: int) -> Payment | None:
        """See the port. Looks through lists, which have what was just made; Stripe's search may lag by minutes."""
        params = {
            "customer": customer,
            "created": {"gte": since - CLOCK_SECONDS_MAX},
            "expand": ["data.payment_method"],
        }
        found = [
            payment
            async for data in self._all(self._stripe.payment_intents.list_async, params)
            if (payment := stripe_objects.payment(data)).top_up == top_up
        ]
        return min(found, key=lambda payment: STATES_BEST_FIRST.index(payment.state), default=None)

    async def cancel(self, payment: str) -> Payment:
        """See the port. Raises ProviderRefused where there is no such payment."""
        # Refused where it is over or on its way: how it stands is asked then, as after a cancel that worked.
        with suppress(ProviderRefused):
            await self._do(lambda _, options: self._stripe.payment_intents.cancel_async(payment, options=options))
        return await self.payment(payment)

    async def refund(self, order: RefundOrder) -> PaymentRefund:
        """See the port."""
        params: dict[str, Any] = {
            "payment_intent": order.payment,
            "amount": minor_units.to_minor(order.amount, order.currency),
            "metadata": {stripe_objects.REFUND: order.refund},
        }
        refund = await self._do(self._stripe.refunds.create_async, params, order.idempotency_key)
        if _is_replay(refund.last_response.headers if refund.last_response else None):
            refund = await self._ask(self._stripe.refunds.retrieve_async(refund.id))
        return stripe_objects.refund(refund.to_dict())

    async def find_refund(self, payment: str, refund: str) -> PaymentRefund | None:
        """See the port."""
        async for data in self._all(self._stripe.refunds.list_async, {"payment_intent": payment}):
            found = stripe_objects.refund(data)
            if found.refund == refund:
                return found
        return None

    async def cards(self, customer: str) -> list[Card]:
        """See the port."""
        methods = self._all(self._stripe.payment_methods.list_async, {"customer": customer, "type": CARDS})
        cards = [stripe_objects.card_of(data) async for data in methods]
        return [card for card in cards if card is not None]

    async def remove_card(self, customer: str, card: str) -> None:
        """See the port. Of two that remove it at once, one may be told that it is not there."""
        if not await self._has_card(customer, card):
            raise PaymentMethodUnknown(card)
        try:
            await self._do(lambda _, options: self._stripe.payment_methods.detach_async(card, options=options))
        except ProviderRefused as refused:
            raise PaymentMethodUnknown(card) from refused

    def check_amount(self, amount: int, currency: str) -> None:
        """See the port."""
        minor_units.check(amount, currency)

    def notification(self, body: bytes, headers: Mapping[str, str]) -> Notification | None:
        """See the port."""
        return stripe_notifications.read(body, headers, self._webhook_secrets, live=self._live)

    async def _has_card(self, customer: str, card: str) -> bool:
        try:
            method = await self._ask(self._stripe.payment_methods.retrieve_async(card))
        except ProviderRefused:
            return False
        return method.customer == customer

    async def _all(
        self, list_page: Callable[[Any], Awaitable[stripe.ListObject[Any]]], params: Mapping[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield a list's objects as JSON, the latest first. Raises ProviderUnavailable where there are too many."""
        place: dict[str, Any] = {}
        for _ in range(PAGES_MAX):
            page = await self._ask(list_page({**params, "limit": PAGE_SIZE, **place}))
            for item in page.data:
                yield item.to_dict()
            if not page.has_more or not page.data:
                return
            place = {"starting_after": page.data[-1].id}
        raise ProviderUnavailable(f"There are more than {PAGES_MAX * PAGE_SIZE} to look through.", applied=Applied.NO)

    async def _do(
        self,
        call: Callable[[Any, Any], Coroutine[Any, Any, Object]],
        params: Mapping[str, Any] | None = None,
        idempotency_key: str = "",
    ) -> Object:
        """Have something done. Without a key the SDK makes one up, for its own tries."""
        options = {"idempotency_key": idempotency_key} if idempotency_key else {}
        return await _answer(call(params or {}, options), Applied.UNKNOWN)

    async def _ask(self, call: Awaitable[Answer]) -> Answer:
        return await _answer(call, Applied.NO)


async def _answer(call: Awaitable[Answer], applied: Applied) -> Answer:
    """Wait for an answer within bounds, and say of every failure what it means."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            return await call
    except stripe.StripeError as error:
        raise meaning(error, applied) from error
    except (aiohttp.ClientError, OSError) as error:  # while a body was read; TimeoutError is an OSError
        seconds = time.monotonic() - began
        raise ProviderUnavailable(f"{type(error).__name__} after {seconds:.1f} s", applied=applied) from error


def _params(order: PaymentOrder) -> dict[str, Any]:
    """Return a payment as Stripe is told of it. The same order gives the same, as its key demands."""
    params: dict[str, Any] = {
        "amount": minor_units.to_minor(order.amount, order.currency),
        "currency": order.currency.lower(),
        "customer": order.customer,
        "payment_method_types": [CARDS],
        "metadata": {stripe_objects.TOP_UP: order.top_up},
        "expand": ["payment_method"],
    }
    if order.description:
        params["description"] = order.description
    if order.card:
        params |= {"payment_method": order.card, "confirm": True, "off_session": True}
        params["metadata"][stripe_objects.SAVED_CARD] = "true"
    elif order.save_card:
        params["setup_future_usage"] = "off_session"
    return params


def _payment_in(error: stripe.CardError) -> dict[str, Any] | None:
    """Return the PaymentIntent that a card's decline is about."""
    body: Any = error.json_body
    intent = body.get("error", {}).get("payment_intent") if isinstance(body, dict) else None
    return intent if isinstance(intent, dict) else None


def _is_replay(headers: Mapping[str, str] | None) -> bool:
    """Return whether Stripe gave an answer that it had given before."""
    return any(name.lower() == "idempotent-replayed" and value == "true" for name, value in (headers or {}).items())
