"""How a worker process lives and ends: until a signal, or until the supervisor that holds its tether has gone."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from server.metric_files import write_figures

BEAT_SECONDS = 0.25
SERVING = b"+"
NOT_SERVING = b"-"


class Lifetime:
    """Says when to stop, and tells the supervisor how things are."""

    def __init__(self, tether: int | None = None) -> None:
        """`tether` is one end of a socket pair; its end means that the supervisor is gone."""
        self.stopping = asyncio.Event()
        """Set when the process is to end: finish what was begun, take nothing new."""
        self.started = False
        """Whether it serves; before that, to stop is to give up at once."""
        self._tether = tether

    def watch(self) -> None:
        """Stop on SIGTERM, SIGINT, and the end of the tether."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        if self._tether is not None:
            os.set_blocking(self._tether, False)
            loop.add_reader(self._tether, self._supervisor_gone)

    def beat(self, *, serving: bool) -> None:
        """Tell the supervisor that this process is alive, whether it serves, and what it has counted."""
        write_figures()
        if self._tether is None:
            return
        try:
            os.write(self._tether, SERVING if serving else NOT_SERVING)
        except BlockingIOError:
            return  # It has not read for a long time; it will find enough beats when it does.
        except OSError:
            self.stopping.set()

    def _supervisor_gone(self) -> None:
        assert self._tether is not None
        asyncio.get_running_loop().remove_reader(self._tether)
        self.stopping.set()


async def live(lifetime: Lifetime, work: Callable[[Lifetime], Awaitable[None]]) -> None:
    """Run `work` to its end. It is asked to stop by `lifetime.stopping`, or cancelled where it has not started yet."""
    lifetime.watch()
    working = asyncio.ensure_future(work(lifetime))
    stopping = asyncio.ensure_future(lifetime.stopping.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done() and not lifetime.started:
        working.cancel()
        await asyncio.wait((working,))
    if not working.cancelled():
        await working
