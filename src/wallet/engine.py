"""The one way a balance changes."""

import asyncio
from collections.abc import Sequence

from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, LedgerUnavailable, WalletError
from wallet.health import LedgerHealth
from wallet.hot.keys import Keys
from wallet.lane import Lane
from wallet.requests import Group, Request, Result


class Engine:
    """Takes commands, hands each to the lane of its company, and waits for the answer."""

    def __init__(self, keys: Keys, lanes: Sequence[Lane], lane_of: dict[int, int], health: LedgerHealth) -> None:
        """`lane_of` gives the lane of each partition."""
        self._keys = keys
        self._lanes = lanes
        self._lane_of = lane_of
        self._health = health

    async def submit(self, command: Command, *, timeout: float | None = None) -> Outcome:
        """Return what the ledger recorded for the command, now or at an earlier try. `timeout` in seconds.

        Raises WalletError; `Unavailable.applied` says whether the command may still have been applied.
        """
        if self._health.away:
            raise LedgerUnavailable("Postgres is away", applied=Applied.NO)
        group = Group(1)
        self.lane(command.company).submit(Request(command, group, 0, _deadline(timeout)))
        await group.done
        result = group.results[0]
        assert result is not None
        if isinstance(result, WalletError):
            # Many callers may share one error: each raises it without the others' frames.
            raise result.with_traceback(None)
        return result

    async def submit_many(self, commands: Sequence[Command], *, timeout: float | None = None) -> list[Result]:
        """Return a result for each command, in order. Each is applied on its own, one company's in their order."""
        if self._health.away:
            error = LedgerUnavailable("Postgres is away", applied=Applied.NO)
            return [error] * len(commands)
        if not commands:
            return []
        deadline = _deadline(timeout)
        group = Group(len(commands))
        for i, command in enumerate(commands):
            self.lane(command.company).submit(Request(command, group, i, deadline))
        await group.done
        return [result for result in group.results if result is not None]

    def begin(self, *, timeout: float | None = None) -> "Submission":
        """Return a submission of commands that come one by one. `timeout` in seconds, from now."""
        return Submission(self, self._health, _deadline(timeout))

    def lane(self, company: str) -> Lane:
        """Return the lane of a company."""
        return self._lanes[self._lane_of[self._keys.partition(company)]]


class Submission:
    """The commands of one call, submitted one by one, each as soon as its company has room, and their results."""

    def __init__(self, engine: Engine, health: LedgerHealth, deadline: float | None) -> None:
        """Submit to an engine. `deadline` is on the event loop's clock."""
        self._engine = engine
        self._health = health
        self._deadline = deadline
        self._group = Group(0, complete=False)

    def has_room(self, company: str) -> bool:
        """Return whether a command of the company can be submitted now without filling its queue."""
        return self._engine.lane(company).has_room(company)

    async def wait_for_room(self, company: str) -> bool:
        """Wait until the company may have room; return False if it did not within a bound."""
        return await self._engine.lane(company).wait_for_room(company)

    def submit(self, command: Command) -> None:
        """Submit a command. It is applied on its own, and one company's commands in their order."""
        request = Request(command, self._group, self._group.add(), self._deadline)
        if self._health.away:
            request.answer(LedgerUnavailable("Postgres is away", applied=Applied.NO))
        else:
            self._engine.lane(command.company).submit(request)

    async def results(self) -> list[Result]:
        """Return a result for each command, in the order of submission."""
        self._group.complete()
        await self._group.done
        return [result for result in self._group.results if result is not None]

    def abandon(self) -> None:
        """Give up: commands that have not begun are not applied. After the results it does nothing."""
        self._group.done.cancel()


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else asyncio.get_running_loop().time() + timeout
