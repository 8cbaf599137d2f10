"""One connection of the load generator, frame by frame."""

import asyncio
from typing import Any

import pytest
from hpack import Decoder

from benchmarks.http2 import frames
from benchmarks.http2.calls import PREFIX, Call
from benchmarks.http2.connection import Connection
from benchmarks.http2.headers import request_headers
from benchmarks.http2.outcomes import Outcome
from benchmarks.loadgen.workloads import CHARGE_PATH

PATHS = [CHARGE_PATH, "/a.B/C", "/a.B/D"]


class _Transport(asyncio.Transport):
    """Keeps the written bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.is_aborted = True


class _Owner:
    """Counts the callbacks of a connection."""

    def __init__(self) -> None:
        self.ended: list[Outcome] = []
        self.returned: list[Call] = []

    def finished(self, _connection: Connection, _call: Call, outcome: Outcome) -> None:
        self.ended.append(outcome)

    def unsent(self, call: Call) -> None:
        self.returned.append(call)

    def left(self, connection: Connection) -> None:
        assert not connection.is_open


async def test_frames_that_grpc_servers_rarely_send_are_read() -> None:
    owner, transport = _Owner(), _Transport()
    connection = Connection(request_headers([CHARGE_PATH], authority="a"), owner, owner.finished)
    connection.connection_made(transport)
    acknowledged = frames.frame(frames.SETTINGS, frames.ACK, 0, b"")
    connection.data_received(frames.settings({frames.MAX_FRAME_SIZE: 20_000}) + acknowledged)
    await connection.ready
    message = PREFIX.pack(0, 3) + b"abc"
    for _ in range(4):
        connection.submit(Call(message, 0, 0))

    opening = b"\x88"  # :status 200, from the static table
    closing = b"\x00\x0bgrpc-status\x010"
    padded = frames.PADDED
    came = b"".join(
        [
            # Stream 1: headers in three parts, data and trailers padded.
            frames.frame(frames.HEADERS, 0, 1, b""),
            frames.frame(frames.CONTINUATION, 0, 1, opening),
            frames.frame(frames.CONTINUATION, frames.END_HEADERS, 1, b""),
            frames.frame(frames.DATA, padded, 1, b"\x02" + message + b"\0\0"),
            frames.frame(
                frames.HEADERS,
                padded | frames.PRIORITY | frames.END_HEADERS | frames.END_STREAM,
                1,
                b"\x01" + bytes(5) + closing + b"\0",
            ),
            # Stream 3: a message that is cut short. Stream 5: broken off.
            frames.frame(frames.HEADERS, frames.END_HEADERS, 3, opening),
            frames.frame(frames.DATA, 0, 3, message[:-1]),
            frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 3, closing),
            frames.frame(frames.RST_STREAM, 0, 5, frames.UINT32.pack(frames.CANCEL)),
            frames.frame(frames.PING, 0, 0, b"12345678"),
            frames.frame(0xBE, 0, 0, b"an unknown type of frame"),
            # Stream 7 was not looked at.
            frames.frame(frames.GOAWAY, 0, 0, frames.UINT32.pack(5) + bytes(4)),
        ]
    )
    for place in range(0, len(came), 7):
        connection.data_received(came[place : place + 7])
    assert [outcome.name for outcome in owner.ended] == ["OK", "BAD_MESSAGE", "RST_STREAM/CANCEL"]
    assert all(outcome.maybe_applied for outcome in owner.ended[1:])
    assert len(owner.returned) == 1
    assert frames.frame(frames.PING, frames.ACK, 0, b"12345678") in transport.written
    assert transport.is_aborted, "nothing is left to wait for"
    connection.connection_lost(None)
    assert len(owner.ended) == 3


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        (b"\x88\x00\x0bgrpc-status\x010", "OK"),
        (b"\x88\x00\x0bgrpc-status\x0214", "UNAVAILABLE"),
        (b"\x88", "NO_TRAILERS"),
        (b"\x8e", "HTTP/500"),
    ],
)
async def test_the_outcome_of_an_answer_of_headers_alone(headers: bytes, outcome: str) -> None:
    owner = _Owner()
    connection = Connection(request_headers([CHARGE_PATH], authority="a"), owner, owner.finished)
    connection.connection_made(_Transport())
    connection.submit(Call(b"", 0, 0))
    connection.data_received(frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 1, headers))
    # Even if the status is 0: there is no message.
    assert [ended.name for ended in owner.ended] == ["BAD_MESSAGE" if outcome == "OK" else outcome]


async def test_a_refused_call_is_sent_again_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.http2.connection.REFUSED_SECONDS", 0)
    owner, transport = _Owner(), _Transport()
    connection = Connection(request_headers([CHARGE_PATH], authority="a"), owner, owner.finished)
    connection.connection_made(transport)
    connection.submit(Call(b"x", 0, 0))
    for stream in range(1, 100, 2):
        assert connection.in_flight == (not owner.ended)
        connection.data_received(frames.frame(frames.RST_STREAM, 0, stream, frames.UINT32.pack(frames.REFUSED_STREAM)))
        await asyncio.sleep(0)  # The loop runs what was to be called after no seconds,
        await asyncio.sleep(0)  # and what that asked for.
    assert owner.ended == [Outcome("RST_STREAM/REFUSED_STREAM", maybe_applied=False)]
    assert transport.written.count(frames.frame(frames.DATA, frames.END_STREAM, 1, b"x")) == 1


async def test_headers_are_sent_in_full_once_and_then_by_reference() -> None:
    owner, transport = _Owner(), _Transport()
    connection = Connection(request_headers(PATHS, authority="a"), owner, owner.finished)
    connection.connection_made(transport)
    blocks = []
    for path in (0, 1, 0, 1, 2, 1, 0, 2, 2):
        transport.written = b""
        connection.submit(Call(b"x", 0, 0, path))
        await asyncio.sleep(0)
        size = int.from_bytes(transport.written[:3], "big")
        blocks.append((path, transport.written[frames.HEAD_BYTES : frames.HEAD_BYTES + size]))
    # A server's decoder, which has the connection's table, reads each as it was meant.
    decoder = Decoder()
    decoded = [_decoded(decoder, block) for _, block in blocks]
    assert [headers[":path"] for headers in decoded] == [PATHS[path] for path, _ in blocks]
    assert all(headers[":authority"] == "a" for headers in decoded)
    assert len(blocks[-1][1]) < 15 < len(blocks[0][1]), "the last ones are references only"


async def test_a_small_header_table_of_the_server_is_respected() -> None:
    owner, transport = _Owner(), _Transport()
    connection = Connection(request_headers(PATHS, authority="a"), owner, owner.finished)
    connection.connection_made(transport)
    connection.data_received(frames.settings({frames.HEADER_TABLE_SIZE: 0}))
    await asyncio.sleep(0)
    decoder = Decoder()
    decoder.header_table_size = 0
    for path in (1, 1, 2):
        transport.written = b""
        connection.submit(Call(b"x", 0, 0, path))
        await asyncio.sleep(0)
        size = int.from_bytes(transport.written[:3], "big")
        headers = _decoded(decoder, transport.written[frames.HEAD_BYTES : frames.HEAD_BYTES + size])
        assert headers[":path"] == PATHS[path]


def _decoded(decoder: Decoder, block: bytes) -> dict[str, str]:
    return {str(name): str(value) for name, value in decoder.decode(block)}
