"""Real servers, and two engines on them, for all examples of a property."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import asyncpg
import redis
import uvloop

from tests.support.wallets import Wallets, open_wallets
from wallet.ledger.append import Appender
from wallet.settings import WalletSettings


class World:
    """Real servers, two engines on them as of two processes, and a loop to run them on."""

    def __init__(self, settings: WalletSettings) -> None:
        """Open nothing yet."""
        self._settings = settings
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stack = AsyncExitStack()
        self._companies = count(1)
        self.engines: list[Wallets] = []
        self.database: asyncpg.Connection
        self.redis = redis.Redis.from_url(settings.redis_url)
        self.appender = Appender(settings.database_url)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something on the loop."""
        return self._runner.run(work)

    async def open(self) -> None:
        """Connect."""
        self.database = await asyncpg.connect(self._settings.database_url)
        self._stack.push_async_callback(self.database.close)
        for _ in range(2):
            self.engines.append(await self._stack.enter_async_context(open_wallets(self._settings, sweeps=False)))

    def close(self) -> None:
        """Disconnect."""
        self.appender.close()
        self.run(self._stack.aclose())
        self._runner.close()
        self.redis.close()

    def new_company(self) -> str:
        """Return a name that no example has used."""
        return f"company-{next(self._companies):07}"
