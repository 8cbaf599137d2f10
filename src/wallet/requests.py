"""Commands on their way through the engine, and the results that callers wait for."""

import asyncio
from dataclasses import dataclass, field
from itertools import count

from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, WalletError, WalletUnavailable
from wallet.hot.store import START, Position

Result = Outcome | WalletError

ROUNDS_MAX = 12
"""Cycles that a command may go through without a definite answer."""


class Group:
    """The results of one call's commands, with one future for all of them."""

    __slots__ = ("_missing", "done", "results")

    def __init__(self, size: int, *, complete: bool = True) -> None:
        """Wait for `size` results; unless it is `complete`, wait for more to be added, and for `complete`."""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.results: list[Result | None] = [None] * size
        self._missing = size if complete else size + 1

    def add(self) -> int:
        """Wait for one more result; return its index."""
        self.results.append(None)
        self._missing += 1
        return len(self.results) - 1

    def complete(self) -> None:
        """Wait for no more results than were added."""
        self._count_one()

    def set(self, index: int, result: Result) -> None:
        """Set one result; the last one wakes the caller. A caller that was cancelled is not an error."""
        if self.results[index] is not None:
            return
        self.results[index] = result
        self._count_one()

    def _count_one(self) -> None:
        self._missing -= 1
        if not self._missing and not self.done.done():
            self.done.set_result(None)


@dataclass(slots=True)
class Request:
    """One command and its state within the engine."""

    command: Command
    group: Group
    index: int
    deadline: float | None
    """On the event loop's clock."""
    seen: Position = START
    """The ledger's position as last seen: no hot wallet behind it may answer."""
    rounds: int = 0
    """Cycles that ended without a definite answer."""
    applied: Applied = Applied.NO
    """Whether an attempt may be in Redis's journal."""
    ticket: int = field(default_factory=count().__next__)
    """Grows from request to request: the order of a company's commands, however many rounds some go through."""

    @property
    def company(self) -> str:
        """The company whose wallet it is for."""
        return self.command.company

    @property
    def abandoned(self) -> bool:
        """Whether it has its answer already, or its caller no longer waits."""
        return self.group.done.done() or self.group.results[self.index] is not None

    def answer(self, result: Result) -> None:
        """Give the result to the caller."""
        self.group.set(self.index, result)

    def begin_round(self, why: str) -> bool:
        """Count a round and return True; after ROUNDS_MAX rounds, answer WalletUnavailable and return False."""
        self.rounds += 1
        if self.rounds < ROUNDS_MAX:
            return True
        text = f"no definite answer after {ROUNDS_MAX} cycles ({why})"
        self.answer(WalletUnavailable(text, applied=self.applied))
        return False
