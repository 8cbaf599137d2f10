"""The attacks: what each sends, how often, and what becomes of it.

An attack is a generator: each step sends one unit, and the attacker takes so many steps a second. When the server
closes the connection, it begins again with another one.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from gzip import compress
from struct import Struct

from benchmarks.http2 import frames
from tests.security.wire import CHECK, WATCH, Closed, Connection

Dial = Callable[..., Connection]
"""Opens a connection."""

BOMB = compress(bytes(16 << 20), 9)
"""16 MiB in 16 KiB."""
ANNOUNCED_BYTES = 4 << 20
WINDOWS_MAX = 4
WINDOW_SECONDS = 0.005
"""How long the attacker waits for a larger window."""
TABLE_ENTRY_BYTES = 3_900
"""Nearly all that fits into HPACK's table; a byte refers to it."""
METADATA_BYTES = 64 << 10
CONNECTIONS = 2_000
SLOW_CONNECTIONS = 64
CPU_SHARE_MAX = 0.10
_PREFIX = Struct(">BL")


def _calls(dial: Dial) -> Generator[None]:
    """Send whole calls."""
    with dial() as wire:
        wire.greet()
        while True:
            wire.data(wire.open(wire.headers()), _PREFIX.pack(0, 2) + b"\x0a\x00", end=True)
            yield


def _bombs(dial: Dial) -> Generator[None]:
    """Send gzip that inflates to a thousand times its size."""
    with dial() as wire:
        wire.greet()
        while True:
            stream = wire.open(wire.headers(extra=(("grpc-encoding", "gzip"),)))
            wire.data(stream, _PREFIX.pack(1, len(BOMB)) + BOMB, end=True)
            yield


def _bombed_checks(dial: Dial) -> Generator[None]:
    """Send gzip that inflates to a thousand times its size where no token is needed."""
    with dial() as wire:
        wire.greet()
        while True:
            stream = wire.open(wire.headers(CHECK, extra=(("grpc-encoding", "gzip"),)))
            wire.data(stream, _PREFIX.pack(1, len(BOMB)) + BOMB, end=True)
            yield


def _unfinished(dial: Dial, path: str | None = None) -> Generator[None]:
    """Send nearly all of a large message, as fast as the server takes it, on a connection of its own."""
    with ExitStack() as opened:
        while True:
            wire = opened.enter_context(dial())
            wire.greet()
            stream = wire.open(wire.headers(path) if path else wire.headers())
            wire.data(stream, _PREFIX.pack(0, ANNOUNCED_BYTES))
            sent = _PREFIX.size
            for _ in range(WINDOWS_MAX):
                size = min(wire.room(stream, sent), ANNOUNCED_BYTES - sent)
                wire.data(stream, bytes(size))
                sent += size
                if sent == ANNOUNCED_BYTES:
                    break
                wire.read(WINDOW_SECONDS)
            yield


def _announced(dial: Dial) -> Generator[None]:
    """Announce messages of 4 GiB."""
    with dial() as wire:
        wire.greet()
        while True:
            wire.data(wire.open(wire.headers(CHECK)), _PREFIX.pack(0, 0xFFFF_FFFF))
            yield


def _header_only(dial: Dial, path: str | None = None) -> Generator[None]:
    """Open streams, and send nothing on them."""
    with dial() as wire:
        wire.greet()
        while True:
            wire.open(wire.headers(path) if path else wire.headers())
            yield


def _watches(dial: Dial) -> Generator[None]:
    """Watch the health, again and again."""
    with dial() as wire:
        wire.greet()
        while True:
            wire.data(wire.open(wire.headers(WATCH)), _PREFIX.pack(0, 0), end=True)
            yield


def _unread_checks(dial: Dial) -> Generator[None]:
    """Check the health, and leave no room for the answer."""
    with dial(window_bytes=0) as wire:
        wire.greet()
        while True:
            wire.data(wire.open(wire.headers(CHECK)), _PREFIX.pack(0, 0), end=True)
            yield


def _resets(dial: Dial) -> Generator[None]:
    """Open streams, and reset each at once."""
    with dial() as wire:
        wire.greet()
        cancel = frames.UINT32.pack(frames.CANCEL)
        while True:
            stream = wire.open(wire.headers(CHECK))
            wire.send(frames.frame(frames.RST_STREAM, 0, stream, cancel))
            yield


def _frames(dial: Dial, frame: bytes) -> Generator[None]:
    """Send one frame of the connection, again and again."""
    with dial() as wire:
        wire.greet()
        while True:
            wire.send(frame)
            yield


def _empty_data(dial: Dial) -> Generator[None]:
    """Send empty frames on a stream that is open."""
    with dial() as wire:
        wire.greet()
        stream = wire.open(wire.headers(WATCH))
        while True:
            wire.send(frames.frame(frames.DATA, 0, stream, b""))
            yield


def _continuations(dial: Dial, size: int) -> Generator[None]:
    """Send headers that never end."""
    with dial() as wire:
        wire.greet()
        stream = wire.stream()
        wire.send(frames.frame(frames.HEADERS, 0, stream, wire.headers()))
        # A literal field that is not indexed: a name of one letter, and a value of up to 126.
        part = (b"\x00\x01x" + bytes([min(size, 126)]) + b"y" * min(size, 126)) * (size // 126) if size else b""
        while True:
            wire.send(frames.frame(frames.CONTINUATION, 0, stream, part))
            yield


def _metadata(dial: Dial) -> Generator[None]:
    """Send more metadata than may be."""
    with dial() as wire:
        wire.greet()
        # A literal field that is not indexed, its length in HPACK's own notation: Python would take long to encode it.
        length = METADATA_BYTES - 127
        field = b"\x00\x01x\x7f" + bytes([length & 0x7F | 0x80, length >> 7 & 0x7F | 0x80, length >> 14])
        while True:
            block = wire.headers() + field + b"y" * METADATA_BYTES
            parts = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
            stream = wire.stream()
            wire.send(frames.frame(frames.HEADERS, 0, stream, parts[0]))
            for number, part in enumerate(parts[1:], 2):
                flags = frames.END_HEADERS if number == len(parts) else 0
                wire.send(frames.frame(frames.CONTINUATION, flags, stream, part))
            yield


def _table_bombs(dial: Dial) -> Generator[None]:
    """Refer to a large entry of HPACK's table 4 000 times in a call."""
    with dial() as wire:
        wire.greet()
        wire.open(wire.headers(extra=(("x", "y" * TABLE_ENTRY_BYTES),)))
        while True:
            wire.open(wire.headers() + b"\xbe" * 4_000)
            yield


def _connections(dial: Dial) -> Generator[None]:
    """Open connections, and keep them."""
    with ExitStack() as opened:
        for _ in range(CONNECTIONS):
            wire = opened.enter_context(dial())
            wire.greet()
            with suppress(Closed):
                wire.read(0.001)
            yield


def _silent(dial: Dial) -> Generator[None]:
    """Open connections, and say nothing."""
    with ExitStack() as opened:
        for _ in range(CONNECTIONS):
            opened.enter_context(dial())
            yield


def _slow_headers(dial: Dial) -> Generator[None]:
    """Send headers byte by byte, on many connections."""
    with ExitStack() as opened:
        wires = [opened.enter_context(dial()) for _ in range(SLOW_CONNECTIONS)]
        for wire in wires:
            wire.greet()
        block = wires[0].headers()
        for byte in frames.frame(frames.HEADERS, frames.END_HEADERS, 1, block):
            for wire in wires:
                wire.send(bytes([byte]))
                yield


def _wrong_type(dial: Dial) -> Generator[None]:
    """Send calls of another content type."""
    with dial() as wire:
        wire.greet()
        while True:
            wire.data(wire.open(wire.headers(content_type="application/json")), b"{}", end=True)
            yield


def _http1(dial: Dial) -> Generator[None]:
    """Speak HTTP/1.1."""
    while True:
        with dial() as wire:
            wire.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wire.read(0.01)
        yield


@dataclass(frozen=True)
class Attack:
    """One attack."""

    name: str
    per_second: int
    """Steps a second: what an attacker with one machine sends without an effort."""
    steps: Callable[[Dial], Generator[None]]
    ends: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Front → what it does about it, one of these at least, as `Connection.seen` counts it."""
    cpu_share_max: float = CPU_SHARE_MAX
    """The share of a core that it may take of the worker."""
    not_held: Mapping[str, str] = field(default_factory=dict)
    """Front that cannot hold it → why."""


def _both(*ends: str) -> Mapping[str, Sequence[str]]:
    return {"grpc": ends, "envoy": ends}


_CALLS = 100
_MANY = 2_000
_SETTINGS = frames.settings({frames.MAX_FRAME_SIZE: frames.FRAME_BYTES_DEFAULT})
_PING = frames.frame(frames.PING, 0, 0, bytes(8))
_CLOSED = "connection closed"

ATTACKS = (
    Attack("calls without a token", _CALLS, _calls, _both("status 16")),
    Attack("gzip bombs", 100, _bombs, _both("status 16")),
    Attack("gzip bombs to health", 100, _bombed_checks, _both("status 3")),
    Attack("unfinished messages", 50, _unfinished, _both("status 16")),
    Attack(
        "unfinished messages to health",
        50,
        partial(_unfinished, path=CHECK),
        _both("status 3", "status 4", "status 8", _CLOSED),
    ),
    Attack("messages of 4 GiB announced", _CALLS, _announced, _both("status 3", "status 8")),
    Attack("streams of headers alone", _CALLS, _header_only, _both("status 16")),
    Attack(
        "streams of headers alone to health", _CALLS, partial(_header_only, path=CHECK), _both("status 4", "status 8")
    ),
    Attack("watches of health", _CALLS, _watches),
    Attack("answers of health that are never read", _CALLS, _unread_checks),
    Attack("rapid resets", _CALLS, _resets),
    Attack(
        "rapid resets by thousands",
        _MANY,
        _resets,
        {"envoy": [_CLOSED]},
        # Each that is not refused is a call of Python's.
        cpu_share_max=0.5,
        not_held={"grpc": "gRPC core counts no resets, and closes no connection for them"},
    ),
    Attack("SETTINGS", _MANY, partial(_frames, frame=_SETTINGS)),
    Attack("PING", _MANY, partial(_frames, frame=_PING), {"grpc": ["goaway ENHANCE_YOUR_CALM"]}),
    Attack("WINDOW_UPDATE", _MANY, partial(_frames, frame=frames.window_update(0, 1))),
    Attack("empty DATA", _MANY, _empty_data),
    Attack("CONTINUATION without an end", _MANY, partial(_continuations, size=1_008), _both("status 8", _CLOSED)),
    Attack("empty CONTINUATION without an end", _MANY, partial(_continuations, size=0), _both(_CLOSED)),
    Attack("metadata of 64 KiB", 100, _metadata, _both("status 8", "reset INTERNAL_ERROR")),
    Attack("references to a large header", 100, _table_bombs, _both("status 8", "reset INTERNAL_ERROR")),
    Attack("connections", _CALLS, _connections),
    Attack("connections that say nothing", _CALLS, _silent),
    Attack("headers byte by byte", _MANY, _slow_headers),
    Attack("another content type", _CALLS, _wrong_type, {"grpc": ["status 16"], "envoy": ["http 415"]}),
    Attack("HTTP/1.1", 100, _http1, {"grpc": [_CLOSED]}),
)
