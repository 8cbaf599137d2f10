"""Room in a lane's queue: callers that can wait do so, instead of filling the queue and being refused."""

import asyncio
from collections.abc import Callable
from itertools import islice

LINE_COMMANDS_MAX = 1024
"""A company has room while fewer of its commands wait: four full cycles, so the lane never runs out of them. More would
only make the company's own single calls wait longer."""
ROOM_SECONDS_MAX = 10.0
"""How long a caller waits for room. It takes so long only where the lane makes no progress."""
WOKEN_PER_CYCLE_MAX = 8
"""Callers of a company that are woken by a cycle. Each adds up to some hundred commands, so more would find no room."""


class Room:
    """The callers that wait for room, by company. The first to wait is the first to be woken."""

    def __init__(self, has_room: Callable[[str], bool]) -> None:
        """`has_room` returns whether a company's commands have room."""
        self._has_room = has_room
        self._waiting: dict[str, dict[asyncio.Future[None], None]] = {}

    async def wait(self, company: str) -> bool:
        """Return True when a company may have room; another caller may take it first. False after ROOM_SECONDS_MAX."""
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(company, {})[woken] = None
        try:
            async with asyncio.timeout(ROOM_SECONDS_MAX):
                await woken
        except TimeoutError:
            return False
        finally:
            self._forget(company, woken)
        return True

    def wake(self) -> None:
        """Wake callers whose company has room; called whenever commands have left the queue."""
        for company in [company for company in self._waiting if self._has_room(company)]:
            for woken in list(islice(self._waiting[company], WOKEN_PER_CYCLE_MAX)):
                if not woken.done():
                    woken.set_result(None)
                self._forget(company, woken)

    def _forget(self, company: str, woken: asyncio.Future[None]) -> None:
        line = self._waiting.get(company)
        if line is not None:
            line.pop(woken, None)
            if not line:
                del self._waiting[company]
