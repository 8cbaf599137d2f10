"""The provider's webhook: verified, then carried out. It may come twice, late, or out of order.

It is answered only when what it tells is recorded; else the provider sends it again. A payment's is a hint to ask for
the payment; a refund's and a chargeback's say themselves how things are, and an earlier word never undoes a later one.
"""

from collections.abc import Mapping

from admin.metrics import payment_notifications
from admin.payments.port import (
    DisputeChanged,
    ForgedWebhook,
    PaymentChanged,
    PaymentProvider,
    ProviderEvent,
    RefundChanged,
)
from admin.payments.provider_errors import configured
from admin.top_ups.chargebacks import Chargebacks
from admin.top_ups.refunds import TopUpRefunds
from admin.top_ups.service import TopUps

UNKNOWN = "unknown"
_KINDS = {PaymentChanged: "payment", RefundChanged: "refund", DisputeChanged: "dispute", type(None): "other"}


class ProviderEvents:
    """Carries out what the provider tells."""

    def __init__(
        self, provider: PaymentProvider | None, top_ups: TopUps, refunds: TopUpRefunds, chargebacks: Chargebacks
    ) -> None:
        """Without `provider` there is nobody who could tell anything."""
        self._provider = provider
        self._top_ups = top_ups
        self._refunds = refunds
        self._chargebacks = chargebacks

    async def receive(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Carry a notification out. Raises ForgedWebhook, PaymentsNotConfigured; Unavailable: send it again."""
        kind, outcome = UNKNOWN, "failed"
        try:
            told = configured(self._provider).parse_event(body, headers)
            kind = _KINDS[type(told)]
            await self._carry_out(told)
            outcome = "taken"
        except ForgedWebhook:
            outcome = "forged"
            raise
        finally:
            payment_notifications.labels(kind, outcome).inc()

    async def _carry_out(self, told: ProviderEvent | None) -> None:
        match told:
            case PaymentChanged(payment):
                await self._top_ups.follow(payment)
            case RefundChanged(refund):
                await self._refunds.take(refund)
            case DisputeChanged(dispute):
                await self._chargebacks.take(dispute)
            case None:
                pass
