"""The calls in flight: how many there may be in a process, and how they end when it stops."""

import asyncio
from typing import Any

CALLS_MAX = 4_096
"""A worker makes some 3 000 charges a second: whoever came after so many would wait for longer than gateways do. Each
takes some 30 KB."""
POLL_SECONDS = 0.005


class CallsInFlight:
    """The calls that have begun and not ended, each by the task that serves it."""

    def __init__(self) -> None:
        """Begin without calls."""
        self.held = False
        """Whether a call that begins has to wait for `released`."""
        self.ended = False
        """Whether the calls that were left have been cancelled, since the process stops."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._waiting = 0
        self._begun_at = 0.0
        self._release = asyncio.Event()

    def __len__(self) -> int:
        """Return the number of calls."""
        return len(self._tasks)

    @property
    def full(self) -> bool:
        """Whether another call is too many."""
        return len(self._tasks) >= CALLS_MAX

    def begin(self) -> asyncio.Task[Any]:
        """Count the call that the current task serves, and return the task, for `end`."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        return task

    def end(self, task: asyncio.Task[Any]) -> None:
        """Count the call no more."""
        self._tasks.discard(task)

    def hold(self) -> None:
        """Let calls that begin from now on wait until `release`."""
        self.held = True

    async def released(self) -> None:
        """Return when the calls that are held may go on."""
        self._begun_at = asyncio.get_running_loop().time()
        self._waiting += 1
        try:
            await self._release.wait()
        finally:
            self._waiting -= 1

    async def settle(self, *, quiet_seconds: float, seconds_max: float) -> None:
        """Return when all calls are held and none has begun for `quiet_seconds`, or after `seconds_max`."""
        clock = asyncio.get_running_loop().time
        give_up_at = clock() + seconds_max
        self._begun_at = clock()
        while len(self._tasks) > self._waiting or clock() - self._begun_at < quiet_seconds:
            if clock() >= give_up_at:
                return
            await asyncio.sleep(POLL_SECONDS)

    def release(self) -> None:
        """Let the calls that are held go on, and hold no more."""
        self.held = False
        self._release.set()

    async def finish(self, seconds_max: float) -> None:
        """Return when all calls have ended; those that have not within `seconds_max` are cancelled."""
        if self._tasks and seconds_max > 0:
            await asyncio.wait(self._tasks, timeout=seconds_max)
        self.ended = True
        for task in self._tasks:
            task.cancel()
