"""Top-ups from the request to the entry in the ledger, and their recovery after a crash.

The order is: the row (the intent), the payment at the provider, the amount pinned in the row, the entry, the end of the
row. Each step can be repeated by any process: the provider's call has the idempotency key of the row; the payment
carries the name of the top-up, so that it is found without its id; the key of the entry follows from the payment. So a
payment is credited exactly once, wherever a process crashes.
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
from admin.top_ups.crediting import Crediting
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
)
from admin.top_ups.store import TopUpRecords
from wallet.domain.errors import (
    PaymentProviderRefuses,
    TopUpEnded,
    TopUpNotFound,
)
from wallet.domain.resource_names import TOP_UP

CARD_METHODS = (TopUpMethod.CARD, TopUpMethod.SAVED_CARD)
_STATES = {
    PaymentState.REQUIRES_ACTION: TopUpState.REQUIRES_ACTION,
    PaymentState.PROCESSING: TopUpState.PENDING,
    PaymentState.FAILED: TopUpState.FAILED,
    PaymentState.CANCELED: TopUpState.CANCELED,
}

log = structlog.get_logger(__name__)


class TopUps:
    """Starts, reconciles, confirms and cancels top-ups.

    Every method that calls the provider raises PaymentsNotConfigured without one, PaymentProviderUnavailable, and
    PaymentProviderRefuses if the provider refuses to return a payment that it had before.
    """

    def __init__(
        self, crediting: Crediting, records: TopUpRecords, customers: Customers, provider: PaymentProvider | None
    ) -> None:
        """Take card payments through `provider`; without one there are none."""
        self._crediting = crediting
        self._records = records
        self._customers = customers
        self._provider = provider

    async def start(self, new: NewTopUp, *, timeout: float | None = None) -> TopUp:
        """Create a top-up and take its steps; an equal request resumes the same top-up. `timeout` in seconds.

        Raises the errors of TopUpRecords.create; ProviderRefused if no card can pay the amount; Declined if the ledger
        declines a METHOD_MANUAL, and then the same request may succeed later.
        """
        if new.method in CARD_METHODS:
            configured(self._provider).check_amount(new.amount, new.currency)
        top_up, is_new = await self._records.create(new)
        if not top_up.state.under_way:
            return top_up
        if top_up.cleared is not None:
            return await self._crediting.credit(top_up, timeout)
        if top_up.method is TopUpMethod.BANK_TRANSFER:
            return top_up
        return await self._pay(top_up, new=is_new)

    async def reconcile(self, top_up: TopUp) -> TopUp:
        """Bring a top-up that is due to the state of its payment at the provider; no payment is created.

        A payment that the customer has not completed for FINISH_SECONDS_MAX is canceled.
        """
        if top_up.cleared is not None:
            return await self._crediting.credit(top_up, None)
        if top_up.method not in CARD_METHODS:
            return top_up
        payment = await self._find_payment(top_up)
        if payment is not None:
            if top_up.age_seconds > FINISH_SECONDS_MAX and payment.state is not PaymentState.SUCCEEDED:
                with errors_translated():
                    payment = await configured(self._provider).cancel(payment.id)
            return await self.apply_payment(top_up, payment)
        if top_up.age_seconds > BEGIN_SECONDS_MAX:
            return await self._fail_unstarted(top_up)
        return top_up

    async def apply_payment(self, top_up: TopUp, payment: Payment) -> TopUp:
        """Record the state of a payment of a top-up. One that has succeeded is credited, whatever was recorded."""
        if payment.currency != top_up.currency:
            log.error("payment_in_other_currency", payment=payment.id, top_up=top_up.id, company=top_up.company)
            return top_up
        paid_with = PaidWith(payment.card.brand, payment.card.last4) if payment.card else None
        if payment.state is PaymentState.SUCCEEDED:
            pinned = await self._records.pin(top_up, payment.amount, payment=payment.id, paid_with=paid_with)
            if not pinned.payment:
                # Staff confirmed the transfer before the provider reported it.
                pinned = await self._records.attach_payment(pinned, payment.id)
                if pinned.cleared != payment.amount:
                    log.error("transfer_confirmed_with_other_amount", payment=payment.id, top_up=top_up.id)
            if pinned.payment != payment.id:
                # A card was charged twice although the provider has idempotency keys, or a transfer came twice: the
                # money is the company's.
                log.error("second_payment_of_top_up", payment=payment.id, top_up=top_up.id, company=top_up.company)
                await self._crediting.credit_second(pinned, payment.id, payment.amount, paid_with)
                return pinned
            return await self._crediting.credit(pinned, None) if pinned.entry_number is None else pinned
        state = _STATES[payment.state]
        if state is TopUpState.FAILED and top_up.method is TopUpMethod.CARD:
            # The customer is present and may enter another card.
            state = TopUpState.REQUIRES_ACTION
        failure = payment.failure_code, payment.failure_message
        recorded = await self._records.record_state(
            top_up, state, payment=payment.id, paid_with=paid_with, failure=failure
        )
        if recorded.state is TopUpState.REQUIRES_ACTION:
            return replace(recorded, client_secret=payment.client_secret)
        return recorded

    async def sync_payment(self, payment_id: str) -> TopUp | None:
        """Read a payment from the provider and apply it; return its top-up, or None if it belongs to no top-up."""
        if not payment_id:
            return None
        with errors_translated():
            payment = await configured(self._provider).payment(payment_id)
        top_up = await self._records.of_payment(payment.id) or await self._by_name(payment.top_up)
        if top_up is None:
            log.warning("payment_of_no_top_up", payment=payment.id)
            return None
        if top_up.method is TopUpMethod.MANUAL:
            log.error("payment_of_manual_top_up", payment=payment.id, top_up=top_up.id, company=top_up.company)
            return None
        return await self.apply_payment(top_up, payment)

    async def cancel(self, company: str, top_up_id: str) -> TopUp:
        """Cancel a top-up that is not paid. Raises TopUpNotFound, TopUpEnded."""
        top_up = await self._records.get(company, top_up_id)
        if top_up.state.under_way and top_up.cleared is None:
            payment = await self._find_payment(top_up) if top_up.method in CARD_METHODS else None
            if payment is None:
                top_up = await self._records.record_state(top_up, TopUpState.CANCELED)
            else:
                with errors_translated():
                    payment = await configured(self._provider).cancel(payment.id)
                top_up = await self.apply_payment(top_up, payment)
        if top_up.state is not TopUpState.CANCELED:
            raise TopUpEnded(top_up_id, state=top_up.state.name)
        return top_up

    async def _pay(self, top_up: TopUp, *, new: bool) -> TopUp:
        provider = configured(self._provider)
        try:
            customer = await self._customers.ensured(top_up.company)
        except PaymentProviderRefuses as error:
            # The provider rejects the company's email address, for example. No payment was created.
            return await self._records.record_state(top_up, TopUpState.FAILED, failure=(error.code, str(error)))
        # A process that crashed may have created the payment.
        payment = None if new else await self._find_payment(top_up)
        if payment is None and top_up.age_seconds > BEGIN_SECONDS_MAX:
            return await self._fail_unstarted(top_up)
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
                return await self._records.record_state(top_up, TopUpState.FAILED, failure=(error.code, str(error)))
            except PaymentMethodUnknown:
                failure = "payment_method_not_found", "The company has no such card."
                return await self._records.record_state(top_up, TopUpState.FAILED, failure=failure)
        return await self.apply_payment(top_up, payment)

    async def _find_payment(self, top_up: TopUp) -> Payment | None:
        """Return the payment of a top-up from the provider, if it was created."""
        provider = configured(self._provider)
        with errors_translated():
            if top_up.payment:
                return await provider.payment(top_up.payment)
            customer = await self._customers.known(top_up.company)
            if not customer:
                return None
            return await provider.find_payment(customer, name_of(top_up), top_up.created_at // 1_000_000)

    async def _fail_unstarted(self, top_up: TopUp) -> TopUp:
        failure = NO_PAYMENT_FOUND, "The payment was never begun. Nothing was taken; ask for another top-up."
        return await self._records.record_state(top_up, TopUpState.FAILED, failure=failure)

    async def _by_name(self, name: str) -> TopUp | None:
        """Return the top-up whose name or payment reference a payment carries."""
        try:
            company, top_up = TOP_UP.parse(name)
        except ValueError:
            return await self._records.of_reference(name) if name else None
        try:
            return await self._records.get(company, top_up)
        except TopUpNotFound:
            return None


def name_of(top_up: TopUp) -> str:
    """Return the name of a top-up, which its payments carry."""
    return TOP_UP.name(top_up.company, top_up.id)
