"""What Envoy and a caller behind it do, as an ASGI application sees it."""

import asyncio
from collections.abc import Awaitable, Generator, Iterable
from itertools import pairwise
from typing import Any

from server.envoy.framing import PREFIX_BYTES, Event, framed

GONE: Event = {"type": "http.disconnect"}


def body(data: bytes, *, more: bool = False) -> Event:
    """Return a part of a request."""
    return {"type": "http.request", "body": data, "more_body": more}


def split(data: bytes, places: Iterable[int]) -> list[Event]:
    """Return the parts of a request that is cut at some places."""
    cuts = [0, *sorted(places), len(data)]
    parts = [data[start:end] for start, end in pairwise(cuts)]
    return [body(part, more=number < len(parts) - 1) for number, part in enumerate(parts)]


class _Taken:
    """What `send` returns: it need not be awaited."""

    def __init__(self, reads: asyncio.Event) -> None:
        self._reads = reads

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._reads.wait().__await__()


class Caller:
    """One request, and the answer to it."""

    def __init__(
        self, path: str, *parts: Event, headers: Iterable[tuple[bytes, bytes]] = (), waits: bool = False
    ) -> None:
        """Send `parts`, with `headers` beside those that gRPC always has; then go away, unless it `waits`."""
        self.scope: Event = {
            "type": "http",
            "method": "POST",
            "path": path,
            "headers": [(b"content-type", b"application/grpc"), (b"te", b"trailers"), *headers],
        }
        self._parts = list(parts)
        self.received = 0
        """How many parts were asked for and given."""
        self.sent: list[Event] = []
        self.reads = asyncio.Event()
        """Whether the caller reads what is sent to it in a stream."""
        self.reads.set()
        self._gone = asyncio.Event()
        if not waits:
            self._gone.set()

    def go(self) -> None:
        """Go away."""
        self._gone.set()

    def give(self, *parts: Event) -> None:
        """Send more."""
        self._parts.extend(parts)

    async def receive(self) -> Event:
        """Return the next part when it is there, and in the end that the caller is gone."""
        if self._parts:
            self.received += 1
            return self._parts.pop(0)
        await self._gone.wait()
        return GONE

    def send(self, event: Event) -> Awaitable[None]:
        """Take a part of the answer."""
        self.sent.append(event)
        return _Taken(self.reads)

    @property
    def status(self) -> dict[bytes, bytes]:
        """The headers that the call ended with."""
        assert self.sent[0]["type"] == "http.response.start"
        if self.sent[0].get("trailers"):
            assert self.sent[-1]["type"] == "http.response.trailers"
            assert not self.sent[-2]["more_body"]
            return dict(self.sent[-1]["headers"])
        assert not self.sent[-1]["more_body"]
        return dict(self.sent[0]["headers"])

    @property
    def code(self) -> int:
        """The number of the status."""
        return int(self.status[b"grpc-status"])

    @property
    def messages(self) -> list[bytes]:
        """The messages of the answer."""
        data = b"".join(event["body"] for event in self.sent if event["type"] == "http.response.body")
        found = []
        while data:
            length = int.from_bytes(data[1:PREFIX_BYTES], "big")
            found.append(data[PREFIX_BYTES : PREFIX_BYTES + length])
            data = data[PREFIX_BYTES + length :]
        return found


def request(*messages: bytes) -> Event:
    """Return a whole request in one part."""
    return body(b"".join(map(framed, messages)))
