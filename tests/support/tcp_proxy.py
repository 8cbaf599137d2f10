"""A TCP proxy that can refuse, hold up, or redirect connections to a server."""

import asyncio
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit, urlunsplit

LOOPBACK = "127.0.0.1"


class Proxy:
    """Forwards bytes between clients and a server on this machine; `async with` opens and shuts it."""

    def __init__(self, server_port: int) -> None:
        """Forward to `server_port`."""
        self.server_port = server_port
        """The port that new connections lead to."""
        self.port = 0
        self.kept = 0
        """The number of reads since `hold` whose bytes were kept back."""
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._gates: set[asyncio.Event] = set()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut()

    async def open(self) -> None:
        """Listen, on the same port each time."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse new connections, and abort those that are open."""
        assert self._server is not None
        self._server.close()
        for gate in self._gates:
            gate.set()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    def hold(self) -> Callable[[], None]:
        """Keep what is sent over the connections of now until the function that is returned is called.

        New connections are not held, and who gives a held one up does not take back what was sent.
        """
        held, self.kept = list(self._gates), 0
        for gate in held:
            gate.clear()

        def release() -> None:
            for gate in held:
                gate.set()

        return release

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward = await asyncio.open_connection(LOOPBACK, self.server_port)
        gate = asyncio.Event()
        gate.set()
        ends = {writer, onward}
        self._writers |= ends
        self._gates.add(gate)
        try:
            await asyncio.gather(self._pump(reader, onward, gate), self._pump(onward_reader, writer, gate))
        finally:
            self._writers -= ends
            self._gates.discard(gate)
            for end in ends:
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        try:
            while data := await reader.read(65536):
                self.kept += not gate.is_set()
                await gate.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        await gate.wait()
        writer.close()


def through(url: str, proxy: Proxy) -> str:
    """Return the URL of a server through a proxy."""
    parts = urlsplit(url)
    account, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{account}{at}{LOOPBACK}:{proxy.port}"))
