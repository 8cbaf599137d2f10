"""The port to who charges cards for automatic top-ups."""

from enum import Enum
from typing import NamedTuple, Protocol

from admin.auto_top_ups.domain import Firing


class ChargeState(Enum):
    """What has become of a firing's top-up."""

    SUCCEEDED = "succeeded"
    """Its entry is in the ledger."""
    FAILED = "failed"
    """For good."""
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    """The card's bank wants the customer; it may succeed yet."""
    NOT_MADE = "not_made"
    """Nothing was begun, and nothing will be, for a reason that says nothing of the card."""


class Charge(NamedTuple):
    """What has become of it, and why it failed: "card_declined"."""

    state: ChargeState
    failure_code: str = ""


class Charges(Protocol):
    """Who charges cards."""

    async def charge(self, firing: Firing) -> Charge:
        """Make the top-up of a firing, or say what has become of it: one for each firing, whoever asks and how often.

        Raises Unavailable where that cannot be said now.
        """
