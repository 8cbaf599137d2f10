"""HTTP/2 frames as bytes (RFC 9113): constants, and the small frames that a client sends."""

from collections.abc import Mapping
from struct import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA = 0x0
HEADERS = 0x1
RST_STREAM = 0x3
SETTINGS = 0x4
PING = 0x6
GOAWAY = 0x7
WINDOW_UPDATE = 0x8
CONTINUATION = 0x9

ACK = 0x1
END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY = 0x20

HEADER_TABLE_SIZE = 0x1
ENABLE_PUSH = 0x2
MAX_CONCURRENT_STREAMS = 0x3
INITIAL_WINDOW_SIZE = 0x4
MAX_FRAME_SIZE = 0x5

REFUSED_STREAM = 0x7
CANCEL = 0x8
ERROR_NAMES = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)

HEAD_BYTES = 9
FRAME_BYTES_DEFAULT = 16_384
"""The payload that every peer accepts."""
WINDOW_BYTES_DEFAULT = 65_535
WINDOW_BYTES_MAX = 2**31 - 1
STREAM_ID_MAX = 2**31 - 1

HEAD = Struct(">BHBBL")
"""Length (its high byte, its low two), type, flags, stream."""
UINT32 = Struct(">L")
_SETTING = Struct(">HL")


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return one frame."""
    size = len(payload)
    return HEAD.pack(size >> 16, size & 0xFFFF, kind, flags, stream) + payload


def settings(values: Mapping[int, int]) -> bytes:
    """Return a SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(*item) for item in values.items()))


def read_settings(payload: bytes) -> dict[int, int]:
    """Return the values of a SETTINGS frame, including unknown ones."""
    return dict(_SETTING.iter_unpack(payload))


def window_update(stream: int, size_bytes: int) -> bytes:
    """Return a frame that allows the peer `size_bytes` more; stream 0 is the connection."""
    return frame(WINDOW_UPDATE, 0, stream, UINT32.pack(size_bytes))


def error_name(code: int) -> str:
    """Return the name of an error code, as in RFC 9113, section 7."""
    return ERROR_NAMES[code] if code < len(ERROR_NAMES) else f"ERROR_{code}"
