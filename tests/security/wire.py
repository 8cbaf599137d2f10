"""A raw HTTP/2 connection that sends what no library would, and counts what comes back."""

import select
import socket
import time
from collections import Counter
from contextlib import suppress
from typing import Self

from hpack import Decoder, Encoder, HPACKError

from benchmarks.http2 import frames

CONNECT_SECONDS_MAX = 2.0
SEND_SECONDS_MAX = 2.0
"""A server that reads nothing for so long holds the attack."""
READ_BYTES = 1 << 16

CHARGE = "/veloconnect.charging.v1.ChargingService/Charge"
CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"


class Closed(Exception):
    """The server has closed the connection, or does not read."""


class Connection:
    """One connection. `seen` counts what the server did: status, reset, goaway, closed, refused."""

    def __init__(self, address: tuple[str, int], seen: Counter[str], *, window_bytes: int | None = None) -> None:
        """Connect, and send preface and settings; `window_bytes` is how much a stream of the server's may send."""
        self.seen = seen
        self._encoder = Encoder()
        self._decoder = Decoder()
        self._next_stream = 1
        self._granted: Counter[int] = Counter()
        """Stream (0 the connection) → bytes that the server has allowed beside the first window."""
        self._buffer = b""
        try:
            self._socket = socket.create_connection(address, CONNECT_SECONDS_MAX)
        except OSError as error:
            seen["connection refused"] += 1
            raise Closed from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        values = {} if window_bytes is None else {frames.INITIAL_WINDOW_SIZE: window_bytes}
        self._greeting = frames.PREFACE + frames.settings(values)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(Closed):
            self.read()
        self._socket.close()

    def greet(self) -> None:
        """Send preface and settings, and acknowledge the server's."""
        self.send(self._greeting)
        self.send(frames.frame(frames.SETTINGS, frames.ACK, 0, b""))

    def headers(
        self, path: str = CHARGE, extra: tuple[tuple[str, str], ...] = (), content_type: str = "application/grpc"
    ) -> bytes:
        """Return the header block of a call without a token."""
        pairs = (
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", content_type),
            *extra,
        )
        return self._encoder.encode([(name, value) for name, value in pairs])

    def stream(self) -> int:
        """Return the number of a new stream."""
        number = self._next_stream
        self._next_stream += 2
        return number

    def open(self, block: bytes, *, end: bool = False) -> int:
        """Send headers, and return their stream."""
        stream = self.stream()
        flags = frames.END_HEADERS | (frames.END_STREAM if end else 0)
        self.send(frames.frame(frames.HEADERS, flags, stream, block))
        return stream

    def data(self, stream: int, payload: bytes, *, end: bool = False) -> None:
        """Send data in frames of the size that every peer takes. Windows are not respected."""
        size = frames.FRAME_BYTES_DEFAULT
        parts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
        last = len(parts) - 1
        self.send(
            b"".join(
                frames.frame(frames.DATA, frames.END_STREAM if end and number == last else 0, stream, part)
                for number, part in enumerate(parts)
            )
        )

    def room(self, stream: int, sent: int) -> int:
        """Return how many bytes more the server takes on a stream, the only one with data, after `sent`."""
        return frames.WINDOW_BYTES_DEFAULT + min(self._granted[0], self._granted[stream]) - sent

    def send(self, data: bytes) -> None:
        """Send, reading meanwhile. Raises Closed."""
        give_up_at = time.monotonic() + SEND_SECONDS_MAX
        while data:
            readable, writable = self._wait(select.POLLIN | select.POLLOUT, 0.1)
            try:
                if readable:
                    self._receive()
                if writable:
                    data = data[self._socket.send(data) :]
            except OSError as error:
                self.seen["connection closed"] += 1
                raise Closed from error
            if time.monotonic() > give_up_at:
                self.seen["not read"] += 1
                raise Closed

    def read(self, seconds: float = 0.0) -> None:
        """Read what has come within a time. Raises Closed."""
        until = time.monotonic() + seconds
        while True:
            readable, _ = self._wait(select.POLLIN, max(0.0, until - time.monotonic()))
            if not readable:
                return
            try:
                self._receive()
            except OSError as error:
                self.seen["connection closed"] += 1
                raise Closed from error

    def _wait(self, events: int, seconds: float) -> tuple[bool, bool]:
        """Return whether the socket can be read and written. By poll: select knows no descriptor beyond 1 023."""
        poll = select.poll()
        poll.register(self._socket, events)
        found = poll.poll(seconds * 1000)
        seen = found[0][1] if found else 0
        return bool(seen & ~select.POLLOUT), bool(seen & select.POLLOUT)

    def _receive(self) -> None:
        data = self._socket.recv(READ_BYTES)
        if not data:
            self.seen["connection closed"] += 1
            raise Closed
        self._buffer += data
        while len(self._buffer) >= frames.HEAD_BYTES:
            high, low, kind, flags, stream = frames.HEAD.unpack_from(self._buffer)
            end = frames.HEAD_BYTES + (high << 16 | low)
            if len(self._buffer) < end:
                return
            payload, self._buffer = self._buffer[frames.HEAD_BYTES : end], self._buffer[end:]
            self._count(kind, flags, stream, payload)

    def _count(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        match kind:
            case frames.WINDOW_UPDATE:
                self._granted[stream] += int.from_bytes(payload, "big")
            case frames.RST_STREAM:
                self.seen[f"reset {frames.error_name(int.from_bytes(payload, 'big'))}"] += 1
            case frames.GOAWAY:
                self.seen[f"goaway {frames.error_name(int.from_bytes(payload[4:8], 'big'))}"] += 1
            case frames.HEADERS if flags & frames.END_HEADERS:
                try:
                    headers = {str(name): str(value) for name, value in self._decoder.decode(payload)}
                except HPACKError:
                    self.seen["unreadable headers"] += 1
                    return
                if "grpc-status" in headers:
                    self.seen[f"status {headers['grpc-status']}"] += 1
                elif headers.get(":status", "200") != "200":
                    self.seen[f"http {headers[':status']}"] += 1
