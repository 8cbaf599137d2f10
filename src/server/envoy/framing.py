"""gRPC over HTTP/2: messages with a prefix, the caller's timeout, and the status in trailers.

The rules are those of gRPC's "gRPC over HTTP2" (doc/PROTOCOL-HTTP2.md in its repository).
"""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from struct import Struct
from typing import Any
from urllib.parse import quote_from_bytes

import grpc

from server.in_time import in_time
from server.rejections import InvalidRequest
from server.tokens import Metadata
from server.validation import MESSAGE_BYTES_MAX
from wallet.domain.errors import Overloaded

PREFIX_BYTES = 5
MESSAGE_SECONDS_MAX = 10.0
"""How long a message that comes in several parts may take: meanwhile it holds room that others need."""
TIMEOUT_DIGITS_MAX = 8
TIMEOUT_SECONDS_MAX = 366 * 86_400.0
"""A longer timeout is as good as none."""

CONTENT_TYPE = b"application/grpc"
CONTENT_TYPES = (b"application/grpc+", b"application/grpc;")
"""How other values begin that mean the same; application/grpc-web is another protocol, with other answers."""

IDENTITY = b"identity"
ENCODINGS = (IDENTITY, b"gzip")
"""The values of grpc-encoding that are read."""

_PREFIX = Struct(">BI")
_SECONDS = {b"n": 1e-9, b"u": 1e-6, b"m": 1e-3, b"S": 1.0, b"M": 60.0, b"H": 3600.0}
_AS_THEY_ARE = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""ASCII that grpc-message has as it is, beside letters and digits: all that can be printed but %."""

Event = dict[str, Any]
Receive = Callable[[], Awaitable[Event]]
Headers = list[tuple[bytes, bytes]]


class Disconnected(Exception):
    """The caller is gone, or has cancelled the call."""


def framed(message: bytes) -> bytes:
    """Return a message with its prefix, not compressed."""
    return _PREFIX.pack(0, len(message)) + message


def timeout_seconds(header: bytes) -> float:
    """Return the seconds in a grpc-timeout such as 250m. Raises InvalidRequest."""
    digits, unit = header[:-1], _SECONDS.get(header[-1:])
    if unit is None or not digits.isdigit() or len(digits) > TIMEOUT_DIGITS_MAX:
        raise InvalidRequest("The header grpc-timeout must be 1 to 8 digits and a unit of H, M, S, m, u and n.")
    return min(int(digits) * unit, TIMEOUT_SECONDS_MAX)


def status_headers(code: grpc.StatusCode, message: str, metadata: Metadata = ()) -> Headers:
    """Return the headers that end a call. Values of keys that end in -bin are sent in base64, without padding."""
    number: int = code.value[0]
    headers = [(b"grpc-status", b"%d" % number)]
    if text := message.strip():  # HTTP/2 has no spaces around a value.
        headers.append((b"grpc-message", quote_from_bytes(text.encode(), _AS_THEY_ARE).encode()))
    for key, value in metadata:
        encoded = b64encode(value).rstrip(b"=") if isinstance(value, bytes) else value.encode()
        headers.append((key.encode(), encoded))
    return headers


class Room:
    """Bounds the bytes of all messages that are not whole yet."""

    def __init__(self, size: int) -> None:
        """Have room for `size` bytes."""
        self._left = size

    @contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Hold `size` bytes while the context lasts. Raises Overloaded if there is no room."""
        if size > self._left:
            raise Overloaded("too many large messages are on their way")
        self._left -= size
        try:
            yield
        finally:
            self._left += size


class Messages:
    """The messages of one request, one by one, while its bytes arrive."""

    __slots__ = ("_ahead", "_at", "_bytes_max", "_compressible", "_data", "_more", "_receive", "_room", "reading")

    def __init__(
        self, receive: Receive, room: Room, *, bytes_max: int = MESSAGE_BYTES_MAX, compressible: bool = False
    ) -> None:
        """Read by ASGI's `receive`; `room` is for messages that come in several parts, of `bytes_max` at most.

        Messages that are compressed, if they may be, stay so: validation.read inflates them.
        """
        self._receive = receive
        self._room = room
        self._bytes_max = bytes_max
        self._compressible = compressible
        self._data = b""
        self._at = 0
        """Where in `_data` the next message begins: what is left is not copied for each of many small ones."""
        self._more = True
        self._ahead: asyncio.Future[Event] | None = None
        self.reading = False
        """Whether the next part is awaited, so that its reader hears of a caller that is gone."""

    def __aiter__(self) -> "Messages":
        return self

    async def __anext__(self) -> bytes:
        """Return the next message. Raises InvalidRequest, CallerTooSlow, Overloaded, and Disconnected."""
        while self._left < PREFIX_BYTES:
            if not self._more:
                if self._left:
                    raise InvalidRequest(_CUT_OFF)
                raise StopAsyncIteration
            await self._read()
        compressed, length = _PREFIX.unpack_from(self._data, self._at)
        size = PREFIX_BYTES + self._checked(compressed, length)
        if self._left < size:
            with self._room.taken(size):
                async with in_time(MESSAGE_SECONDS_MAX, "a message that had begun was not whole"):
                    await self._gather(size)
        begin, self._at = self._at + PREFIX_BYTES, self._at + size
        return self._data[begin : self._at]

    async def only(self) -> bytes:
        """Return the one message of a unary call. Raises as `__anext__` does."""
        await self._read()
        data = self._data
        if not self._more and len(data) >= PREFIX_BYTES:  # Nearly always.
            compressed, length = _PREFIX.unpack_from(data)
            if not compressed and length + PREFIX_BYTES == len(data):
                return data[PREFIX_BYTES:]
        async for message in self:
            async for _ in self:
                raise InvalidRequest("More than one message was sent to a method that takes one.")
            return message
        raise InvalidRequest("No message was sent.")

    async def _gather(self, size: int) -> None:
        """Read until there are `size` bytes. Parts are joined once: a large message comes in many."""
        parts = [self._data[self._at :]]
        missing = size - self._left
        while missing > 0:
            self._data, self._at = b"", 0
            if not self._more:
                raise InvalidRequest(_CUT_OFF)
            await self._read()
            parts.append(self._data)
            missing -= len(self._data)
        self._data = b"".join(parts)

    @property
    def _left(self) -> int:
        """The number of bytes that have been read and belong to no message yet."""
        return len(self._data) - self._at

    def _checked(self, compressed: int, length: int) -> int:
        """Return the length of a message. Raises InvalidRequest if it is not to be read."""
        if compressed and not self._compressible:
            raise InvalidRequest("A message is compressed, and the header grpc-encoding does not say how.")
        if length > self._bytes_max:
            raise InvalidRequest(f"The message has {length} bytes, more than {self._bytes_max}: send fewer at a time.")
        return length

    def look_ahead(self) -> "asyncio.Future[Event]":
        """Return the next part, or that the caller is gone, while nobody reads. A part is kept for its reader."""
        ahead = self._ahead
        if ahead is None or (ahead.done() and not ahead.exception() and ahead.result().get("body") == b""):
            if ahead is not None:
                self._more = ahead.result()["more_body"]
            ahead = self._ahead = asyncio.ensure_future(self._receive())
        return ahead

    async def _read(self) -> None:
        self.reading = True
        if self._ahead is None:
            event = await self._receive()
        else:
            event = await self._ahead
            self._ahead = None
        self.reading = False
        if event["type"] != "http.request":
            raise Disconnected
        body: bytes = event["body"]
        self._data, self._at = (self._data[self._at :] + body if self._left else body), 0
        self._more = event["more_body"]


_CUT_OFF = "The request ends in the middle of a message."
