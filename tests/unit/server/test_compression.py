"""A compressed message is inflated within the bound of messages, and no further."""

import gzip
import tracemalloc
import zlib

import pytest

from server.compression import inflate
from server.rejections import InvalidRequest
from server.validation import MESSAGE_BYTES_MAX, read
from veloconnect.charging.v1 import charging_pb2

LIMIT = 100_000


@pytest.mark.parametrize("size", [0, 1, 5_000, LIMIT])
def test_what_fits_is_inflated(size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    assert inflate(gzip.compress(data[:size]), LIMIT) == data[:size]


def test_one_byte_more_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=f"more than {LIMIT} bytes when inflated: send fewer"):
        inflate(gzip.compress(bytes(LIMIT + 1)), LIMIT)


def test_a_bomb_takes_no_more_memory_than_the_bound() -> None:
    bomb = gzip.compress(bytes(100 * LIMIT))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest):
            inflate(bomb, LIMIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * LIMIT


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"x" * 100)[:-1],
        gzip.compress(b"x" * 100) + b"y",
        gzip.compress(b"x") + gzip.compress(b"y"),
        b"\x1f\x8b" + b"x" * 100,
        zlib.compress(b"x" * 100),
        b"\x1f\x8b",
    ],
    ids=["cut off", "with more behind", "twice", "nothing of gzip", "deflate", "magic alone"],
)
def test_what_is_not_one_whole_gzip_stream_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="gzip"):
        inflate(data, LIMIT)


def test_a_request_may_be_compressed() -> None:
    request = charging_pb2.GetWalletRequest(name="companies/acme/wallet")
    raw = request.SerializeToString()
    assert read(charging_pb2.GetWalletRequest.FromString, gzip.compress(raw)) == request
    assert read(charging_pb2.GetWalletRequest.FromString, raw) == request


def test_a_request_is_not_larger_for_being_compressed() -> None:
    with pytest.raises(InvalidRequest, match="when inflated"):
        read(charging_pb2.GetWalletRequest.FromString, gzip.compress(bytes(MESSAGE_BYTES_MAX + 1)))
