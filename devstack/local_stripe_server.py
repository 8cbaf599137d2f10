"""Localstripe as a program of ours: on loopback, without its file, and with what of Stripe our service needs besides.

Run as a script, with the port. Localstripe itself would listen on all interfaces, and keep everything that it is told
in /tmp/localstripe.pickle, whoever else runs one. It also refuses what it does not know. What is added here follows
Stripe's documentation, so tests against it show that we do as documented, and not that Stripe does:

- idempotency keys: the same answer for the same key, an error where the request is another one;
- of a payment: description, setup_future_usage (the card is saved when it is paid), amount_received;
- payments listed by customer and time, the latest first;
- a card that is declined: with a decline code, and with the payment in the error; another card may be tried then;
- a saved card that wants its holder: the error `authentication_required`;
- a card that is another customer's is refused.

It still has no disputes, no pending refunds, no notice of refunds, no limits of amounts or currencies, and no client
secrets that are checked: a front end needs the secret key here.
"""

# ruff: noqa: SLF001  Localstripe's insides are what is completed here.

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
"""A test card that its holder has to vouch for unless it was saved with them present."""

Answer = tuple[bytes, int, bytes]
"""The request (path and body), the status, the body."""


class Payment(PaymentIntent):  # type: ignore[misc]  # localstripe has no types
    """Localstripe's payment with more of Stripe's fields. It replaces it, see `main`."""

    def __init__(
        self,
        *,
        setup_future_usage: str | None = None,
        description: str | None = None,
        payment_method: str | None = None,
        customer: str | None = None,
        **fields: Any,
    ) -> None:
        """Refuse a card of somebody else, as Stripe does."""
        if payment_method and PaymentMethod._api_retrieve(payment_method).customer != customer:
            raise UserError(400, "The payment method belongs to a different customer.", {"param": "payment_method"})
        super().__init__(payment_method=payment_method, customer=customer, **fields)
        self.setup_future_usage = setup_future_usage
        self.description = description
        self._wants_holder = False

    @property
    def amount_received(self) -> int:
        """What came in."""
        return int(self.amount) if self.status == "succeeded" else 0

    @property
    def status(self) -> str:
        """After a failure another card is wanted."""
        return "requires_payment_method" if self._wants_holder and not self._canceled else str(super().status)

    @property
    def last_payment_error(self) -> dict[str, Any] | None:
        """With the decline code and the card."""
        if self._wants_holder:
            decline_code: str | None = "authentication_required"
            error: dict[str, Any] | None = {"code": decline_code, "message": "Your card wants its holder to agree."}
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
                intent._wants_holder = True
                webhooks.schedule_webhook(Event("payment_intent.payment_failed", intent))
                intent._refuse()
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
        intent._wants_holder = False
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
        self._refuse()

    def _refuse(self) -> None:
        error = UserError(402, contents={**(self.last_payment_error or {}), "payment_intent": self._export()})
        error.body["error"]["type"] = "card_error"
        raise error


class Idempotency:
    """Stripe's answers to requests that come again under the same key."""

    def __init__(self) -> None:
        """Nothing has been asked."""
        self._answers: dict[str, Answer] = {}

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer as before, or for the first time. What was refused before anything began is no answer to keep."""
        key = request.headers.get("Idempotency-Key")
        if request.method != "POST" or key is None:
            return await handler(request)
        asked = request.path.encode() + b"?" + await request.read()
        if key in self._answers:
            before, status, body = self._answers[key]
            if before != asked:
                error = {"type": "idempotency_error", "message": "This key was first used with other parameters."}
                return web.json_response({"error": error}, status=400)
            headers = {"Idempotent-Replayed": "true"}
            return web.Response(body=body, status=status, headers=headers, content_type="application/json")
        response = await handler(request)
        assert isinstance(response, web.Response), "localstripe streams nothing"
        assert isinstance(response.body, bytes), "it answers in JSON"
        if response.status < 400 or response.status == 402:
            self._answers[key] = (asked, response.status, response.body)
        return response


def main(port: int) -> None:
    """Serve until told to stop."""
    _complete()
    from localstripe import server  # noqa: PLC0415  It takes the classes as they are when it is imported.

    server.app.middlewares.insert(0, Idempotency().answer)
    server.app.router.add_get(PID_PATH, _tell_pid)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    web.run_app(server.app, sock=listener, print=None, shutdown_timeout=STOP_SECONDS_MAX)


def _complete() -> None:
    """Put what is above in place of what localstripe has."""
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


async def _tell_pid(_request: web.Request) -> web.Response:
    return web.Response(text=str(os.getpid()))


if __name__ == "__main__":
    main(int(sys.argv[1]))
