"""The sending half of a connection: requests, within what the server allows."""

from collections.abc import Callable, Mapping
from typing import Protocol

from benchmarks.http2 import frames
from benchmarks.http2.headers import TABLE_BYTES_DEFAULT, RequestHeaders


class Writer(Protocol):
    """What is needed of a transport."""

    def write(self, data: bytes) -> None:
        """Send, or keep until it can be sent."""


class _Unsent:
    """What is left of a message that did not fit into the windows at once."""

    __slots__ = ("message", "offset", "window_bytes")

    def __init__(self, message: bytes, window_bytes: int) -> None:
        """Begin at the first byte, with what the stream's window allows."""
        self.message = message
        self.offset = 0
        self.window_bytes = window_bytes


class Outgoing:
    """Gathers frames, so that all that is said in answer to one read goes out in one write."""

    def __init__(self, headers: RequestHeaders, call_soon: Callable[[Callable[[], None]], object]) -> None:
        """Begin with the limits that hold until the server's settings come."""
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
        """What the server still takes on the whole connection."""

    def open(self, writer: Writer, greeting: bytes) -> None:
        """Send the first bytes of the connection."""
        self._writer = writer
        writer.write(greeting)

    def hold(self) -> None:
        """Plan no flush: the caller will do it."""
        self._is_flush_planned = True

    def flush(self) -> None:
        """Write what was gathered."""
        self._is_flush_planned = False
        if self._frames and self._writer is not None:
            self._writer.write(b"".join(self._frames))
            self._frames.clear()

    def add(self, frame: bytes) -> None:
        """Send a frame that no window bounds."""
        self._frames.append(frame)
        self._plan_flush()

    def send(self, stream: int, message: bytes, path: int = 0) -> None:
        """Send a request: headers and message, or as much of it as the windows allow now."""
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
        """Send no more of this stream's request. True where it was not sent whole."""
        return self._unsent.pop(stream, None) is not None

    def grow_window(self, stream: int, size_bytes: int) -> None:
        """Go on with what was waiting: the server takes so many bytes more."""
        if stream == 0:
            self._window_bytes += size_bytes
        elif stream in self._unsent:
            self._unsent[stream].window_bytes += size_bytes
        if self._unsent:
            self._send_unsent()

    def obey(self, settings: Mapping[int, int]) -> None:
        """Take over the server's settings, and say so."""
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
