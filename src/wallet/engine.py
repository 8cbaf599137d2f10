"""The one way a balance changes."""

import asyncio
from collections.abc import Sequence

from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, LedgerUnavailable, WalletError
from wallet.health import LedgerHealth
from wallet.hot.keys import Keys
from wallet.lane import Lane
from wallet.requests import Result, group_of


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

        Raises WalletError; an `Unavailable` says whether the command may have been applied all the same.
        """
        (result,) = await self.submit_many([command], timeout=timeout)
        if isinstance(result, WalletError):
            raise result
        return result

    async def submit_many(self, commands: Sequence[Command], *, timeout: float | None = None) -> list[Result]:
        """Return a result for each command, in order: each on its own, and commands of one company in their order."""
        if self._health.away:
            error = LedgerUnavailable("Postgres is away", applied=Applied.NO)
            return [error] * len(commands)
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        group, requests = group_of(commands, deadline)
        if not requests:
            return []
        for request in requests:
            self._lanes[self._lane_of[self._keys.partition(request.company)]].submit(request)
        await group.done
        return [result for result in group.results if result is not None]
