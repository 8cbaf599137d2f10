"""Chargebacks: what the customer's bank takes back leaves the wallet, below the floor if it must.

A chargeback is recorded with the furthest state that was told of it, in whatever order that came; then the entries are
made that the state calls for. A sweep finishes what died in between.
"""

from collections.abc import Awaitable, Callable

import structlog

from admin.payments.port import Dispute, DisputeState
from admin.top_ups.chargeback_store import ChargebackRecords
from admin.top_ups.domain import (
    Chargeback,
    ChargebackState,
    NewChargeback,
    chargeback_credit,
    chargeback_debit,
)
from admin.top_ups.service import TopUps
from wallet.engine import Engine

Opened = Callable[[str], Awaitable[None]]
"""Told the company of each chargeback before its money is taken; may be told again."""

_STATES = {
    DisputeState.INQUIRY: ChargebackState.INQUIRY,
    DisputeState.OPEN: ChargebackState.OPEN,
    DisputeState.WON: ChargebackState.WON,
    DisputeState.LOST: ChargebackState.LOST,
}

log = structlog.get_logger(__name__)


class Chargebacks:
    """Every method raises Unavailable where it is to be called again."""

    def __init__(self, engine: Engine, records: ChargebackRecords, top_ups: TopUps, opened: Opened) -> None:
        """Tell `opened` of each chargeback: automatic top-ups end there."""
        self._engine = engine
        self._records = records
        self._top_ups = top_ups
        self._opened = opened

    async def take(self, dispute: Dispute) -> Chargeback | None:
        """Record what the provider tells; return None where the payment is none of ours."""
        # The payment's own news may be late: what was paid is credited first.
        top_up = await self._top_ups.follow(dispute.payment)
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
                state=_STATES[dispute.state],
                amount=dispute.amount,
                currency=dispute.currency,
                reason=dispute.reason,
            )
        )
        await self.go_on(chargeback)
        return chargeback

    async def go_on(self, chargeback: Chargeback) -> None:
        """Make the entries that the state calls for and that are not known to be made."""
        if chargeback.state is ChargebackState.INQUIRY:
            return
        if chargeback.debit_number is None:
            await self._opened(chargeback.company)
            outcome = await self._engine.submit(chargeback_debit(chargeback))
            await self._records.debited(chargeback, outcome.entry.number)
        if chargeback.state is ChargebackState.WON and chargeback.credit_number is None:
            outcome = await self._engine.submit(chargeback_credit(chargeback))
            await self._records.credited(chargeback, outcome.entry.number)
