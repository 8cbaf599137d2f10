"""Inflate messages that callers have compressed, within a bound."""

import zlib

from server.rejections import InvalidRequest

GZIP_MAGIC = b"\x1f\x8b"
"""The first bytes of gzip. No message of protobuf begins so: 1f would be a field of wire type 7, and there is none."""
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


def inflate(data: bytes, bytes_max: int) -> bytes:
    """Return what gzip `data` holds. Raises InvalidRequest if that is more than `bytes_max`, and inflates no more."""
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        inflated = inflater.decompress(data, bytes_max + 1)
    except zlib.error as error:
        raise InvalidRequest(f"The message is not what gzip makes ({error}).") from error
    if len(inflated) > bytes_max:
        raise InvalidRequest(f"The message has more than {bytes_max} bytes when inflated: send fewer at a time.")
    if not inflater.eof or inflater.unused_data:
        raise InvalidRequest("The message is not one whole gzip stream.")
    return inflated
