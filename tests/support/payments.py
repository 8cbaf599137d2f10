"""A payment provider behind our own port, and processes that die: for tests of what heals."""

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

GOOD, POOR, ASKED, GONE = "pm_good", "pm_poor", "pm_asked", "pm_gone"
"""Cards: one that pays, one without money, one whose bank asks for 3-D Secure, one that is not there."""
CARD = Card(GOOD, "visa", "4242", 12, 2030)


class Provider:
    """Keeps payments as a provider does: a call under a known idempotency key is the same call."""

    def __init__(self, name: str = "", *, forgetful: bool = False) -> None:
        """`name` tells its payments from those of others. A forgetful one knows no key, as real ones after a day."""
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
        self.refuses_questions = False
        self.refuses_customers = False
        self.events: list[ProviderEvent] = []

    @property
    def taken(self) -> int:
        """What was taken from cards, in micros."""
        return sum(payment.amount for payment in self.payments.values() if payment.state is PaymentState.SUCCEEDED)

    @property
    def given_back(self) -> int:
        """What went back to cards, in micros."""
        return sum(refund.amount for refund in self.refunds.values() if refund.state is RefundState.SUCCEEDED)

    def finish(self, payment: str) -> None:
        """Pay as a customer does in the front end."""
        self.payments[payment] = replace(self.payments[payment], state=PaymentState.SUCCEEDED, card=CARD)

    async def create_customer(self, company: str, *, name: str, email: str, idempotency_key: str) -> str:
        await self._answer()
        if self.refuses_customers:
            raise ProviderRefused("email_invalid", f"Invalid email address: {email}")
        return self.customers.setdefault(idempotency_key, f"cus_{len(self.customers) + 1}")

    async def pay(self, order: PaymentRequest) -> Payment:
        await self._answer()
        known = None if self._forgetful else self.of_key.get(order.idempotency_key)
        if known is not None:
            return self.payments[known]
        if order.card == GONE:
            raise PaymentMethodUnknown(order.card)
        payment = Payment(
            f"pi_{self._name}{len(self.payments) + 1}",
            PaymentState.REQUIRES_ACTION,
            order.top_up,
            order.amount,
            order.currency,
            client_secret=f"secret_{len(self.payments) + 1}",
        )
        if order.card == GOOD:
            payment = replace(payment, state=PaymentState.SUCCEEDED, client_secret="", card=CARD)
        elif order.card == POOR:
            payment = replace(payment, state=PaymentState.FAILED, client_secret="", failure_code="insufficient_funds")
        self.of_key[order.idempotency_key] = payment.id
        self.payments[payment.id] = payment
        return payment

    async def payment(self, payment: str) -> Payment:
        await self._asked()
        return self.payments[payment]

    async def find_payment(self, customer: str, top_up: str, since: int) -> Payment | None:
        await self._answer()
        found = [payment for payment in self.payments.values() if payment.top_up == top_up]
        return max(found, key=lambda payment: payment.state is PaymentState.SUCCEEDED, default=None)

    async def cancel(self, payment: str) -> Payment:
        await self._asked()
        if self.payments[payment].state is not PaymentState.SUCCEEDED:
            self.payments[payment] = replace(self.payments[payment], state=PaymentState.CANCELED, client_secret="")
        return self.payments[payment]

    async def refund(self, order: PaymentRefundRequest) -> PaymentRefund:
        await self._answer()
        known = None if self._forgetful else self.of_key.get(order.idempotency_key)
        if known is not None:
            return self.refunds[known]
        if self.refuses_refunds:
            raise ProviderRefused("charge_disputed", "This charge has been charged back.")
        number = len(self.refunds) + 1
        refund = PaymentRefund(
            f"re_{self._name}{number}", self.refund_state, order.refund, order.payment, order.amount, order.currency
        )
        self.of_key[order.idempotency_key] = refund.id
        self.refunds[refund.id] = refund
        return refund

    async def find_refund(self, payment: str, refund: str) -> PaymentRefund | None:
        await self._asked()
        return next((known for known in self.refunds.values() if known.refund == refund), None)

    async def cards(self, customer: str) -> list[Card]:
        await self._asked()
        return self.saved.get(customer, [])

    async def remove_card(self, customer: str, card: str) -> None:
        await self._answer()
        kept = [known for known in self.saved.get(customer, []) if known.id != card]
        if len(kept) == len(self.saved.get(customer, [])):
            raise PaymentMethodUnknown(card)
        self.saved[customer] = kept

    def check_amount(self, amount: int, currency: str) -> None:
        if amount % 10_000:
            raise ProviderRefused("amount_invalid", "is no whole number of cents")

    def parse_event(self, body: bytes, headers: Mapping[str, str]) -> ProviderEvent | None:
        return self.events[int(body)]

    async def _asked(self) -> None:
        await self._answer()
        if self.refuses_questions:
            raise ProviderRefused("resource_missing", "No such object.")

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.away:
            raise ProviderUnavailable("no connection", applied=Applied.UNKNOWN)


def dispute(payment: Payment, state: DisputeState = DisputeState.OPEN, *, name: str = "dp_1") -> Dispute:
    """Return what the provider tells of a chargeback of a whole payment."""
    return Dispute(name, payment.id, state, payment.amount, payment.currency, "fraudulent")


class Killed(BaseException):
    """The process died here. No handler of ours may see it."""


class Fate:
    """Kills at one of the moments before and after each call to something outside; `moment` counts them from 0."""

    def __init__(self, moment: int) -> None:
        self._left = moment

    @property
    def survived(self) -> bool:
        """Whether there were fewer moments than that."""
        return self._left >= 0

    def moment(self) -> None:
        """Die, if it is time."""
        self._left -= 1
        if self._left == -1:
            raise Killed


class Mortal:
    """Something outside, as a process sees it that is to die before or after one of its calls."""

    def __init__(self, target: Any, fate: Fate) -> None:
        self._target = target
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._target, name)
        if not asyncio.iscoroutinefunction(member):
            return member

        async def called(*arguments: Any, **named: Any) -> Any:
            self._fate.moment()
            answer = await member(*arguments, **named)
            self._fate.moment()
            return answer

        return called


async def nobody(_company: str) -> None:
    """Hear of a chargeback, and do nothing."""


def desk_of(
    wallets: Wallets,
    provider: PaymentProvider | None = None,
    *,
    chargeback_opened: Callable[[str], Awaitable[None]] = nobody,
) -> TopUpServices:
    """Return a desk; without a provider there are no cards."""
    stores = TopUpStores.over(wallets.pool)
    return TopUpServices(wallets.engine, stores, provider, chargeback_opened=chargeback_opened)


def mortal_desk(wallets: Wallets, provider: Provider, fate: Fate) -> TopUpServices:
    """Return a desk whose process dies."""
    engine: Any = Mortal(wallets.engine, fate)
    stores: Any = (Mortal(store, fate) for store in TopUpStores.over(wallets.pool))
    return TopUpServices(engine, TopUpStores(*stores), Mortal(provider, fate), chargeback_opened=nobody)
