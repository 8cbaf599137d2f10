"""Connections to one service, replaced when they are lost."""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Self

from benchmarks.http2.calls import Call
from benchmarks.http2.connection import Connection, Finished
from benchmarks.http2.endpoint import Endpoint, Target
from benchmarks.http2.headers import request_headers

__all__ = ["Client", "Target", "TargetUnreachable"]

TIMEOUT_SECONDS = 10
"""The deadline of every call, as gateways set one."""
CONNECT_SECONDS_MAX = 5.0
"""The time of one attempt, including the exchange of settings."""
UNREACHABLE_SECONDS_MAX = 15.0
"""How long a lost connection is tried again before the target counts as unreachable."""
PAUSE_SECONDS = 0.1
"""Between two attempts."""
CLOSE_SECONDS_MAX = 5.0


class TargetUnreachable(Exception):
    """No connection could be made within UNREACHABLE_SECONDS_MAX."""


class Client:
    """`connections` connections, spread over the endpoint's targets; `async with` opens and closes them.

    Each call that ends is passed to `finished`. A call that the server has certainly not processed
    (after GOAWAY) moves to another connection; all others end where they were sent.

    Opening raises `TargetUnreachable`; a later failure is the result of `unreachable`.
    """

    def __init__(self, endpoint: Endpoint, paths: Sequence[str], *, connections: int, finished: Finished) -> None:
        """Prepare; connect nothing. `paths` are the methods that calls refer to by index."""
        assert connections > 0
        self.connections = connections
        self.unreachable: asyncio.Future[TargetUnreachable] = asyncio.get_running_loop().create_future()
        """Done once the target is unreachable for too long."""
        self._endpoint = endpoint
        self._tls = endpoint.tls()
        self._paths = paths
        self._finished = finished
        self._targets: dict[Connection, Target] = {}
        self._open: list[Connection] = []
        self._waiting: deque[Call] = deque()
        self._openers: set[asyncio.Task[None]] = set()
        self._is_closing = False

    async def __aenter__(self) -> Self:
        targets = self._endpoint.targets
        for number in range(self.connections):
            target = targets[number % len(targets)]
            try:
                await self._connect(target)
            except OSError as error:
                await self._close()
                raise TargetUnreachable(f"{target}: {error}") from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    def submit(self, call: Call) -> None:
        """Send a call on the connection with the fewest calls, or as soon as there is a connection."""
        if self._open:
            min(self._open, key=_in_flight).submit(call)
        else:
            self._waiting.append(call)

    # Callbacks of connections.

    def unsent(self, call: Call) -> None:
        """Send a call again that a connection could not send."""
        self.submit(call)

    def left(self, connection: Connection) -> None:
        """Replace a connection that takes no more calls."""
        if connection not in self._open:
            return  # it was never ready; `_connect` raises
        self._open.remove(connection)
        if not self._is_closing:
            opener = asyncio.get_running_loop().create_task(self._reconnect(self._targets[connection]))
            self._openers.add(opener)
            opener.add_done_callback(self._openers.discard)

    async def _reconnect(self, target: Target) -> None:
        give_up_at = asyncio.get_running_loop().time() + UNREACHABLE_SECONDS_MAX
        while True:
            try:
                await self._connect(target)
            except OSError as error:
                if asyncio.get_running_loop().time() > give_up_at:
                    if not self.unreachable.done():
                        self.unreachable.set_result(TargetUnreachable(f"{target}: {error}"))
                    return
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    async def _connect(self, target: Target) -> None:
        """Open one connection. Raise `OSError` on failure, including an untrusted certificate."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            transport, connection = await loop.create_connection(
                partial(self._new_connection, target), *target, ssl=self._tls
            )
            try:
                _check_protocol(transport)
                await connection.ready
            except BaseException:
                connection.close()
                raise
        if not connection.is_open:
            raise ConnectionResetError("the server has sent GOAWAY")
        self._open.append(connection)
        while self._waiting:
            connection.submit(self._waiting.popleft())

    def _new_connection(self, target: Target) -> Connection:
        endpoint = self._endpoint
        headers = request_headers(
            self._paths,
            authority=str(target),
            scheme=endpoint.scheme,
            token=endpoint.token,
            timeout_seconds=TIMEOUT_SECONDS,
        )
        connection = Connection(headers, self, self._finished)
        self._targets[connection] = target
        connection.closed.add_done_callback(lambda _: self._targets.pop(connection, None))
        return connection

    async def _close(self) -> None:
        self._is_closing = True
        for opener in self._openers:
            opener.cancel()
        await asyncio.gather(*self._openers, return_exceptions=True)
        connected = [connection for connection in self._targets if connection.is_connected]
        for connection in connected:
            connection.close()
        if connected:
            await asyncio.wait([connection.closed for connection in connected], timeout=CLOSE_SECONDS_MAX)


def _in_flight(connection: Connection) -> int:
    return connection.in_flight


def _check_protocol(transport: asyncio.BaseTransport) -> None:
    """Raise an `OSError` if TLS was negotiated without HTTP/2."""
    tls = transport.get_extra_info("ssl_object")
    if tls is not None and tls.selected_alpn_protocol() != "h2":
        raise ConnectionResetError("the server does not offer HTTP/2 (ALPN h2)")
