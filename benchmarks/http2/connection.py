"""One HTTP/2 connection of the load generator: its calls, and the reading half.

It takes few Python steps per call: frames are read in place, all frames that answer one read are
sent by one write, and rare cases (large messages, full windows, settings) have a slow path.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

from benchmarks.http2 import frames
from benchmarks.http2.calls import Call
from benchmarks.http2.headers import AnswerHeaders, RequestHeaders
from benchmarks.http2.outcomes import (
    BAD_MESSAGE,
    CONNECTION_LOST,
    NO_TRAILERS,
    OK,
    Outcome,
)
from benchmarks.http2.outgoing import Outgoing

STREAM_WINDOW_BYTES = 4 * 2**20
CONNECTION_WINDOW_BYTES = 64 * 2**20
"""The bytes that the server may send before a window update, which is sent when half is used."""
FRAME_BYTES = 2**20
"""The largest accepted frame."""
MESSAGE_BYTES_MAX = 64 * 2**20
"""A longer answer is canceled."""
REFUSALS_MAX = 10
"""So often a refused call is sent again, as gRPC clients do: a server may still count a stream whose
end has already come here."""
REFUSED_SECONDS = 0.001
"""How long a call rests when it was refused for the first time, and twice as long each time after. A
busy server lets a stream go late: a second is enough where ten round trips without a rest are not."""
STREAMS_LEFT_AT = frames.STREAM_ID_MAX - 2**20
"""After a billion calls the stream numbers of a connection are used up, and another one replaces it."""

OUR_SETTINGS = {
    frames.HEADER_TABLE_SIZE: 0,
    frames.ENABLE_PUSH: 0,
    frames.INITIAL_WINDOW_SIZE: STREAM_WINDOW_BYTES,
    frames.MAX_FRAME_SIZE: FRAME_BYTES,
}

WHOLE_BLOCK_MASK = frames.END_HEADERS | frames.PADDED | frames.PRIORITY
"""Of a HEADERS frame's flags: where only END_HEADERS of these is set, the payload is the block."""

Finished = Callable[["Connection", Call, Outcome], None]
"""Called for each call that has ended; it may submit the next one."""


class Owner(Protocol):
    """The owner of connections, which replaces those that end."""

    def unsent(self, call: Call) -> None:
        """Send `call` on another connection: the server has not processed it and will not."""

    def left(self, connection: "Connection") -> None:
        """Replace a connection that takes no more calls; its calls in flight may still succeed."""


class Connection(asyncio.Protocol):
    """Carries calls whose headers differ only in the path; `ready` is done when the first can be sent.

    Calls beyond the server's MAX_CONCURRENT_STREAMS wait here.
    """

    def __init__(self, headers: RequestHeaders, owner: Owner, finished: Finished) -> None:
        """Be asyncio's protocol for one transport."""
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.is_open = True
        """Whether it takes calls."""
        self._loop = loop
        self._owner = owner
        self._finished = finished
        self._outgoing = Outgoing(headers, loop.call_soon)
        self._answer_headers = AnswerHeaders()
        self._transport: asyncio.Transport | None = None
        self._calls: dict[int, Call] = {}
        """In flight, by stream."""
        self._waiting: deque[Call] = deque()
        self._resting = 0
        """Refused calls that are not sent again yet."""
        self._next_stream = 1
        self._streams_max = frames.STREAM_ID_MAX
        self._incoming = b""
        """The received part of an incomplete frame."""
        self._fragments: tuple[int, int, bytes] | None = None
        """Stream, flags and bytes of a header block that CONTINUATION frames complete."""
        self._unreturned_bytes = 0
        self._has_settings = self._has_acknowledgement = False

    @property
    def is_connected(self) -> bool:
        """Whether it is connected, so that it can be closed."""
        return self._transport is not None and not self.closed.done()

    @property
    def in_flight(self) -> int:
        """Calls that were submitted and have not ended."""
        return len(self._calls) + len(self._waiting) + self._resting

    def submit(self, call: Call) -> None:
        """Send a call as soon as the server's limits allow; only while `is_open`."""
        assert self.is_open
        if len(self._calls) < self._streams_max and not self._waiting:
            self._send(call)
        else:
            self._waiting.append(call)

    def close(self) -> None:
        """Close now; calls in flight end with CONNECTION_LOST."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send preface and settings; the first call waits for the server's settings."""
        self._transport = cast("asyncio.Transport", transport)
        more_bytes = CONNECTION_WINDOW_BYTES - frames.WINDOW_BYTES_DEFAULT
        greeting = frames.PREFACE + frames.settings(OUR_SETTINGS) + frames.window_update(0, more_bytes)
        self._outgoing.open(self._transport, greeting)

    def data_received(self, data: bytes) -> None:
        """Read frames and answer them in one write."""
        self._outgoing.hold()
        self._incoming = self._read_frames(self._incoming + data if self._incoming else data)
        while self._waiting and self.is_open and len(self._calls) < self._streams_max:
            self._send(self._waiting.popleft())
        if self._unreturned_bytes > CONNECTION_WINDOW_BYTES // 2:
            self._outgoing.add(frames.window_update(0, self._unreturned_bytes))
            self._unreturned_bytes = 0
        self._outgoing.flush()
        if self._next_stream > STREAMS_LEFT_AT:
            self._leave()
        if not self.is_open and not self._calls:
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        """End all calls in flight."""
        self._leave()
        if not self.ready.done():
            self.ready.set_exception(error or ConnectionResetError("closed before it was ready"))
            self.ready.exception()  # marks it as retrieved, since no task may be waiting
        calls, self._calls = self._calls, {}
        for stream, call in calls.items():
            self._outgoing.forget(stream)
            self._finished(self, call, CONNECTION_LOST)
        self.closed.set_result(None)

    def _send(self, call: Call) -> None:
        stream = self._next_stream
        self._next_stream = stream + 2
        self._calls[stream] = call
        self._outgoing.send(stream, call.message, call.path)

    def _leave(self) -> None:
        """Take no more calls, and return those that were not sent to the owner."""
        if not self.is_open:
            return
        self.is_open = False
        waiting, self._waiting = self._waiting, deque()
        self._owner.left(self)
        for call in waiting:
            self._owner.unsent(call)

    def _read_frames(self, data: bytes) -> bytes:
        """Read complete frames; return the remaining bytes."""
        unpack = frames.HEAD.unpack_from
        calls = self._calls
        start, end = 0, len(data)
        while end - start >= frames.HEAD_BYTES:
            size_high, size_low, kind, flags, stream = unpack(data, start)
            begin = start + frames.HEAD_BYTES
            stop = begin + (size_high << 16 | size_low)
            if stop > end:
                break
            start = stop
            if kind == frames.DATA:
                self._unreturned_bytes += stop - begin
                call = calls.get(stream)
                if call is not None:
                    self._read_data(call, stream, flags, data[begin:stop])
            elif kind == frames.HEADERS and flags & WHOLE_BLOCK_MASK == frames.END_HEADERS:
                self._read_headers(stream, flags, data[begin:stop])
            elif not self._read_other(kind, flags, stream & frames.STREAM_ID_MAX, data[begin:stop]):
                self.close()
                break
        return data[start:]

    def _read_data(self, call: Call, stream: int, flags: int, payload: bytes) -> None:
        call.unreturned_bytes += len(payload)
        if flags & frames.PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        call.body = call.body + payload if call.body else payload
        if flags & frames.END_STREAM:
            self._finish(stream, NO_TRAILERS)
        elif len(call.body) > MESSAGE_BYTES_MAX:
            self._cancel(stream)
            self._finish(stream, BAD_MESSAGE)
        elif call.unreturned_bytes > STREAM_WINDOW_BYTES // 2:
            self._outgoing.add(frames.window_update(stream, call.unreturned_bytes))
            call.unreturned_bytes = 0

    def _read_headers(self, stream: int, flags: int, block: bytes) -> None:
        if flags & frames.END_STREAM:
            self._finish(stream, self._answer_headers.closing(block))
        else:
            outcome = self._answer_headers.opening(block)
            call = self._calls.get(stream)
            if outcome is not OK and call is not None:
                call.failure = outcome

    def _finish(self, stream: int, outcome: Outcome) -> None:
        call = self._calls.pop(stream, None)
        if call is None:
            return
        if self._outgoing.forget(stream):
            self._cancel(stream)  # answered before the request was sent completely
        if call.failure is not OK:
            outcome = call.failure
        elif outcome is OK and not call.is_whole():
            outcome = BAD_MESSAGE
        self._finished(self, call, outcome)

    def _cancel(self, stream: int) -> None:
        self._outgoing.add(frames.frame(frames.RST_STREAM, 0, stream, frames.UINT32.pack(frames.CANCEL)))

    def _read_other(self, kind: int, flags: int, stream: int, payload: bytes) -> bool:
        """Read a rare frame. Return False if the server violates the protocol."""
        match kind:
            case frames.WINDOW_UPDATE:
                self._outgoing.grow_window(stream, frames.UINT32.unpack(payload)[0])
            case frames.SETTINGS:
                self._read_settings(flags, payload)
            case frames.PING if not flags & frames.ACK:
                self._outgoing.add(frames.frame(frames.PING, frames.ACK, 0, payload))
            case frames.RST_STREAM:
                self._read_reset(stream, frames.UINT32.unpack(payload)[0])
            case frames.GOAWAY:
                self._read_go_away(frames.UINT32.unpack_from(payload)[0] & frames.STREAM_ID_MAX)
            case frames.HEADERS:
                return self._read_part_of_headers(stream, flags, _without_padding(flags, payload))
            case frames.CONTINUATION:
                if self._fragments is None or self._fragments[0] != stream:
                    return False
                _, first_flags, before = self._fragments
                flags = first_flags | flags & frames.END_HEADERS
                return self._read_part_of_headers(stream, flags, before + payload)
        return True

    def _read_part_of_headers(self, stream: int, flags: int, block: bytes) -> bool:
        if flags & frames.END_HEADERS:
            self._fragments = None
            self._read_headers(stream, flags, block)
        else:
            self._fragments = (stream, flags, block)
        return len(block) <= FRAME_BYTES

    def _read_settings(self, flags: int, payload: bytes) -> None:
        if flags & frames.ACK:
            self._has_acknowledgement = True
        else:
            settings = frames.read_settings(payload)
            self._streams_max = settings.get(frames.MAX_CONCURRENT_STREAMS, self._streams_max)
            self._outgoing.obey(settings)
            self._has_settings = True
        # Before our settings are acknowledged, answers may still refer to a header table.
        if self._has_settings and self._has_acknowledgement and not self.ready.done():
            self.ready.set_result(None)

    def _read_reset(self, stream: int, code: int) -> None:
        call = self._calls.get(stream)
        if call is None:
            return
        self._outgoing.forget(stream)
        is_refused = code == frames.REFUSED_STREAM
        if is_refused and call.refusals < REFUSALS_MAX:
            del self._calls[stream]
            self._resting += 1
            self._loop.call_later(REFUSED_SECONDS * 2**call.refusals, self._send_again, call)
            call.refusals += 1
        else:
            self._finish(stream, Outcome(f"RST_STREAM/{frames.error_name(code)}", maybe_applied=not is_refused))

    def _send_again(self, call: Call) -> None:
        self._resting -= 1
        if self.is_open:
            self.submit(call)
        else:
            self._owner.unsent(call)

    def _read_go_away(self, last_stream: int) -> None:
        self._leave()
        for stream in [stream for stream in self._calls if stream > last_stream]:
            self._outgoing.forget(stream)
            self._owner.unsent(self._calls.pop(stream))


def _without_padding(flags: int, payload: bytes) -> bytes:
    """Return the block of a HEADERS frame with padding or priority."""
    begin, end = 0, len(payload)
    if flags & frames.PADDED:
        end -= payload[0]
        begin = 1
    if flags & frames.PRIORITY:
        begin += 5
    return payload[begin:end]
