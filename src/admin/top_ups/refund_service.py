"""Refunds of top-ups: the wallet is debited first, since spent money cannot be refunded; then the provider refunds.

An amount that the provider refuses, now or later, is credited again. Each step can be repeated by any process: the
key of its entry follows from the refund, and the provider's refund has an idempotency key and carries its name.
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
from admin.top_ups.refund_domain import NewTopUpRefund, TopUpRefund, TopUpRefundState, refund_debit, refund_return
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
    """Starts and resumes refunds.

    Methods raise PaymentsNotConfigured without a provider; PaymentProviderUnavailable and PaymentProviderRefuses, after
    which the refund stays PENDING.
    """

    def __init__(self, engine: Engine, records: TopUpRefundRecords, provider: PaymentProvider | None) -> None:
        """Refund through `provider`; without one there are no refunds."""
        self._engine = engine
        self._records = records
        self._provider = provider

    async def start(self, order: NewTopUpRefund, *, timeout: float | None = None) -> TopUpRefund:
        """Create a refund and take its steps; an equal order resumes the same refund. `timeout` in seconds.

        Raises the errors of TopUpRefundRecords.create; InsufficientFunds and other Declined if the wallet cannot be
        debited, and then nothing has moved.
        """
        if self._provider is None:
            # A top-up that was not paid by card is not refundable, with or without a provider.
            await self._records.check(order)
        configured(self._provider)
        refund, new = await self._records.create(order)
        return await self.resume(refund, new=new, timeout=timeout)

    async def resume(self, refund: TopUpRefund, *, new: bool = False, timeout: float | None = None) -> TopUpRefund:
        """Take the remaining steps of a refund: debit, refund at the provider, and credit if it failed."""
        if refund.state is not TopUpRefundState.PENDING:
            return refund
        if refund.debit_number is None:
            refund = await self._debit(refund, timeout)
        if not refund.failure_code:
            refund = await self._send(refund, new=new)
        if refund.failure_code and refund.return_number is None:
            outcome = await self._engine.submit(refund_return(refund), timeout=timeout)
            refund = await self._records.record_return(refund, outcome.entry.number)
        return refund

    async def reconcile(self, refund: TopUpRefund) -> TopUpRefund:
        """Resume a refund that is due, and find the entry of one whose decline was recorded beside a debit."""
        if refund.state is TopUpRefundState.FAILED and refund.debit_number is None:
            refund = await self._records.find_debit(refund)
        return await self.resume(refund)

    async def apply_refund(self, provider_refund: PaymentRefund) -> TopUpRefund | None:
        """Record the state of the provider's refund and take the remaining steps; return None if it is unknown."""
        refund = await self._records.of_provider(provider_refund.id) or await self._by_name(provider_refund.refund)
        if refund is None:
            _log_unknown(provider_refund)
            return None
        return await self.resume(await self._record(refund, provider_refund))

    async def _by_name(self, name: str) -> TopUpRefund | None:
        """Return the refund whose name the provider's refund carries, if there is one."""
        try:
            company, refund = TOP_UP_REFUND.parse(name)
        except ValueError:
            return None
        try:
            return await self._records.get(company, refund)
        except TopUpRefundNotFound:
            return None

    async def _debit(self, refund: TopUpRefund, timeout: float | None) -> TopUpRefund:
        try:
            outcome = await self._engine.submit(refund_debit(refund), timeout=timeout)
        except Declined as error:
            code = "insufficient_funds" if isinstance(error, InsufficientFunds) else "declined"
            await self._records.record_decline(refund, code)
            raise
        return await self._records.record_debit(refund, outcome.entry.number)

    async def _send(self, refund: TopUpRefund, *, new: bool) -> TopUpRefund:
        provider = configured(self._provider)
        order = PaymentRefundRequest(
            name_of(refund), refund.payment, refund.amount, refund.currency, refund.provider_key
        )
        with errors_translated():
            # A process that crashed may have created it, and the provider forgets idempotency keys after a day. An
            # error of this lookup says nothing about the refund, so it does not fail the refund.
            provider_refund = None if new else await provider.find_refund(refund.payment, order.refund)
        try:
            if provider_refund is None:
                with unavailability_translated():
                    provider_refund = await provider.refund(order)
        except ProviderRefused as error:
            return await self._records.record_provider_state(refund, TopUpRefundState.FAILED, failure_code=error.code)
        return await self._record(refund, provider_refund)

    async def _record(self, refund: TopUpRefund, provider_refund: PaymentRefund) -> TopUpRefund:
        state = _STATES[provider_refund.state]
        code = (provider_refund.failure_code or "failed") if state is TopUpRefundState.FAILED else ""
        return await self._records.record_provider_state(
            refund, state, provider_id=provider_refund.id, failure_code=code
        )


def _log_unknown(provider_refund: PaymentRefund) -> None:
    # It was created by hand in the provider's dashboard, for example. The wallet still has the amount, and a person
    # must debit it.
    log.error(
        "refund_of_no_top_up",
        refund=provider_refund.id,
        payment=provider_refund.payment,
        amount=provider_refund.amount,
        currency=provider_refund.currency,
    )


def name_of(refund: TopUpRefund) -> str:
    """Return the name of a refund, which the provider's refund carries."""
    return TOP_UP_REFUND.name(refund.company, refund.id)
