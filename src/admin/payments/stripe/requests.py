"""Requests to Stripe and their answers: the parameters of a payment, replays, and the payment in a decline."""

from collections.abc import Mapping
from typing import Any

import stripe

from admin.payments import minor_units
from admin.payments.port import PaymentRequest
from admin.payments.stripe import objects as stripe_objects

CARDS = "card"
"""The one type of payment method that is used."""


def payment_params(request: PaymentRequest) -> dict[str, Any]:
    """Return the parameters that create a payment; equal requests give equal ones, as their idempotency key demands."""
    params: dict[str, Any] = {
        "amount": minor_units.to_minor(request.amount, request.currency),
        "currency": request.currency.lower(),
        "customer": request.customer,
        "payment_method_types": [CARDS],
        "metadata": {stripe_objects.TOP_UP: request.top_up},
        "expand": ["payment_method"],
    }
    if request.description:
        params["description"] = request.description
    if request.card:
        params |= {"payment_method": request.card, "confirm": True, "off_session": True}
        params["metadata"][stripe_objects.SAVED_CARD] = "true"
    elif request.save_card:
        params["setup_future_usage"] = "off_session"
    return params


def payment_in(error: stripe.CardError) -> dict[str, Any] | None:
    """Return the PaymentIntent in the error of a declined card, if there is one."""
    body: Any = error.json_body
    intent = body.get("error", {}).get("payment_intent") if isinstance(body, dict) else None
    return intent if isinstance(intent, dict) else None


def is_replay(headers: Mapping[str, str] | None) -> bool:
    """Return whether Stripe replayed the answer of an earlier request with the same idempotency key."""
    return any(name.lower() == "idempotent-replayed" and value == "true" for name, value in (headers or {}).items())
