"""Bank transfers: staff confirm the amount that came in, or record that it did not."""

from admin.top_ups.crediting import Crediting
from admin.top_ups.domain import TopUp, TopUpMethod, TopUpState
from admin.top_ups.store import TopUpRecords
from wallet.domain.errors import NotABankTransfer, TopUpEnded


class BankTransfers:
    """Confirms and fails top-ups by bank transfer."""

    def __init__(self, crediting: Crediting, records: TopUpRecords) -> None:
        """Credit with `crediting`, and record in `records`."""
        self._crediting = crediting
        self._records = records

    async def confirm(self, company: str, top_up_id: str, amount: int, *, reference: str = "") -> TopUp:
        """Credit a bank transfer with the amount that came in, in micros, even if it was recorded as failed.

        Raises TopUpNotFound, NotABankTransfer; TopUpEnded if another amount was confirmed before.
        """
        top_up = await self._get(company, top_up_id)
        pinned = await self._records.pin(top_up, amount, reference=reference)
        if pinned.cleared != amount:
            raise TopUpEnded(top_up_id, state=pinned.state.name)
        return await self._crediting.credit(pinned, None) if pinned.entry_number is None else pinned

    async def fail(self, company: str, top_up_id: str, why: str) -> TopUp:
        """Fail a bank transfer that does not arrive. Raises TopUpNotFound, NotABankTransfer, TopUpEnded."""
        top_up = await self._get(company, top_up_id)
        recorded = await self._records.record_state(top_up, TopUpState.FAILED, failure=("not_received", why))
        if recorded.state is not TopUpState.FAILED:
            raise TopUpEnded(top_up_id, state=recorded.state.name)
        return recorded

    async def _get(self, company: str, top_up_id: str) -> TopUp:
        top_up = await self._records.get(company, top_up_id)
        if top_up.method is not TopUpMethod.BANK_TRANSFER:
            raise NotABankTransfer(top_up_id, method=top_up.method.name)
        return top_up
