"""Connections to one address, opened again when they are lost."""

import asyncio
from collections import deque
from types import TracebackType
from typing import NamedTuple, Self

from benchmarks.loadgen.calls import Call
from benchmarks.loadgen.connection import Connection, Finished
from benchmarks.loadgen.headers import RequestHeaders

CONNECT_SECONDS_MAX = 5.0
"""For one attempt, the exchange of settings included."""
UNREACHABLE_SECONDS_MAX = 15.0
"""How long a lost connection is tried again before the run is given up."""
PAUSE_SECONDS = 0.1
"""Between two attempts."""
CLOSE_SECONDS_MAX = 5.0


class Target(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, address: str) -> "Target":
        """Read "host:port" or "[v6]:port"."""
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError(f"{address!r} is not HOST:PORT")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        """As in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class TargetUnreachable(Exception):
    """No connection could be made for a while."""


class Client:
    """`connections` connections to `target`; `async with` opens and closes them.

    Each call that ends is handed to `finished`. A call that the server has certainly not looked at
    (it said GOAWAY) moves to another connection; all others end where they were sent.

    Raises `TargetUnreachable` when it is opened, or from `sleep`.
    """

    def __init__(self, target: Target, headers: RequestHeaders, *, connections: int, finished: Finished) -> None:
        """Choose; nothing is connected yet."""
        assert connections > 0
        self.connections = connections
        self._target = target
        self._headers = headers
        self._finished = finished
        self._open: list[Connection] = []
        self._all: set[Connection] = set()
        self._waiting: deque[Call] = deque()
        self._openers: set[asyncio.Task[None]] = set()
        self._given_up: asyncio.Future[TargetUnreachable] = asyncio.get_running_loop().create_future()
        self._is_closing = False

    async def __aenter__(self) -> Self:
        try:
            for _ in range(self.connections):
                await self._connect()
        except OSError as error:
            await self._close()
            raise TargetUnreachable(f"{self._target}: {error}") from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    def submit(self, call: Call) -> None:
        """Send a call on the connection that has the fewest, or as soon as there is one."""
        if self._open:
            min(self._open, key=_in_flight).submit(call)
        else:
            self._waiting.append(call)

    async def sleep(self, seconds: float) -> None:
        """Let calls run; `TargetUnreachable` as soon as there is no hope."""
        await asyncio.wait([self._given_up], timeout=seconds)
        if self._given_up.done():
            raise self._given_up.result()

    # What connections report.

    def unsent(self, call: Call) -> None:
        """Take a call back that a connection could not send."""
        self.submit(call)

    def left(self, connection: Connection) -> None:
        """Replace a connection that takes no more calls."""
        if connection not in self._open:
            return  # it was never ready, and whoever opens it knows
        self._open.remove(connection)
        if not self._is_closing:
            opener = asyncio.get_running_loop().create_task(self._reconnect())
            self._openers.add(opener)
            opener.add_done_callback(self._openers.discard)

    async def _reconnect(self) -> None:
        give_up_at = asyncio.get_running_loop().time() + UNREACHABLE_SECONDS_MAX
        while True:
            try:
                await self._connect()
            except OSError as error:
                if asyncio.get_running_loop().time() > give_up_at:
                    if not self._given_up.done():
                        self._given_up.set_result(TargetUnreachable(f"{self._target}: {error}"))
                    return
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return

    async def _connect(self) -> None:
        """Open one connection; `OSError` if that fails."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS_MAX):
            _, connection = await loop.create_connection(self._new_connection, *self._target)
            try:
                await connection.ready
            except BaseException:
                connection.close()
                raise
        if not connection.is_open:
            raise ConnectionResetError("the server is going away")
        self._open.append(connection)
        while self._waiting:
            connection.submit(self._waiting.popleft())

    def _new_connection(self) -> Connection:
        connection = Connection(self._headers, self, self._finished)
        self._all.add(connection)
        connection.closed.add_done_callback(lambda _: self._all.discard(connection))
        return connection

    async def _close(self) -> None:
        self._is_closing = True
        for opener in self._openers:
            opener.cancel()
        await asyncio.gather(*self._openers, return_exceptions=True)
        connected = [connection for connection in self._all if connection.is_connected]
        for connection in connected:
            connection.close()
        if connected:
            await asyncio.wait([connection.closed for connection in connected], timeout=CLOSE_SECONDS_MAX)


def _in_flight(connection: Connection) -> int:
    return connection.in_flight
