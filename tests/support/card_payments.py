"""Card payments on a running service: its stack, the Stripe server beside it, and webhooks as Stripe signs them."""

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from devstack import Stack
from devstack.local_stripe import API_KEY, LocalStripe
from tests.support.clients import Clients
from tests.support.polling import wait_until
from veloconnect.admin.v1 import company_pb2, top_up_pb2

SECRET = "whsec_of_these_tests"
CALL_SECONDS_MAX = 40.0
SEEN_SECONDS_MAX = 20.0
POLL_SECONDS = 0.1
WEBHOOK_PATH = "/v1/webhooks/stripe"
EVENTS = ["payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled"]

TopUp = top_up_pb2.TopUp


def paying_stack(directory: Path, stripe: LocalStripe, **environment: str) -> Stack:
    """Return a stack that takes cards through a Stripe server; send_webhooks connects its webhooks."""
    paying = {
        "STRIPE_API_KEY": API_KEY,
        "STRIPE_WEBHOOK_SECRETS": f"whsec_of_before, {SECRET}",
        "STRIPE_API_BASE": stripe.api_base,
    }
    return Stack(directory, environment={**paying, **environment})


def send_webhooks(stack: Stack, stripe: LocalStripe) -> None:
    """Let the Stripe server send its webhooks to the service, a second after each event."""
    stripe.send_webhooks("tests", stack.admin_http_url + WEBHOOK_PATH, SECRET, EVENTS)


def event(kind: str, data: Mapping[str, Any], name: str = "evt_1") -> bytes:
    """Return an event's body, as Stripe writes it."""
    words = {"id": name, "object": "event", "type": kind, "livemode": False, "data": {"object": data}}
    return json.dumps(words).encode()


def dispute(name: str, payment: str, status: str, *, cents: int) -> bytes:
    """Return the event of a dispute in EUR, which localstripe does not have."""
    data = {"id": name, "object": "dispute", "amount": cents, "currency": "eur", "status": status}
    return event("charge.dispute.updated", {**data, "reason": "fraudulent", "payment_intent": payment})


def signed(body: bytes, secret: str = SECRET, *, age_seconds: int = 0) -> str:
    """Return the header that Stripe sends with a body."""
    at = int(time.time()) - age_seconds
    return f"t={at},v1={hmac.new(secret.encode(), b'%d.%s' % (at, body), hashlib.sha256).hexdigest()}"


def post(stack: Stack, body: bytes, signature: str | None = None) -> int:
    """Post a webhook as Stripe does; return the status."""
    headers = {"Stripe-Signature": signed(body) if signature is None else signature}
    return _request(stack.admin_http_url, "POST", WEBHOOK_PATH, headers, body)[0]


def at_stripe(stripe: LocalStripe, path: str) -> Any:
    """Return an object of the Stripe server, with amounts in minor units."""
    status, body = _request(stripe.api_base, "GET", path, {"Authorization": f"Bearer {API_KEY}"})
    assert status == 200, body
    return json.loads(body)


def _request(base: str, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, bytes]:
    address = urlsplit(base)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=CALL_SECONDS_MAX)
    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def payment_of(top_up: top_up_pb2.TopUp) -> str:
    """Return the provider's id of the payment that the front end completes."""
    return top_up.client_secret.partition("_secret_")[0]


def make_company(clients: Clients, company: str, currency: str = "EUR") -> str:
    """Make a company without money; return its name."""
    clients.call(
        clients.companies.CreateCompany,
        company_pb2.CreateCompanyRequest(
            company_id=company,
            company=company_pb2.Company(
                display_name=company.title(), currency_code=currency, billing_email=f"people@{company}.example"
            ),
        ),
    )
    return f"companies/{company}"


def order(parent: str, key: str, micros: int, **fields: Any) -> top_up_pb2.CreateTopUpRequest:
    """Return the request of a top-up by a new card, unless another method is given."""
    words = {"amount_micros": micros, "currency_code": "EUR", "method": TopUp.METHOD_CARD, **fields}
    return top_up_pb2.CreateTopUpRequest(parent=parent, idempotency_key=key, top_up=TopUp(**words))


def eventually(read: Callable[[], Any], seconds: float = SEEN_SECONDS_MAX) -> Any:
    """Return what `read` returns, as soon as that is true."""
    return wait_until(read, seconds_max=seconds, poll_seconds=POLL_SECONDS)


def settled(clients: Clients, name: str, state: int = TopUp.STATE_SUCCEEDED) -> top_up_pb2.TopUp:
    """Return a top-up once it is in a state, as soon as its webhook arrives."""

    def read() -> top_up_pb2.TopUp | None:
        top_up: top_up_pb2.TopUp = clients.call(clients.top_ups.GetTopUp, top_up_pb2.GetTopUpRequest(name=name))
        return top_up if top_up.state == state else None

    return eventually(read)  # type: ignore[no-any-return]
