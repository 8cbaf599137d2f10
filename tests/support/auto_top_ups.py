"""A fake of TopUpStarter for tests of automatic top-ups: it pays into the wallet, declines, hangs or fails, as set.

It keeps the promise of `admin.auto_top_ups.worker.StartsTopUps`: one top-up for each firing.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from admin.auto_top_ups.domain import Firing
from admin.auto_top_ups.top_up_starter import FINGERPRINT, TopUpIdTaken
from admin.top_ups.domain import TopUp, TopUpMethod, TopUpState
from tests.support.builders import fingerprint
from wallet.domain.commands import Command, Kind
from wallet.engine import Engine


class Answer(NamedTuple):
    """The state of the top-up that the fake returns."""

    state: TopUpState
    failure_code: str = ""


SUCCEEDED = Answer(TopUpState.SUCCEEDED)
PENDING = Answer(TopUpState.PENDING)
REQUIRES_ACTION = Answer(TopUpState.REQUIRES_ACTION)
DECLINED = Answer(TopUpState.FAILED, "card_declined")
AUTHENTICATION_FAILED = Answer(TopUpState.FAILED, "authentication_required")
ID_TAKEN = TopUpIdTaken("its id belongs to another request")


async def nothing(_: Firing) -> None:
    """Do nothing."""


class FakeTopUps:
    """Returns a top-up as `answer` says, or raises it; a top-up that has succeeded or failed stays so."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.answer: Answer | Exception = SUCCEEDED
        self.before: Callable[[Firing], Awaitable[None]] = nothing
        """Called before anything is paid."""
        self.after: Callable[[Firing], Awaitable[None]] = nothing
        """Called after it is paid, and before the caller knows."""
        self.started: list[Firing] = []
        self.ended: dict[tuple[str, int], Answer] = {}

    async def start(self, firing: Firing) -> TopUp:
        """Start or resume the firing's top-up."""
        self.started.append(firing)
        await self.before(firing)
        name = firing.company, firing.number
        if name not in self.ended:
            if isinstance(self.answer, Exception):
                raise self.answer
            if self.answer.state.under_way:
                return top_up_of(firing, self.answer)
            if self.answer.state is TopUpState.SUCCEEDED:
                key = f"~fake:{firing.top_up}"
                mark = fingerprint(firing)
                await self._engine.submit(Command(Kind.TOP_UP, firing.company, key, mark, firing.amount))
            self.ended[name] = self.answer
        await self.after(firing)
        return top_up_of(firing, self.ended[name])

    def paid(self, company: str = "acme") -> list[int]:
        """Return the amounts charged to a company's card, in micros, by the number of the firing."""
        amounts = {(each.company, each.number): each.amount for each in self.started}
        return [amounts[name] for name, how in sorted(self.ended.items()) if name[0] == company and how == SUCCEEDED]


def top_up_of(firing: Firing, answer: Answer) -> TopUp:
    """Return the top-up of a firing in the state that `answer` says."""
    return TopUp(
        company=firing.company,
        id=firing.top_up,
        serial=firing.number,
        fingerprint=FINGERPRINT,
        method=TopUpMethod.SAVED_CARD,
        state=answer.state,
        amount=firing.amount,
        currency=firing.currency,
        reference="",
        requested_by="",
        automatic=True,
        card=firing.payment_method,
        save_card=False,
        payment_reference="",
        provider_key="",
        payment="",
        paid_with=None,
        failure_code=answer.failure_code,
        failure_message="",
        cleared=None,
        entry_number=None,
        balance_after=None,
        refunded=0,
        created_at=0,
        updated_at=0,
        now=0,
    )
