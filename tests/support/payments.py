"""A fake payment provider, and processes that crash at a chosen moment, for tests of top-ups."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import replace

from admin.payments.port import (
    Card,
    Dispute,
    DisputeState,
    Payment,
    PaymentMethodUnknown,
    PaymentProvider,
    PaymentRefund,
    PaymentRefundRequest,
    PaymentRequest,
    PaymentState,
    ProviderEvent,
    ProviderRefused,
    ProviderUnavailable,
    RefundState,
)
from admin.top_ups.services import TopUpServices, TopUpStores
from tests.support.wallets import Wallets
from wallet.domain.errors import Applied

GOOD, INSUFFICIENT_FUNDS, AUTHENTICATION_REQUIRED, REMOVED = "pm_good", "pm_poor", "pm_asked", "pm_gone"
"""Saved cards: one that pays, one without funds, one whose bank requires 3-D Secure, one that was removed."""
CARD = Card(GOOD, "visa", "4242", 12, 2030)


class FakeProvider:
    """A PaymentProvider in memory: a call with a known idempotency key returns the object of the first call."""

    def __init__(self, name: str = "", *, forgetful: bool = False) -> None:
        """`name` is part of the ids. A forgetful provider keeps no idempotency keys, like a real one after a day."""
        self._name = name
        self._forgetful = forgetful
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, PaymentRefund] = {}
        self.customers: dict[str, str] = {}
        self.of_key: dict[str, str] = {}
        self.saved: dict[str, list[Card]] = {}
        self.refuses_refunds = False
        self.refund_state = RefundState.SUCCEEDED
        self.away = False
        self.refuses_queries = False
        self.refuses_customers = False
        self.events: list[ProviderEvent] = []

    @property
    def charged(self) -> int:
        """The sum of payments that have succeeded, in micros."""
        return sum(payment.amount for payment in self.payments.values() if payment.state is PaymentState.SUCCEEDED)

    @property
    def refunded(self) -> int:
        """The sum of refunds that have succeeded, in micros."""
        return sum(refund.amount for refund in self.refunds.values() if refund.state is RefundState.SUCCEEDED)

    def finish(self, payment: str) -> None:
        """Let the customer complete a payment in the front end."""
        self.payments[payment] = replace(self.payments[payment], state=PaymentState.SUCCEEDED, card=CARD)

    async def create_customer(self, company: str, *, name: str, email: str, idempotency_key: str) -> str:
        await self._call()
        if self.refuses_customers:
            raise ProviderRefused("email_invalid", f"Invalid email address: {email}")
        return self.customers.setdefault(idempotency_key, f"cus_{len(self.customers) + 1}")

    async def pay(self, request: PaymentRequest) -> Payment:
        await self._call()
        known = None if self._forgetful else self.of_key.get(request.idempotency_key)
        if known is not None:
            return self.payments[known]
        if request.card == REMOVED:
            raise PaymentMethodUnknown(request.card)
        payment = Payment(
            f"pi_{self._name}{len(self.payments) + 1}",
            PaymentState.REQUIRES_ACTION,
            request.top_up,
            request.amount,
            request.currency,
            client_secret=f"secret_{len(self.payments) + 1}",
        )
        if request.card == GOOD:
            payment = replace(payment, state=PaymentState.SUCCEEDED, client_secret="", card=CARD)
        elif request.card == INSUFFICIENT_FUNDS:
            payment = replace(payment, state=PaymentState.FAILED, client_secret="", failure_code="insufficient_funds")
        self.of_key[request.idempotency_key] = payment.id
        self.payments[payment.id] = payment
        return payment

    async def payment(self, payment: str) -> Payment:
        await self._query()
        return self.payments[payment]

    async def find_payment(self, customer: str, top_up: str, since: int) -> Payment | None:
        await self._call()
        found = [payment for payment in self.payments.values() if payment.top_up == top_up]
        return max(found, key=lambda payment: payment.state is PaymentState.SUCCEEDED, default=None)

    async def cancel(self, payment: str) -> Payment:
        await self._query()
        if self.payments[payment].state is not PaymentState.SUCCEEDED:
            self.payments[payment] = replace(self.payments[payment], state=PaymentState.CANCELED, client_secret="")
        return self.payments[payment]

    async def refund(self, request: PaymentRefundRequest) -> PaymentRefund:
        await self._call()
        known = None if self._forgetful else self.of_key.get(request.idempotency_key)
        if known is not None:
            return self.refunds[known]
        if self.refuses_refunds:
            raise ProviderRefused("charge_disputed", "This charge has been charged back.")
        number = len(self.refunds) + 1
        refund = PaymentRefund(
            f"re_{self._name}{number}",
            self.refund_state,
            request.refund,
            request.payment,
            request.amount,
            request.currency,
        )
        self.of_key[request.idempotency_key] = refund.id
        self.refunds[refund.id] = refund
        return refund

    async def find_refund(self, payment: str, refund: str) -> PaymentRefund | None:
        await self._query()
        return next((known for known in self.refunds.values() if known.refund == refund), None)

    async def cards(self, customer: str) -> list[Card]:
        await self._query()
        return self.saved.get(customer, [])

    async def remove_card(self, customer: str, card: str) -> None:
        await self._call()
        kept = [known for known in self.saved.get(customer, []) if known.id != card]
        if len(kept) == len(self.saved.get(customer, [])):
            raise PaymentMethodUnknown(card)
        self.saved[customer] = kept

    def check_amount(self, amount: int, currency: str) -> None:
        if amount % 10_000:
            raise ProviderRefused("amount_invalid", "is no whole number of cents")

    def parse_event(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        return self.events[int(body)]

    async def _query(self) -> None:
        await self._call()
        if self.refuses_queries:
            raise ProviderRefused("resource_missing", "No such object.")

    async def _call(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise ProviderUnavailable("no connection", applied=Applied.UNKNOWN)


def dispute(payment: Payment, state: DisputeState = DisputeState.OPEN, *, name: str = "dp_1") -> Dispute:
    """Return a dispute of a whole payment."""
    return Dispute(name, payment.id, state, payment.amount, payment.currency, "fraudulent")


class ProcessCrashed(BaseException):
    """The process crashed here. It is no Exception, so that no handler of the product catches it."""


class CrashPoint:
    """Crashes at one of the moments before and after each call through a CrashingProxy, which count from 0."""

    def __init__(self, moment: int) -> None:
        self._left = moment

    @property
    def survived(self) -> bool:
        """Whether the process ended before the moment came."""
        return self._left >= 0

    def pass_moment(self) -> None:
        """Raise ProcessCrashed if this is the moment."""
        self._left -= 1
        if self._left == -1:
            raise ProcessCrashed


class CrashingProxy:
    """A store, an engine or a provider in a process that crashes before or after one of its calls."""

    def __init__(self, target: Any, crash: CrashPoint) -> None:
        self._target = target
        self._crash = crash

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._target, name)
        if not asyncio.iscoroutinefunction(member):
            return member

        async def called(*arguments: Any, **named: Any) -> Any:
            self._crash.pass_moment()
            answer = await member(*arguments, **named)
            self._crash.pass_moment()
            return answer

        return called


async def ignore_chargeback(_company: str) -> None:
    """Do nothing."""


def services_of(
    wallets: Wallets,
    provider: PaymentProvider | None = None,
    *,
    on_chargeback: Callable[[str], Awaitable[None]] = ignore_chargeback,
) -> TopUpServices:
    """Return services with open stores; without a provider there are no cards."""
    stores = TopUpStores.over(wallets.pool)
    return TopUpServices(wallets.engine, stores, provider, on_chargeback=on_chargeback)


def crashing_services(wallets: Wallets, provider: FakeProvider, crash: CrashPoint) -> TopUpServices:
    """Return services in a process that crashes at the moment of `crash`."""
    engine: Any = CrashingProxy(wallets.engine, crash)
    stores: Any = (CrashingProxy(store, crash) for store in TopUpStores.over(wallets.pool))
    return TopUpServices(engine, TopUpStores(*stores), CrashingProxy(provider, crash), on_chargeback=ignore_chargeback)
