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
        self._lane(command.company).submit(Request(command, group, 0, _deadline(timeout)))
        await group.done
        result = group.results[0]
        assert result is not None
        if isinstance(result, WalletError):
            raise result
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
            self._lane(command.company).submit(Request(command, group, i, deadline))
        await group.done
        return [result for result in group.results if result is not None]

    def _lane(self, company: str) -> Lane:
        return self._lanes[self._lane_of[self._keys.partition(company)]]


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else asyncio.get_running_loop().time() + timeout
