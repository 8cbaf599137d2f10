"""Chargebacks: the amount that the customer's bank takes back leaves the wallet, below the floor if necessary.

A chargeback is recorded with the furthest state that the provider has reported, in whatever order events arrive. Then
the entries that the state requires are made; the sweep makes those that a crash has left out.
"""

from collections.abc import Awaitable, Callable

import structlog

from admin.payments.port import Dispute, DisputeState
from admin.top_ups.chargeback_domain import (
    Chargeback,
    ChargebackState,
    NewChargeback,
    chargeback_credit,
    chargeback_debit,
)
from admin.top_ups.chargeback_store import ChargebackRecords
from admin.top_ups.service import TopUps
from wallet.engine import Engine

OnChargeback = Callable[[str], Awaitable[None]]
"""Called with the company of each chargeback before its amount is debited; it may be called again."""

_STATES = {
    DisputeState.INQUIRY: ChargebackState.INQUIRY,
    DisputeState.OPEN: ChargebackState.OPEN,
    DisputeState.WON: ChargebackState.WON,
    DisputeState.LOST: ChargebackState.LOST,
}

log = structlog.get_logger(__name__)


class Chargebacks:
    """Records disputes and makes their entries. Every method raises Unavailable if it must be called again."""

    def __init__(
        self, engine: Engine, records: ChargebackRecords, top_ups: TopUps, on_chargeback: OnChargeback
    ) -> None:
        """Call `on_chargeback` for each chargeback; it pauses automatic top-ups."""
        self._engine = engine
        self._records = records
        self._top_ups = top_ups
        self._on_chargeback = on_chargeback

    async def record_dispute(self, dispute: Dispute) -> Chargeback | None:
        """Record the state of a dispute and make its entries; return None if the payment belongs to no top-up."""
        # The event of the payment itself may be late, so the payment is credited first.
        top_up = await self._top_ups.sync_payment(dispute.payment)
        if top_up is None:
            return None
        if dispute.currency != top_up.currency:
            log.error("chargeback_in_other_currency", chargeback=dispute.id, company=top_up.company)
            return None
        chargeback = await self._records.record(
            NewChargeback(
                top_up.company,
                dispute.id,
                top_up=top_up.id,
                payment=dispute.payment,
                state=_STATES[dispute.state],
                amount=dispute.amount,
                currency=dispute.currency,
                reason=dispute.reason,
            )
        )
        await self.resume(chargeback)
        return chargeback

    async def resume(self, chargeback: Chargeback) -> None:
        """Make the entries that the state requires and that are not recorded yet."""
        if chargeback.state is ChargebackState.INQUIRY:
            return
        if chargeback.debit_number is None:
            await self._on_chargeback(chargeback.company)
            outcome = await self._engine.submit(chargeback_debit(chargeback))
            await self._records.record_debit(chargeback, outcome.entry.number)
        if chargeback.state is ChargebackState.WON and chargeback.credit_number is None:
            outcome = await self._engine.submit(chargeback_credit(chargeback))
            await self._records.record_credit(chargeback, outcome.entry.number)
