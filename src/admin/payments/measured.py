"""A payment provider that counts and times the calls to another one."""

import time
from collections.abc import Awaitable, Mapping
from typing import TypeVar

from admin.metrics import payment_calls, payment_seconds
from admin.payments.port import (
    Card,
    Payment,
    PaymentMethodUnknown,
    PaymentProvider,
    PaymentRefund,
    PaymentRefundRequest,
    PaymentRequest,
    ProviderEvent,
    ProviderRefused,
    ProviderUnavailable,
)

T = TypeVar("T")

_OUTCOMES = {ProviderUnavailable: "unavailable", ProviderRefused: "refused", PaymentMethodUnknown: "refused"}
FAULT = "fault"


class MeasuredProvider:
    """A PaymentProvider that passes each call on to another one, and records its duration and outcome."""

    def __init__(self, provider: PaymentProvider) -> None:
        """Measure the calls to `provider`."""
        self._provider = provider

    async def create_customer(self, company: str, *, name: str, email: str, idempotency_key: str) -> str:
        """See the port."""
        call = self._provider.create_customer(company, name=name, email=email, idempotency_key=idempotency_key)
        return await _measured("create_customer", call)

    async def pay(self, request: PaymentRequest) -> Payment:
        """See the port."""
        return await _measured("pay", self._provider.pay(request))

    async def payment(self, payment: str) -> Payment:
        """See the port."""
        return await _measured("payment", self._provider.payment(payment))

    async def find_payment(self, customer: str, top_up: str, since: int) -> Payment | None:
        """See the port."""
        return await _measured("find_payment", self._provider.find_payment(customer, top_up, since))

    async def cancel(self, payment: str) -> Payment:
        """See the port."""
        return await _measured("cancel", self._provider.cancel(payment))

    async def refund(self, request: PaymentRefundRequest) -> PaymentRefund:
        """See the port."""
        return await _measured("refund", self._provider.refund(request))

    async def find_refund(self, payment: str, refund: str) -> PaymentRefund | None:
        """See the port."""
        return await _measured("find_refund", self._provider.find_refund(payment, refund))

    async def cards(self, customer: str) -> list[Card]:
        """See the port."""
        return await _measured("cards", self._provider.cards(customer))

    async def remove_card(self, customer: str, card: str) -> None:
        """See the port."""
        await _measured("remove_card", self._provider.remove_card(customer, card))

    def check_amount(self, amount: int, currency: str) -> None:
        """See the port. No request is sent."""
        self._provider.check_amount(amount, currency)

    def parse_event(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        """See the port. No request is sent."""
        return self._provider.parse_event(body, headers)


async def _measured(operation: str, call: Awaitable[T]) -> T:
    """Await a call and record it. A cancelled call is counted as a fault, since its outcome is not known."""
    began, outcome = time.monotonic(), FAULT
    try:
        answer = await call
        outcome = "done"
    except Exception as error:
        outcome = _OUTCOMES.get(type(error), FAULT)
        raise
    else:
        return answer
    finally:
        payment_calls.labels(operation, outcome).inc()
        payment_seconds.labels(operation).observe(time.monotonic() - began)
