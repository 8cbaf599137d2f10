"""What calls to the payment provider took, and how they ended: around any provider."""

import time
from collections.abc import Awaitable, Mapping
from typing import TypeVar

from admin.metrics import payment_calls, payment_seconds
from admin.payments.port import (
    Card,
    Notification,
    Payment,
    PaymentMethodUnknown,
    PaymentOrder,
    PaymentProvider,
    PaymentRefund,
    ProviderRefused,
    ProviderUnavailable,
    RefundOrder,
)

T = TypeVar("T")

_OUTCOMES = {ProviderUnavailable: "unavailable", ProviderRefused: "refused", PaymentMethodUnknown: "refused"}
FAULT = "fault"


class MeasuredProvider:
    """A PaymentProvider that does what another one does."""

    def __init__(self, provider: PaymentProvider) -> None:
        """Measure this one."""
        self._provider = provider

    async def create_customer(self, company: str, *, name: str, email: str, idempotency_key: str) -> str:
        """See the port."""
        call = self._provider.create_customer(company, name=name, email=email, idempotency_key=idempotency_key)
        return await _measured("create_customer", call)

    async def pay(self, order: PaymentOrder) -> Payment:
        """See the port."""
        return await _measured("pay", self._provider.pay(order))

    async def payment(self, payment: str) -> Payment:
        """See the port."""
        return await _measured("payment", self._provider.payment(payment))

    async def find_payment(self, customer: str, top_up: str, since: int) -> Payment | None:
        """See the port."""
        return await _measured("find_payment", self._provider.find_payment(customer, top_up, since))

    async def cancel(self, payment: str) -> Payment:
        """See the port."""
        return await _measured("cancel", self._provider.cancel(payment))

    async def refund(self, order: RefundOrder) -> PaymentRefund:
        """See the port."""
        return await _measured("refund", self._provider.refund(order))

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
        """See the port. It calls nobody."""
        self._provider.check_amount(amount, currency)

    def notification(self, body: bytes, headers: Mapping[str, str]) -> Notification | None:
        """See the port. It calls nobody."""
        return self._provider.notification(body, headers)


async def _measured(operation: str, call: Awaitable[T]) -> T:
    """Wait for a call. One that is cancelled is counted as a fault: nobody heard its end."""
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
