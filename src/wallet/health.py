"""Whether Postgres answers: while it does not, commands are refused before they touch Redis."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from wallet import metrics
from wallet.domain.errors import Unavailable, WalletUnavailable
from wallet.ledger.append import Appender
from wallet.ledger.failures import unavailable

PROBE_SECONDS = 0.1
"""Time between two probes of a Postgres that is away."""
WATCH_SECONDS = 1.0
"""Time between two probes of a Postgres that answers: without charges, nothing else notices that it went away."""

log = structlog.get_logger(__name__)


class LedgerHealth:
    """Marks Postgres as away when an append or a probe fails, and as back when a probe succeeds."""

    def __init__(self, appender: Appender) -> None:
        """Probe over a connection of its own."""
        self._appender = appender
        self.before_return: Callable[[], Awaitable[object]] | None = None
        """Runs when Postgres is back, before commands are accepted: the journal of the outage is written first."""
        self._away = asyncio.Event()

    @property
    def away(self) -> bool:
        """Whether Postgres is known to be away."""
        return self._away.is_set()

    def mark_away(self, error: BaseException) -> None:
        """Record that Postgres did not answer."""
        if not self.away:
            log.warning("ledger_away", error=f"{type(error).__name__}: {error}")
            metrics.ledger_away.set(1)
            self._away.set()

    async def run(self) -> None:
        """Probe Postgres, often while it is away. Ends only by being cancelled."""
        while True:
            if not await self.probe():
                await asyncio.sleep(PROBE_SECONDS)
                continue
            # Not wait_for, which loses a cancellation that comes together with the event, before Python 3.12.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await self._away.wait()

    async def _returned(self, before_return: Callable[[], Awaitable[object]]) -> bool:
        try:
            await before_return()
        except Exception as error:
            if not isinstance(error, Unavailable) and not unavailable(error):
                log.exception("return_failed")
            # If Redis is away as well, there is nothing to wait for here: the lanes refuse the commands.
            return isinstance(error, WalletUnavailable)
        return True

    async def probe(self) -> bool:
        """Probe Postgres once; return whether it answers."""
        try:
            await self._appender.probe()
        except Exception as error:
            if not unavailable(error):
                log.exception("probe_failed")
            self.mark_away(error)
            return False
        if self.away:
            if self.before_return is not None and not await self._returned(self.before_return):
                return False
            log.info("ledger_back")
            self._away.clear()
            metrics.ledger_away.set(0)
        return True
