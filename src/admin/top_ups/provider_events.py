"""Events of the payment provider, received by webhook: verified, then applied. They may come twice, late, out of order.

A webhook is answered once its event is recorded; otherwise the provider sends it again. The event of a payment causes
the payment to be read from the provider. The events of a refund and of a dispute carry their state; an earlier state
never replaces a later one.
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
from admin.top_ups.chargeback_service import Chargebacks
from admin.top_ups.refund_service import TopUpRefunds
from admin.top_ups.service import TopUps

UNKNOWN = "unknown"
_KINDS = {PaymentChanged: "payment", RefundChanged: "refund", DisputeChanged: "dispute", type(None): "other"}


class ProviderEvents:
    """Verifies and applies events."""

    def __init__(
        self, provider: PaymentProvider | None, top_ups: TopUps, refunds: TopUpRefunds, chargebacks: Chargebacks
    ) -> None:
        """Apply events with the services; without `provider` there are none."""
        self._provider = provider
        self._top_ups = top_ups
        self._refunds = refunds
        self._chargebacks = chargebacks

    async def receive(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Apply the event in a webhook's body.

        Raises ForgedWebhook, PaymentsNotConfigured; Unavailable and PaymentProviderRefuses if it must be sent again.
        """
        kind, outcome = UNKNOWN, "failed"
        try:
            event = configured(self._provider).parse_event(body, headers)
            kind = _KINDS[type(event)]
            await self._apply(event)
            outcome = "taken"
        except ForgedWebhook:
            outcome = "forged"
            raise
        finally:
            payment_notifications.labels(kind, outcome).inc()

    async def _apply(self, event: ProviderEvent | None) -> None:
        match event:
            case PaymentChanged(payment):
                await self._top_ups.sync_payment(payment)
            case RefundChanged(refund):
                await self._refunds.apply_refund(refund)
            case DisputeChanged(dispute):
                await self._chargebacks.record_dispute(dispute)
            case None:
                pass
