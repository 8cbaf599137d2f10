"""Charges saved cards for automatic top-ups: each firing is one top-up like any other."""

from admin.auto_top_ups.domain import Firing
from admin.auto_top_ups.port import Charge, ChargeState
from admin.payments.port import ProviderRefused
from admin.top_ups.domain import NewTopUp, TopUp, TopUpMethod, TopUpState
from admin.top_ups.service import NOT_BEGUN, TopUps
from admin.top_ups.store import TopUpRecords
from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES
from wallet.domain.errors import IdempotencyKeyReused, TopUpNotFound

FINGERPRINT = b"auto top-up".ljust(FINGERPRINT_BYTES)
CANCELED = "canceled"
NAME_TAKEN = "name_taken"

_STATES = {
    TopUpState.PENDING: ChargeState.PENDING,
    TopUpState.REQUIRES_ACTION: ChargeState.REQUIRES_ACTION,
    TopUpState.SUCCEEDED: ChargeState.SUCCEEDED,
    TopUpState.FAILED: ChargeState.FAILED,
    TopUpState.CANCELED: ChargeState.FAILED,
}


class AutoCharges:
    """The port `admin.auto_top_ups.port.Charges`, by top-ups."""

    def __init__(self, top_ups: TopUps, records: TopUpRecords) -> None:
        """Make top-ups by `top_ups`, which are recorded in `records`."""
        self._top_ups = top_ups
        self._records = records

    async def charge(self, firing: Firing) -> Charge:
        """Make the top-up of a firing, or go on with it. Raises Unavailable; what else it raises is a fault."""
        order = NewTopUp(
            company=firing.company,
            id=firing.top_up,
            fingerprint=FINGERPRINT,
            method=TopUpMethod.SAVED_CARD,
            amount=firing.amount,
            currency=firing.currency,
            reference="automatic top-up",
            requested_by=system_keys.AUTO_TOP_UPS,
            card=firing.payment_method,
            automatic=True,
        )
        try:
            return _charge_of(await self._top_ups.start(order))
        except ProviderRefused as error:
            # It is asked before anything is begun, and says the same each time.
            return Charge(ChargeState.FAILED, error.code)
        except IdempotencyKeyReused:
            if await self._is_ours(firing):
                raise
            return Charge(ChargeState.NOT_MADE, NAME_TAKEN)

    async def _is_ours(self, firing: Firing) -> bool:
        """Whether the top-up of that name is this firing's; people may give such names too."""
        try:
            return (await self._records.get(firing.company, firing.top_up)).fingerprint == FINGERPRINT
        except TopUpNotFound:
            return False


def _charge_of(top_up: TopUp) -> Charge:
    if top_up.state is TopUpState.FAILED and top_up.failure_code == NOT_BEGUN:
        # The provider was away for too long, which says nothing of the card.
        return Charge(ChargeState.NOT_MADE, NOT_BEGUN)
    code = CANCELED if top_up.state is TopUpState.CANCELED else top_up.failure_code
    return Charge(_STATES[top_up.state], code)
