"""The payment provider Stripe, through its official SDK: PaymentIntents, saved cards, refunds and webhooks.

Every call has one of two forms. `_read` has no effect, with or without an answer. `_write` may have had its effect
although there was no answer, and carries an idempotency key. Stripe keeps the answer to a key for at least a day and
replays it unchanged, so a payment from a replay is read again: it may have been paid since.
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
    Payment,
    PaymentMethodUnknown,
    PaymentRefund,
    PaymentRefundRequest,
    PaymentRequest,
    PaymentState,
    ProviderEvent,
    ProviderRefused,
    ProviderUnavailable,
)
from admin.payments.stripe import objects as stripe_objects
from admin.payments.stripe import webhooks as stripe_webhooks
from admin.payments.stripe.errors import meaning
from admin.payments.stripe.requests import CARDS, is_replay, payment_in, payment_params
from wallet.domain.errors import Applied

API_VERSION = "2026-10-28.endive"
"""The version of the API that is used, whatever the account's default: the one that the SDK was made for."""
TRY_SECONDS_MAX = 20.0
"""The longest that one attempt may take; a bank's authorization takes some seconds, seldom ten."""
CONNECT_SECONDS_MAX = 5.0
CALL_SECONDS_MAX = 45.0
"""The longest that a call may take with all of its attempts."""
RETRIES_MAX = 1
"""How often the SDK retries by itself, with the same idempotency key: after a lost connection, 409, 5xx. One retry
handles a connection that Stripe had closed, and a lock. Longer outages are handled by the sweep of top-ups."""
PAGE_SIZE = 100
PAGES_MAX = 50
"""How many pages of a list are read. If there are more, the call raises ProviderUnavailable instead of "not found"."""
CLOCK_SECONDS_MAX = 300
"""How far the local clock may be ahead of Stripe's when payments are searched by time."""
STATES_BEST_FIRST = (
    PaymentState.SUCCEEDED,
    PaymentState.PROCESSING,
    PaymentState.REQUIRES_ACTION,
    PaymentState.FAILED,
    PaymentState.CANCELED,
)
Object = TypeVar("Object", bound=stripe.StripeObject)
Answer = TypeVar("Answer")


class StripeProvider:
    """A PaymentProvider. One for each process; safe for any number of concurrent calls."""

    def __init__(self, api_key: str, webhook_secrets: Sequence[str], *, api_base: str | None = None) -> None:
        """Use a secret or restricted key, and accept webhooks signed with any of the secrets; nothing connects yet.

        `api_base` is the address to call instead of Stripe's.
        """
        stripe.enable_telemetry = False  # The SDK has one setting for all clients.
        logging.getLogger("stripe").setLevel(logging.WARNING)  # At INFO it logs every body, client secrets included.
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
        customer = await self._write(self._stripe.customers.create_async, params, idempotency_key)
        return stripe_objects.id_of(customer.to_dict())

    async def pay(self, request: PaymentRequest) -> Payment:
        """See the port. A declined card is a FAILED payment, or REQUIRES_ACTION if its holder can authenticate it."""
        try:
            intent = await self._write(
                self._stripe.payment_intents.create_async, payment_params(request), request.idempotency_key
            )
        except ProviderRefused as refused:
            declined = refused.__cause__
            if isinstance(declined, stripe.CardError) and (data := payment_in(declined)) is not None:
                made = stripe_objects.payment(data)
                return await self.payment(made.id) if is_replay(declined.headers) else made
            # The card is checked only after a refusal: if the payment had been created before, the idempotency key
            # would have returned it, even if the card has been removed since.
            if request.card and not await self._has_card(request.customer, request.card):
                raise PaymentMethodUnknown(request.card) from refused
            raise
        if is_replay(intent.last_response.headers if intent.last_response else None):
            return await self.payment(intent.id)
        return stripe_objects.payment(intent.to_dict())

    async def payment(self, payment: str) -> Payment:
        """See the port. Raises ProviderRefused if there is none."""
        intent = await self._read(self._stripe.payment_intents.retrieve_async(payment, {"expand": ["payment_method"]}))
        return stripe_objects.payment(intent.to_dict())

    async def find_payment(self, customer: str, top_up: str, since: int) -> Payment | None:
        """See the port. Reads lists, which are up to date; Stripe's search may lag by minutes."""
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
        """See the port. Raises ProviderRefused if there is no such payment."""
        # Stripe refuses if the payment has ended or is processing; its state is read afterwards in any case.
        with suppress(ProviderRefused):
            await self._write(lambda _, options: self._stripe.payment_intents.cancel_async(payment, options=options))
        return await self.payment(payment)

    async def refund(self, request: PaymentRefundRequest) -> PaymentRefund:
        """See the port."""
        params: dict[str, Any] = {
            "payment_intent": request.payment,
            "amount": minor_units.to_minor(request.amount, request.currency),
            "metadata": {stripe_objects.REFUND: request.refund},
        }
        refund = await self._write(self._stripe.refunds.create_async, params, request.idempotency_key)
        if is_replay(refund.last_response.headers if refund.last_response else None):
            refund = await self._read(self._stripe.refunds.retrieve_async(refund.id))
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
        """See the port. One of two concurrent calls may raise PaymentMethodUnknown."""
        if not await self._has_card(customer, card):
            raise PaymentMethodUnknown(card)
        try:
            await self._write(lambda _, options: self._stripe.payment_methods.detach_async(card, options=options))
        except ProviderRefused as refused:
            raise PaymentMethodUnknown(card) from refused

    def check_amount(self, amount: int, currency: str) -> None:
        """See the port."""
        minor_units.check(amount, currency)

    def parse_event(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        """See the port."""
        return stripe_webhooks.parse_event(body, headers, self._webhook_secrets, live=self._live)

    async def _has_card(self, customer: str, card: str) -> bool:
        try:
            method = await self._read(self._stripe.payment_methods.retrieve_async(card))
        except ProviderRefused:
            return False
        return method.customer == customer

    async def _all(
        self, list_page: Callable[[Any], Awaitable[stripe.ListObject[Any]]], params: Mapping[str, Any]
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield a list's objects as JSON, newest first. Raises ProviderUnavailable if there are too many."""
        place: dict[str, Any] = {}
        for _ in range(PAGES_MAX):
            page = await self._read(list_page({**params, "limit": PAGE_SIZE, **place}))
            for item in page.data:
                yield item.to_dict()
            if not page.has_more or not page.data:
                return
            place = {"starting_after": page.data[-1].id}
        raise ProviderUnavailable(f"There are more than {PAGES_MAX * PAGE_SIZE} to look through.", applied=Applied.NO)

    async def _write(
        self,
        call: Callable[[Any, Any], Coroutine[Any, Any, Object]],
        params: Mapping[str, Any] | None = None,
        idempotency_key: str = "",
    ) -> Object:
        """Make a call that has an effect. Without a key the SDK generates one for its own retries."""
        options = {"idempotency_key": idempotency_key} if idempotency_key else {}
        return await _answer(call(params or {}, options), Applied.UNKNOWN)

    async def _read(self, call: Awaitable[Answer]) -> Answer:
        return await _answer(call, Applied.NO)


async def _answer(call: Awaitable[Answer], applied: Applied) -> Answer:
    """Await an answer for CALL_SECONDS_MAX at most. Raises ProviderUnavailable, ProviderRefused."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            return await call
    except stripe.StripeError as error:
        raise meaning(error, applied) from error
    except (aiohttp.ClientError, OSError) as error:  # Raised while a body is read; TimeoutError is an OSError.
        seconds = time.monotonic() - began
        raise ProviderUnavailable(f"{type(error).__name__} after {seconds:.1f} s", applied=applied) from error
