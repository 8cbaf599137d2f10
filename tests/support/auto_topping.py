"""Who charges cards in tests of automatic top-ups: pays into the wallet, declines, hangs or says nothing, as told.

It stands behind the port `admin.auto_top_ups.port.Charges`, and keeps its promise: one top-up for each firing.
"""

from collections.abc import Awaitable, Callable

from admin.auto_top_ups.domain import Firing
from admin.auto_top_ups.port import Charge, ChargeState
from tests.support.builders import fingerprint
from wallet.domain.commands import Command, Kind
from wallet.engine import Engine

SUCCEEDED = Charge(ChargeState.SUCCEEDED)
PENDING = Charge(ChargeState.PENDING)
WANTS_CUSTOMER = Charge(ChargeState.REQUIRES_ACTION)
NAME_TAKEN = Charge(ChargeState.NOT_MADE, "name_taken")
DECLINED = Charge(ChargeState.FAILED, "card_declined")
WANTED_CUSTOMER = Charge(ChargeState.FAILED, "authentication_required")


async def nothing(_: Firing) -> None:
    """Do nothing."""


class Cards:
    """Answers what `answer` says, or raises it; what has succeeded or failed stays so."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.answer: Charge | Exception = SUCCEEDED
        self.before: Callable[[Firing], Awaitable[None]] = nothing
        """Happens before anything is paid."""
        self.after: Callable[[Firing], Awaitable[None]] = nothing
        """Happens after it is paid, and before the caller knows."""
        self.asked: list[Firing] = []
        self.ended: dict[tuple[str, int], Charge] = {}

    async def charge(self, firing: Firing) -> Charge:
        """Make a firing's top-up, or say what has become of it."""
        self.asked.append(firing)
        await self.before(firing)
        name = firing.company, firing.number
        if name not in self.ended:
            if isinstance(self.answer, Exception):
                raise self.answer
            if self.answer.state is ChargeState.SUCCEEDED:
                key = f"~fake:{firing.top_up}"
                mark = fingerprint(firing)
                await self._engine.submit(Command(Kind.TOP_UP, firing.company, key, mark, firing.amount))
            elif self.answer.state is not ChargeState.FAILED:
                return self.answer
            self.ended[name] = self.answer
        await self.after(firing)
        return self.ended[name]

    def paid(self, company: str = "acme") -> list[int]:
        """Return what a company's card was charged, firing by firing, by number."""
        amounts = {(each.company, each.number): each.amount for each in self.asked}
        return [amounts[name] for name, how in sorted(self.ended.items()) if name[0] == company and how == SUCCEEDED]
