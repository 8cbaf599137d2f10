"""The credit of a top-up: its entry in the ledger, and the record of it."""

import structlog

from admin.top_ups.domain import PaidWith, TopUp, TopUpMethod, credit, second_credit
from admin.top_ups.store import TopUpRecords
from wallet.domain.errors import Declined, IdempotencyKeyReused, WalletError
from wallet.engine import Engine

log = structlog.get_logger(__name__)


class Crediting:
    """Credits top-ups whose amount is pinned."""

    def __init__(self, engine: Engine, records: TopUpRecords) -> None:
        """Credit with an open engine, and record that in `records`."""
        self._engine = engine
        self._records = records

    async def credit(self, top_up: TopUp, timeout: float | None) -> TopUp:
        """Credit the pinned amount and return the top-up, SUCCEEDED. `timeout` in seconds.

        Raises Unavailable, Declined; IdempotencyKeyReused if a manual top-up's id is the key of another request.
        """
        assert top_up.cleared is not None
        try:
            outcome = await self._engine.submit(credit(top_up, top_up.payment, top_up.cleared), timeout=timeout)
        except (Declined, IdempotencyKeyReused) as error:
            await self._handle_decline(top_up, error)
            raise
        return await self._records.succeed(top_up, outcome.entry)

    async def _handle_decline(self, top_up: TopUp, error: WalletError) -> None:
        if top_up.method is TopUpMethod.MANUAL:
            await self._records.withdraw(top_up)
        else:
            # The payment was received and cannot be credited, because the company is closed, for example. A person
            # must decide.
            log.error("top_up_not_credited", top_up=top_up.id, company=top_up.company, why=type(error).__name__)

    async def credit_second(self, top_up: TopUp, payment: str, amount: int, paid_with: PaidWith | None) -> None:
        """Record and credit another payment of a top-up that has one. Raises Unavailable, Declined."""
        await self._records.record_second_payment(top_up, payment, amount, paid_with=paid_with)
        outcome = await self._engine.submit(second_credit(top_up, payment, amount))
        await self._records.record_second_credit(payment, outcome.entry)
