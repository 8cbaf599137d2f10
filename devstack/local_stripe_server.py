"""Run localstripe on loopback, without its file, and with the additions of Stripe that the service needs.

This is a script; its argument is the port. Localstripe itself listens on all interfaces, keeps all data in
/tmp/localstripe.pickle, which all instances share, and refuses unknown parameters. The additions follow Stripe's
documentation, so tests against them show that the service follows the documentation, not that Stripe does:

- idempotency keys: the same answer for the same key, an error if the request differs;
- of a payment: description, setup_future_usage (the card is saved when it is paid), amount_received;
- payments listed by customer and time, the latest first;
- declined cards: the error has a decline code and the payment; another card may be tried then;
- a saved card that requires authentication: the error `authentication_required`;
- a card of another customer is refused.

It lacks disputes, pending refunds, events of refunds and limits of amounts or currencies, and does not check client
secrets: a front end needs the secret key here.
"""

# ruff: noqa: SLF001  This file extends localstripe's internals.

import os
import socket
import sys
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from localstripe import resources, webhooks
from localstripe.errors import UserError
from localstripe.resources import Charge, Event, List, PaymentIntent, PaymentMethod, Store

LOOPBACK = "127.0.0.1"
PID_PATH = "/_config/pid"
STOP_SECONDS_MAX = 1.0
DECLINE_CODES = {"4000000000000002": "generic_decline", "4000000000009995": "insufficient_funds"}
"""Test cards that can be entered and are declined, beside those that localstripe declines."""
AUTHENTICATED_ONCE = "4000002500003155"
"""A test card that requires authentication unless it was saved on session."""

Answer = tuple[bytes, int, bytes]
"""The request (path and body), the status, the body."""


class Payment(PaymentIntent):  # type: ignore[misc]  # localstripe has no types
    """Localstripe's payment with more of Stripe's fields; `main` puts it in place of localstripe's class."""

    def __init__(
        self,
        *,
        setup_future_usage: str | None = None,
        description: str | None = None,
        payment_method: str | None = None,
        customer: str | None = None,
        **fields: Any,
    ) -> None:
        """Refuse a card of another customer, as Stripe does."""
        if payment_method and PaymentMethod._api_retrieve(payment_method).customer != customer:
            raise UserError(400, "The payment method belongs to a different customer.", {"param": "payment_method"})
        super().__init__(payment_method=payment_method, customer=customer, **fields)
        self.setup_future_usage = setup_future_usage
        self.description = description
        self._needs_authentication = False

    @property
    def amount_received(self) -> int:
        """The amount paid."""
        return int(self.amount) if self.status == "succeeded" else 0

    @property
    def status(self) -> str:
        """The status; after a failure another payment method is required."""
        return "requires_payment_method" if self._needs_authentication and not self._canceled else str(super().status)

    @property
    def last_payment_error(self) -> dict[str, Any] | None:
        """The error of the last attempt, with the decline code and the card."""
        if self._needs_authentication:
            decline_code: str | None = "authentication_required"
            error: dict[str, Any] | None = {"code": decline_code, "message": "Your card requires authentication."}
        else:
            error = super().last_payment_error
            decline_code = getattr(self.latest_charge, "decline_code", None)
        if error is not None and self.payment_method:
            card = PaymentMethod._api_retrieve(self.payment_method)
            error |= {"payment_method": card._export(), "decline_code": decline_code}
        return error

    @classmethod
    def _api_create(cls, confirm: Any = None, off_session: Any = None, **data: Any) -> Any:
        intent = super()._api_create(**data)
        if confirm:
            card = PaymentMethod._api_retrieve(intent.payment_method)
            saved = card.customer is not None and getattr(card, "_card_number", "") == AUTHENTICATED_ONCE
            if off_session and card._requires_authentication() and not saved:
                intent._needs_authentication = True
                webhooks.schedule_webhook(Event("payment_intent.payment_failed", intent))
                intent._raise_card_error()
            if off_session and saved:
                intent._create_charge(on_failure_now=intent._report_failure)
            else:
                intent._confirm(on_failure_now=intent._report_failure)
        return intent

    @classmethod
    def _api_confirm(cls, id: str, payment_method: str | None = None, **fields: Any) -> Any:  # noqa: A002
        intent = cls._api_retrieve(id)
        if payment_method:
            intent.payment_method = payment_method
        intent._needs_authentication = False
        if intent.latest_charge is not None and intent.latest_charge.status == "failed":
            intent.latest_charge = None
        return super()._api_confirm(id, **fields)

    @classmethod
    def _api_list_all(cls, url: str, **filters: Any) -> Any:
        customer, created = filters.pop("customer", None), filters.pop("created", {})
        page = List(url, **filters)
        page._list = [
            intent
            for key, intent in reversed(resources.store.items())
            if key.startswith("payment_intent:")
            and customer in (None, intent.customer)
            and intent.created >= int(created.get("gte", 0))
        ]
        return page

    def _on_success(self) -> None:
        if self.setup_future_usage and self.customer:
            PaymentMethod._api_retrieve(self.payment_method).customer = self.customer
        super()._on_success()

    def _report_failure(self) -> None:
        webhooks.schedule_webhook(Event("payment_intent.payment_failed", self))
        self._raise_card_error()

    def _raise_card_error(self) -> None:
        error = UserError(402, contents={**(self.last_payment_error or {}), "payment_intent": self._export()})
        error.body["error"]["type"] = "card_error"
        raise error


class Idempotency:
    """Stripe's idempotency: repeats the answer to a request under the same key."""

    def __init__(self) -> None:
        """Remember no answers."""
        self._answers: dict[str, Answer] = {}

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Return the remembered answer, or handle the request and remember its answer unless it is a rejection."""
        key = request.headers.get("Idempotency-Key")
        if request.method != "POST" or key is None:
            return await handler(request)
        content = request.path.encode() + b"?" + await request.read()
        if key in self._answers:
            before, status, body = self._answers[key]
            if before != content:
                error = {"type": "idempotency_error", "message": "This key was first used with other parameters."}
                return web.json_response({"error": error}, status=400)
            headers = {"Idempotent-Replayed": "true"}
            return web.Response(body=body, status=status, headers=headers, content_type="application/json")
        response = await handler(request)
        assert isinstance(response, web.Response), "localstripe streams nothing"
        assert isinstance(response.body, bytes), "it answers in JSON"
        if response.status < 400 or response.status == 402:
            self._answers[key] = (content, response.status, response.body)
        return response


def main(port: int) -> None:
    """Serve until SIGTERM."""
    _complete()
    from localstripe import server  # noqa: PLC0415  It uses the classes as they are when it is imported.

    server.app.middlewares.insert(0, Idempotency().answer)
    server.app.router.add_get(PID_PATH, _get_pid)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    web.run_app(server.app, sock=listener, print=None, shutdown_timeout=STOP_SECONDS_MAX)


def _complete() -> None:
    """Replace localstripe's classes and methods by those above."""
    is_declined, fail = PaymentMethod._charging_is_declined, Charge._set_auth_failure

    def charging_is_declined(method: Any) -> bool:
        return getattr(method, "_card_number", "") in DECLINE_CODES or bool(is_declined(method))

    def set_failure(charge: Any) -> None:
        fail(charge)
        number = getattr(PaymentMethod._api_retrieve(charge.payment_method), "_card_number", "")
        charge.decline_code = DECLINE_CODES.get(number, "generic_decline")

    PaymentMethod._charging_is_declined, Charge._set_auth_failure = charging_is_declined, set_failure
    Store.dump_to_disk = lambda _: None
    resources.PaymentIntent = Payment
    resources.extra_apis[:] = [
        (method, url, getattr(Payment, call.__name__) if getattr(call, "__self__", None) is PaymentIntent else call)
        for method, url, call in resources.extra_apis
    ]


async def _get_pid(_request: web.Request) -> web.Response:
    return web.Response(text=str(os.getpid()))


if __name__ == "__main__":
    main(int(sys.argv[1]))
