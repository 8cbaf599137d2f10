"""Top-ups from their request to the ledger's entry, and what heals them when somebody died on the way.

The order is: the row (the intent), the provider, the amount pinned in the row, the entry, the row's end. Each step can
be done again by anybody: the provider tells calls apart by the row's key, and keeps the top-up's name with the payment,
so that one whose id nobody learnt is found; the entry's key follows from the payment. So what the provider took is
credited exactly once, wherever a process dies.
"""

import structlog
from msgspec.structs import replace

from admin.payments.port import (
    Payment,
    PaymentMethodUnknown,
    PaymentProvider,
    PaymentRequest,
    PaymentState,
    ProviderRefused,
)
from admin.payments.provider_errors import configured, errors_translated, unavailability_translated
from admin.top_ups.customers import Customers
from admin.top_ups.domain import (
    BEGIN_SECONDS_MAX,
    FINISH_SECONDS_MAX,
    NO_PAYMENT_FOUND,
    NewTopUp,
    PaidWith,
    TopUp,
    TopUpMethod,
    TopUpState,
    credit,
    second_credit,
)
from admin.top_ups.store import TopUpRecords
from wallet.domain.errors import (
    Declined,
    IdempotencyKeyReused,
    NotABankTransfer,
    PaymentProviderRefuses,
    TopUpEnded,
    TopUpNotFound,
    WalletError,
)
from wallet.domain.resource_names import TOP_UP
from wallet.engine import Engine

BY_PROVIDER = (TopUpMethod.CARD, TopUpMethod.SAVED_CARD)
_STATES = {
    PaymentState.REQUIRES_ACTION: TopUpState.REQUIRES_ACTION,
    PaymentState.PROCESSING: TopUpState.PENDING,
    PaymentState.FAILED: TopUpState.FAILED,
    PaymentState.CANCELED: TopUpState.CANCELED,
}

log = structlog.get_logger(__name__)


class TopUps:
    """Every method that asks the provider raises PaymentProviderUnavailable, and PaymentsNotConfigured without one.

    And PaymentProviderRefuses where the provider does not know what it once knew.
    """

    def __init__(
        self, engine: Engine, records: TopUpRecords, customers: Customers, provider: PaymentProvider | None
    ) -> None:
        """Without `provider` there are no cards."""
        self._engine = engine
        self._records = records
        self._customers = customers
        self._provider = provider

    async def start(self, order: NewTopUp, *, timeout: float | None = None) -> TopUp:
        """Make a top-up and bring it as far as it comes; the same order again goes on with the same one.

        Raises what TopUpRecords.create does; ProviderRefused where no card can pay the amount; what the ledger declines
        a METHOD_MANUAL with, and then the same order may succeed later. `timeout` in seconds.
        """
        if order.method in BY_PROVIDER:
            configured(self._provider).check_amount(order.amount, order.currency)
        top_up, new = await self._records.create(order)
        if not top_up.state.under_way:
            return top_up
        if top_up.cleared is not None:
            return await self._credit(top_up, timeout)
        if top_up.method is TopUpMethod.BANK_TRANSFER:
            return top_up
        return await self._pay(top_up, new=new)

    async def look(self, top_up: TopUp) -> TopUp:
        """Bring a top-up that nobody seems to care for to where the provider has it; begin nothing."""
        if top_up.cleared is not None:
            return await self._credit(top_up, None)
        if top_up.method not in BY_PROVIDER:
            return top_up
        payment = await self._known_payment(top_up)
        if payment is not None:
            if top_up.age_seconds > FINISH_SECONDS_MAX and payment.state is not PaymentState.SUCCEEDED:
                with errors_translated():
                    payment = await configured(self._provider).cancel(payment.id)
            return await self.take(top_up, payment)
        if top_up.age_seconds > BEGIN_SECONDS_MAX:
            return await self._not_begun(top_up)
        return top_up

    async def take(self, top_up: TopUp, payment: Payment) -> TopUp:
        """Record what the provider says of a payment for a top-up. What came in is credited, whatever we thought."""
        if payment.currency != top_up.currency:
            log.error("payment_in_other_currency", payment=payment.id, top_up=top_up.id, company=top_up.company)
            return top_up
        paid_with = PaidWith(payment.card.brand, payment.card.last4) if payment.card else None
        if payment.state is PaymentState.SUCCEEDED:
            pinned = await self._records.pin(top_up, payment.amount, payment=payment.id, paid_with=paid_with)
            if not pinned.payment:
                # People confirmed the transfer before the provider told of it.
                pinned = await self._records.attach(pinned, payment.id)
                if pinned.cleared != payment.amount:
                    log.error("transfer_confirmed_with_other_amount", payment=payment.id, top_up=top_up.id)
            if pinned.payment != payment.id:
                # A card was charged twice, which the provider's idempotency keys are to prevent, or a transfer came
                # twice: it is the company's money.
                log.error("second_payment_of_top_up", payment=payment.id, top_up=top_up.id, company=top_up.company)
                await self._engine.submit(second_credit(pinned, payment.id, payment.amount))
                return pinned
            return await self._credit(pinned, None) if pinned.entry_number is None else pinned
        state = _STATES[payment.state]
        if state is TopUpState.FAILED and top_up.method is TopUpMethod.CARD:
            # The customer is there, and may try another card.
            state = TopUpState.REQUIRES_ACTION
        failure = payment.failure_code, payment.failure_message
        told = await self._records.told(top_up, state, payment=payment.id, paid_with=paid_with, failure=failure)
        return replace(told, client_secret=payment.client_secret) if told.state is TopUpState.REQUIRES_ACTION else told

    async def follow(self, payment_id: str) -> TopUp | None:
        """Go after a payment that something happened to; return its top-up, or None where it is none of ours."""
        if not payment_id:
            return None
        with errors_translated():
            payment = await configured(self._provider).payment(payment_id)
        top_up = await self._records.of_payment(payment.id) or await self._named(payment.top_up)
        if top_up is None:
            log.warning("payment_of_no_top_up", payment=payment.id)
            return None
        if top_up.method is TopUpMethod.MANUAL:
            log.error("payment_of_manual_top_up", payment=payment.id, top_up=top_up.id, company=top_up.company)
            return None
        return await self.take(top_up, payment)

    async def confirm(self, company: str, top_up_id: str, amount: int, *, reference: str = "") -> TopUp:
        """Credit a bank transfer with what came in, in micros; also where it was thought to have failed.

        Raises TopUpNotFound, NotABankTransfer; TopUpEnded where another amount came in already.
        """
        top_up = await self._bank_transfer(company, top_up_id)
        pinned = await self._records.pin(top_up, amount, reference=reference)
        if pinned.cleared != amount:
            raise TopUpEnded(top_up_id, state=pinned.state.name)
        return await self._credit(pinned, None) if pinned.entry_number is None else pinned

    async def fail(self, company: str, top_up_id: str, why: str) -> TopUp:
        """End a bank transfer that does not come. Raises TopUpNotFound, NotABankTransfer, TopUpEnded."""
        top_up = await self._bank_transfer(company, top_up_id)
        told = await self._records.told(top_up, TopUpState.FAILED, failure=("not_received", why))
        if told.state is not TopUpState.FAILED:
            raise TopUpEnded(top_up_id, state=told.state.name)
        return told

    async def cancel(self, company: str, top_up_id: str) -> TopUp:
        """End a top-up that has not come in, as its customer wishes. Raises TopUpNotFound, TopUpEnded."""
        top_up = await self._records.get(company, top_up_id)
        if top_up.state.under_way and top_up.cleared is None:
            payment = await self._known_payment(top_up) if top_up.method in BY_PROVIDER else None
            if payment is None:
                top_up = await self._records.told(top_up, TopUpState.CANCELED)
            else:
                with errors_translated():
                    payment = await configured(self._provider).cancel(payment.id)
                top_up = await self.take(top_up, payment)
        if top_up.state is not TopUpState.CANCELED:
            raise TopUpEnded(top_up_id, state=top_up.state.name)
        return top_up

    async def _pay(self, top_up: TopUp, *, new: bool) -> TopUp:
        provider = configured(self._provider)
        try:
            customer = await self._customers.ensured(top_up.company)
        except PaymentProviderRefuses as error:
            # Such as the company's billing address, which is no address to the provider. Nothing was begun.
            return await self._records.told(top_up, TopUpState.FAILED, failure=(error.code, str(error)))
        # Whoever was here before may have begun the payment and died.
        payment = None if new else await self._known_payment(top_up)
        if payment is None and top_up.age_seconds > BEGIN_SECONDS_MAX:
            return await self._not_begun(top_up)
        if payment is None:
            order = PaymentRequest(
                top_up=name_of(top_up),
                customer=customer,
                amount=top_up.amount,
                currency=top_up.currency,
                idempotency_key=top_up.provider_key,
                card=top_up.card,
                save_card=top_up.save_card,
                description=top_up.reference,
            )
            try:
                with unavailability_translated():
                    payment = await provider.pay(order)
            except ProviderRefused as error:
                return await self._records.told(top_up, TopUpState.FAILED, failure=(error.code, str(error)))
            except PaymentMethodUnknown:
                failure = "payment_method_not_found", "The company has no such card."
                return await self._records.told(top_up, TopUpState.FAILED, failure=failure)
        return await self.take(top_up, payment)

    async def _known_payment(self, top_up: TopUp) -> Payment | None:
        """Return the payment of a top-up as the provider has it, if it was begun."""
        provider = configured(self._provider)
        with errors_translated():
            if top_up.payment:
                return await provider.payment(top_up.payment)
            customer = await self._customers.known(top_up.company)
            if not customer:
                return None
            return await provider.find_payment(customer, name_of(top_up), top_up.created_at // 1_000_000)

    async def _not_begun(self, top_up: TopUp) -> TopUp:
        failure = NO_PAYMENT_FOUND, "The payment was never begun. Nothing was taken; ask for another top-up."
        return await self._records.told(top_up, TopUpState.FAILED, failure=failure)

    async def _credit(self, top_up: TopUp, timeout: float | None) -> TopUp:
        """Credit what is pinned."""
        assert top_up.cleared is not None
        try:
            outcome = await self._engine.submit(credit(top_up, top_up.payment, top_up.cleared), timeout=timeout)
        except (Declined, IdempotencyKeyReused) as error:
            await self._not_credited(top_up, error)
            raise
        return await self._records.succeed(top_up, outcome.entry)

    async def _not_credited(self, top_up: TopUp, error: WalletError) -> None:
        if top_up.method is TopUpMethod.MANUAL:
            await self._records.withdraw(top_up)
        else:
            # The money is here and has no place to go, as where the company was closed: a person must look.
            log.error("top_up_not_credited", top_up=top_up.id, company=top_up.company, why=type(error).__name__)

    async def _bank_transfer(self, company: str, top_up_id: str) -> TopUp:
        top_up = await self._records.get(company, top_up_id)
        if top_up.method is not TopUpMethod.BANK_TRANSFER:
            raise NotABankTransfer(top_up_id, method=top_up.method.name)
        return top_up

    async def _named(self, name: str) -> TopUp | None:
        """Return the top-up of a name that a payment carries, or whose payment reference that is."""
        try:
            company, top_up = TOP_UP.parse(name)
        except ValueError:
            return await self._records.of_reference(name) if name else None
        try:
            return await self._records.get(company, top_up)
        except TopUpNotFound:
            return None


def name_of(top_up: TopUp) -> str:
    """Return the resource's name, as payments carry it."""
    return TOP_UP.name(top_up.company, top_up.id)
