"""Refunds of top-ups: the wallet is debited first, since what was spent cannot go back; then the provider is asked.

What the provider refuses, now or later, is put back. Each step can be done again by anybody: its entry's key follows
from the refund, and the provider tells calls apart by the refund's key and keeps its name.
"""

import structlog

from admin.payments.port import (
    PaymentProvider,
    PaymentRefund,
    PaymentRefundRequest,
    ProviderRefused,
    RefundState,
)
from admin.payments.provider_errors import configured, errors_translated, unavailability_translated
from admin.top_ups.domain import (
    NewTopUpRefund,
    TopUpRefund,
    TopUpRefundState,
    refund_debit,
    refund_return,
)
from admin.top_ups.refund_store import TopUpRefundRecords
from wallet.domain.errors import Declined, InsufficientFunds, TopUpRefundNotFound
from wallet.domain.resource_names import TOP_UP_REFUND
from wallet.engine import Engine

_STATES = {
    RefundState.PENDING: TopUpRefundState.PENDING,
    RefundState.SUCCEEDED: TopUpRefundState.SUCCEEDED,
    RefundState.FAILED: TopUpRefundState.FAILED,
}

log = structlog.get_logger(__name__)


class TopUpRefunds:
    """Methods raise PaymentProviderUnavailable and PaymentProviderRefuses: then the refund stays PENDING.

    And PaymentsNotConfigured without a provider.
    """

    def __init__(self, engine: Engine, records: TopUpRefundRecords, provider: PaymentProvider | None) -> None:
        """Without `provider` nothing goes back."""
        self._engine = engine
        self._records = records
        self._provider = provider

    async def start(self, order: NewTopUpRefund, *, timeout: float | None = None) -> TopUpRefund:
        """Send money back, as far as it comes now; the same order again goes on with the same refund.

        Raises what TopUpRefundRecords.create does; InsufficientFunds and other Declined where the wallet has it no
        more, and then nothing has moved. `timeout` in seconds.
        """
        if self._provider is None:
            # What came by no card is told so: a provider would not help.
            await self._records.check(order)
        configured(self._provider)
        refund, new = await self._records.create(order)
        return await self.go_on(refund, new=new, timeout=timeout)

    async def go_on(self, refund: TopUpRefund, *, new: bool = False, timeout: float | None = None) -> TopUpRefund:
        """Take the steps that are left."""
        if refund.state is not TopUpRefundState.PENDING:
            return refund
        if refund.debit_number is None:
            refund = await self._debited(refund, timeout)
        if not refund.failure_code:
            refund = await self._asked(refund, new=new)
        if refund.failure_code and refund.return_number is None:
            outcome = await self._engine.submit(refund_return(refund), timeout=timeout)
            refund = await self._records.returned(refund, outcome.entry.number)
        return refund

    async def look(self, refund: TopUpRefund) -> TopUpRefund:
        """Bring a refund on that nobody seems to care for."""
        if refund.state is TopUpRefundState.FAILED and refund.debit_number is None:
            refund = await self._records.settle_declined(refund)
        return await self.go_on(refund)

    async def take(self, told: PaymentRefund) -> TopUpRefund | None:
        """Record what the provider tells of a refund; return None where it is none of ours."""
        refund = await self._records.of_provider(told.id) or await self._named(told.refund)
        if refund is None:
            _not_ours(told)
            return None
        return await self.go_on(await self._recorded(refund, told))

    async def _named(self, name: str) -> TopUpRefund | None:
        """Return the refund of a name that the provider's refund carries; None where it is of none."""
        try:
            company, refund = TOP_UP_REFUND.parse(name)
        except ValueError:
            return None
        try:
            return await self._records.get(company, refund)
        except TopUpRefundNotFound:
            return None

    async def _debited(self, refund: TopUpRefund, timeout: float | None) -> TopUpRefund:
        try:
            outcome = await self._engine.submit(refund_debit(refund), timeout=timeout)
        except Declined as error:
            code = "insufficient_funds" if isinstance(error, InsufficientFunds) else "declined"
            await self._records.declined(refund, code)
            raise
        return await self._records.debited(refund, outcome.entry.number)

    async def _asked(self, refund: TopUpRefund, *, new: bool) -> TopUpRefund:
        provider = configured(self._provider)
        order = PaymentRefundRequest(
            name_of(refund), refund.payment, refund.amount, refund.currency, refund.provider_key
        )
        with errors_translated():
            # Whoever was here before may have asked for it and died; later than a day after, its key is forgotten.
            # A no to the question says nothing of the refund, so it is none to put the money back for.
            told = None if new else await provider.find_refund(refund.payment, order.refund)
        try:
            if told is None:
                with unavailability_translated():
                    told = await provider.refund(order)
        except ProviderRefused as error:
            return await self._records.told(refund, TopUpRefundState.FAILED, failure_code=error.code)
        return await self._recorded(refund, told)

    async def _recorded(self, refund: TopUpRefund, told: PaymentRefund) -> TopUpRefund:
        state = _STATES[told.state]
        code = (told.failure_code or "failed") if state is TopUpRefundState.FAILED else ""
        return await self._records.told(refund, state, provider_refund=told.id, failure_code=code)


def _not_ours(told: PaymentRefund) -> None:
    # Made by hand in the provider's dashboard, say: the wallet still has the money, and a person must take it out.
    log.error("refund_of_no_top_up", refund=told.id, payment=told.payment, amount=told.amount, currency=told.currency)


def name_of(refund: TopUpRefund) -> str:
    """Return the resource's name, as the provider's refunds carry it."""
    return TOP_UP_REFUND.name(refund.company, refund.id)
