"""The sending half of a connection: requests, within the server's limits."""

from collections.abc import Callable, Mapping
from typing import Protocol

from benchmarks.http2 import frames
from benchmarks.http2.headers import TABLE_BYTES_DEFAULT, RequestHeaders


class Writer(Protocol):
    """The method of a transport that is used here."""

    def write(self, data: bytes) -> None:
        """Send, or buffer until it can be sent."""


class _Unsent:
    """The unsent rest of a message that exceeded the windows."""

    __slots__ = ("message", "offset", "window_bytes")

    def __init__(self, message: bytes, window_bytes: int) -> None:
        """Begin at the first byte, with the stream's window."""
        self.message = message
        self.offset = 0
        self.window_bytes = window_bytes


class Outgoing:
    """Collects frames, so that all frames that answer one read are sent by one write."""

    def __init__(self, headers: RequestHeaders, call_soon: Callable[[Callable[[], None]], object]) -> None:
        """Begin with the default limits, which hold until the server's settings come."""
        self._headers = headers
        self._known = headers.known
        self._call_soon = call_soon
        self._writer: Writer | None = None
        self._frames: list[bytes] = []
        self._is_flush_planned = False
        self._unsent: dict[int, _Unsent] = {}
        self._frame_bytes_max = frames.FRAME_BYTES_DEFAULT
        self._stream_window_bytes = frames.WINDOW_BYTES_DEFAULT
        self._window_bytes = frames.WINDOW_BYTES_DEFAULT
        """The bytes that the server still accepts on the whole connection."""

    def open(self, writer: Writer, greeting: bytes) -> None:
        """Send the first bytes of the connection."""
        self._writer = writer
        writer.write(greeting)

    def hold(self) -> None:
        """Schedule no flush: the caller flushes."""
        self._is_flush_planned = True

    def flush(self) -> None:
        """Write the collected frames."""
        self._is_flush_planned = False
        if self._frames and self._writer is not None:
            self._writer.write(b"".join(self._frames))
            self._frames.clear()

    def add(self, frame: bytes) -> None:
        """Send a frame that is not subject to flow control."""
        self._frames.append(frame)
        self._plan_flush()

    def send(self, stream: int, message: bytes, path: int = 0) -> None:
        """Send a request: headers and message, as far as the windows allow now."""
        block = self._known[path]
        if block is None:
            block = self._headers.block(path)
        size = len(message)
        if (
            size <= self._frame_bytes_max
            and size <= self._window_bytes
            and size <= self._stream_window_bytes
            and not self._unsent
        ):
            self._window_bytes -= size
            pack = frames.HEAD.pack
            self._frames += (
                pack(0, len(block), frames.HEADERS, frames.END_HEADERS, stream),
                block,
                pack(size >> 16, size & 0xFFFF, frames.DATA, frames.END_STREAM, stream),
                message,
            )
        else:
            self._frames.append(frames.frame(frames.HEADERS, frames.END_HEADERS, stream, block))
            self._unsent[stream] = _Unsent(message, self._stream_window_bytes)
            self._send_unsent()
        if not self._is_flush_planned:
            self._plan_flush()

    def forget(self, stream: int) -> bool:
        """Stop sending this stream's request. Return True if it was not sent completely."""
        return self._unsent.pop(stream, None) is not None

    def grow_window(self, stream: int, size_bytes: int) -> None:
        """Send waiting messages: the server accepts `size_bytes` more."""
        if stream == 0:
            self._window_bytes += size_bytes
        elif stream in self._unsent:
            self._unsent[stream].window_bytes += size_bytes
        if self._unsent:
            self._send_unsent()

    def obey(self, settings: Mapping[int, int]) -> None:
        """Apply the server's settings, and acknowledge them."""
        self._frame_bytes_max = settings.get(frames.MAX_FRAME_SIZE, self._frame_bytes_max)
        window_bytes = settings.get(frames.INITIAL_WINDOW_SIZE, self._stream_window_bytes)
        for unsent in self._unsent.values():
            unsent.window_bytes += window_bytes - self._stream_window_bytes
        self._stream_window_bytes = window_bytes
        if settings.get(frames.HEADER_TABLE_SIZE, TABLE_BYTES_DEFAULT) < TABLE_BYTES_DEFAULT:
            self._headers.forget_table()
        self.add(frames.frame(frames.SETTINGS, frames.ACK, 0, b""))
        self._send_unsent()

    def _plan_flush(self) -> None:
        if not self._is_flush_planned:
            self._is_flush_planned = True
            self._call_soon(self.flush)

    def _send_unsent(self) -> None:
        for stream, unsent in list(self._unsent.items()):
            message = unsent.message
            while unsent.offset < len(message):
                room = min(self._window_bytes, unsent.window_bytes, self._frame_bytes_max)
                if room <= 0:
                    break
                part = message[unsent.offset : unsent.offset + room]
                unsent.offset += len(part)
                unsent.window_bytes -= len(part)
                self._window_bytes -= len(part)
                flags = frames.END_STREAM if unsent.offset == len(message) else 0
                self._frames.append(frames.frame(frames.DATA, flags, stream, part))
            else:
                del self._unsent[stream]
