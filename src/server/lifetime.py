"""The lifetime of a worker process: it ends at a signal, or when the supervisor that holds its tether is gone."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from server.metric_files import write_metrics

BEAT_SECONDS = 0.25
DRAIN_SECONDS_MAX = 3.0
"""How long a stopping server waits for its calls before it cancels them."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)
"""Signals at which a process stops."""
SERVING = b"+"
NOT_SERVING = b"-"


class Lifetime:
    """Says when the process is to stop, and reports to the supervisor."""

    def __init__(self, tether: int | None = None) -> None:
        """`tether` is the file descriptor of one end of a socket pair; if it closes, the supervisor is gone."""
        self.stopping = asyncio.Event()
        """Set when the process is to end: finish the calls that were begun, accept no new ones."""
        self.started = False
        """Whether it serves; before that, stopping cancels the start."""
        self._tether = tether

    def watch_signals(self) -> None:
        """Stop on one of SIGNALS."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.stopping.set)

    def watch_tether(self) -> None:
        """Stop when the supervisor is gone."""
        loop = asyncio.get_running_loop()
        if self._tether is not None:
            os.set_blocking(self._tether, False)
            loop.add_reader(self._tether, self._supervisor_gone)

    def beat(self, *, serving: bool) -> None:
        """Report to the supervisor that this process is alive and whether it serves; write its metrics."""
        write_metrics()
        if self._tether is None:
            return
        try:
            os.write(self._tether, SERVING if serving else NOT_SERVING)
        except BlockingIOError:
            return  # The supervisor has not read for a long time, and will find enough beats when it does.
        except OSError:
            self.stopping.set()

    def _supervisor_gone(self) -> None:
        assert self._tether is not None
        asyncio.get_running_loop().remove_reader(self._tether)
        self.stopping.set()


async def live(lifetime: Lifetime, work: Callable[[Lifetime], Awaitable[None]]) -> None:
    """Run `work` until it ends. It must end when `lifetime.stopping` is set, and is cancelled if it is not serving."""
    lifetime.watch_tether()
    working = asyncio.ensure_future(work(lifetime))
    stopping = asyncio.ensure_future(lifetime.stopping.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done() and not lifetime.started:
        working.cancel()
        await asyncio.wait((working,))
    if not working.cancelled():
        await working
