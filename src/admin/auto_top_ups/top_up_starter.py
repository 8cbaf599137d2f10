"""The top-ups of firings: each firing has one top-up by saved card, under the id that follows from its number."""

from typing import NamedTuple

from admin.auto_top_ups.domain import Firing
from admin.top_ups.domain import NO_PAYMENT_FOUND, NewTopUp, TopUp, TopUpMethod, TopUpState
from admin.top_ups.service import TopUps
from admin.top_ups.store import TopUpRecords
from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES
from wallet.domain.errors import IdempotencyKeyReused, TopUpNotFound

FINGERPRINT = b"auto top-up".ljust(FINGERPRINT_BYTES)
CANCELED = "canceled"
ID_TAKEN = "name_taken"
"""The failure code of a firing whose top-up's id belongs to another request."""


class TopUpIdTaken(Exception):
    """A request of the API has used the id of a firing's top-up, so that the firing can have none."""


class FiringFailure(NamedTuple):
    """The reason for which a firing adds nothing: "card_declined", "insufficient_funds"."""

    code: str
    is_decline: bool = True
    """False if no payment was begun, for a reason that says nothing about the card."""


def failure_of(top_up: TopUp) -> FiringFailure | None:
    """Return why a top-up has failed for good, or None if it has not."""
    if top_up.state is TopUpState.CANCELED:
        return FiringFailure(CANCELED)
    if top_up.state is TopUpState.FAILED:
        return FiringFailure(top_up.failure_code, is_decline=top_up.failure_code != NO_PAYMENT_FOUND)
    return None


class TopUpStarter:
    """Starts and resumes the top-ups of firings."""

    def __init__(self, top_ups: TopUps, records: TopUpRecords) -> None:
        """Start top-ups with `top_ups`, which are stored in `records`."""
        self._top_ups = top_ups
        self._records = records

    async def start(self, firing: Firing) -> TopUp:
        """Start the top-up of a firing, or resume it, and return it: one top-up, however often this is called.

        Raises Unavailable if its state cannot be read now; ProviderRefused if no card can pay the amount; TopUpIdTaken.
        """
        new = NewTopUp(
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
            return await self._top_ups.start(new)
        except IdempotencyKeyReused as error:
            if await self._is_of_firing(firing):
                raise
            raise TopUpIdTaken(firing.top_up) from error

    async def _is_of_firing(self, firing: Firing) -> bool:
        """Return whether the top-up under the firing's id was made for a firing; the API accepts such ids too."""
        try:
            return (await self._records.get(firing.company, firing.top_up)).fingerprint == FINGERPRINT
        except TopUpNotFound:
            return False
