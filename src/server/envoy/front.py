"""The front that Envoy is, as the server's lifecycle sees it."""

import asyncio
from pathlib import Path

import structlog

from server.boundary import Boundary
from server.envoy.admin import ask
from server.envoy.calls import Calls
from server.lifetime import DRAIN_SECONDS_MAX
from server.settings import FrontChoice

UNREAD_MAX = 256
"""Requests without a token that are not whole. Envoy holds a stream's window of each, and each has its headers for a
moment before its message, so that many at once are usual: clients that watch health all come back at a restart."""
POLL_SECONDS = 0.01
START_SECONDS_MAX = 10.0

log = structlog.get_logger(__name__)


class EnvoyFront:
    """Serves calls that the Envoy around this Python passes on."""

    name = FrontChoice.ENVOY.value

    def __init__(self, admin_socket: Path) -> None:
        """Reach Envoy by `admin_socket`."""
        self._admin_socket = admin_socket
        self.accepting = asyncio.Event()
        """Set when there is a handler for calls; then Envoy may accept them."""
        self.calls: Calls | None = None

    async def start(self, boundary: Boundary) -> None:
        """Let Envoy accept calls, and return when it does."""
        self.calls = Calls(boundary)
        boundary.open_calls.unread_max = UNREAD_MAX
        self.accepting.set()
        async with asyncio.timeout(START_SECONDS_MAX):
            while not await self._live():  # noqa: ASYNC110  Nothing tells when Envoy has opened its listener.
                await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """Have Envoy tell clients to go, wait for the calls that have begun, and cancel those that take too long.

        An Envoy that is too busy to be told costs nobody the answer to a call that has begun.
        """
        assert self.calls is not None
        try:
            await ask(self._admin_socket, "POST", "/drain_listeners?graceful&skip_exit")  # GOAWAY with each answer
            await ask(self._admin_socket, "POST", "/drain_listeners")  # No new connections, at once.
        except OSError as error:
            log.warning("envoy_not_drained", error=repr(error))
        await self.calls.drain(DRAIN_SECONDS_MAX)

    async def quit(self) -> None:
        """End Envoy, and with it this process. Raises OSError if it cannot be told."""
        await ask(self._admin_socket, "POST", "/quitquitquit")

    async def _live(self) -> bool:
        try:
            status, _ = await ask(self._admin_socket, "GET", "/ready")
        except OSError:
            return False
        return status == 200
