"""gRPC's framing: every cut of a request has the same messages, and what is no request is refused in words."""

import asyncio
from base64 import b64decode
from urllib.parse import unquote

import grpc
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.envoy.framing import (
    TIMEOUT_SECONDS_MAX,
    Disconnected,
    Event,
    Messages,
    Room,
    framed,
    status_headers,
    timeout_seconds,
)
from server.rejections import InvalidRequest
from server.validation import MESSAGE_BYTES_MAX
from tests.support.asgi import GONE, Caller, body, split
from wallet.domain.errors import Overloaded

ROOM_BYTES = 64
MESSAGES = st.lists(st.binary(max_size=20), max_size=6)
PLACES = st.lists(st.integers(0, 150), max_size=12)


def messages_of(*parts: Event, room: Room | None = None) -> Messages:
    return Messages(Caller("", *parts).receive, room or Room(ROOM_BYTES))


async def read(messages: Messages) -> list[bytes]:
    return [message async for message in messages]


@given(MESSAGES, PLACES)
def test_a_request_cut_anywhere_has_the_same_messages(messages: list[bytes], places: list[int]) -> None:
    data = b"".join(map(framed, messages))
    room = Room(ROOM_BYTES)
    parts = split(data, [place for place in places if place <= len(data)])
    assert asyncio.run(read(messages_of(*parts, room=room))) == messages
    with room.taken(ROOM_BYTES):
        """All of it was given back."""


@given(st.binary(max_size=40), PLACES)
def test_the_one_message_of_a_call_may_be_cut_anywhere(message: bytes, places: list[int]) -> None:
    data = framed(message)
    parts = split(data, [place for place in places if place <= len(data)])
    assert asyncio.run(messages_of(*parts).only()) == message


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=4), st.data())
def test_a_request_that_ends_within_a_message_is_refused_after_those_before(
    messages: list[bytes], data: st.DataObject
) -> None:
    whole = b"".join(map(framed, messages))
    last = len(framed(messages[-1]))
    end = len(whole) - data.draw(st.integers(1, last - 1))
    parts = split(whole[:end], data.draw(st.lists(st.integers(0, end), max_size=5)))
    seen: list[bytes] = []

    async def run() -> None:
        async for message in messages_of(*parts):
            seen.append(message)  # noqa: PERF401  What was read before the error counts.

    with pytest.raises(InvalidRequest, match="ends in the middle"):
        asyncio.run(run())
    assert seen == messages[:-1]


@pytest.mark.parametrize("places", [[], [2], [5], [7], [2, 5, 7]])
async def test_a_caller_that_goes_away_at_any_place_is_disconnected(places: list[int]) -> None:
    data = framed(b"one") + framed(b"two")[:-1]
    parts = [{**part, "more_body": True} for part in split(data, places)]
    for count in range(len(parts) + 1):
        with pytest.raises(Disconnected):
            await read(messages_of(*parts[:count], GONE))
        with pytest.raises((Disconnected, InvalidRequest)):
            await messages_of(*parts[:count], GONE).only()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "No message was sent"),
        (framed(b"a") + framed(b"b"), "More than one message"),
        (framed(b"a") + b"\0", "in the middle"),
        (b"\0\0\0", "in the middle"),
        (b"\1\0\0\0\1a", "does not say how"),
        (b"\0" + (MESSAGE_BYTES_MAX + 1).to_bytes(4, "big"), "4194305 bytes, more than 4194304"),
        (b"\0\xff\xff\xff\xff", "4294967295 bytes"),
    ],
)
async def test_what_is_not_one_message_is_refused_in_words(data: bytes, words: str) -> None:
    for places in ([], [1] if data else []):
        with pytest.raises(InvalidRequest, match=words):
            await messages_of(*split(data, places)).only()


async def test_a_message_too_large_is_refused_by_its_length_before_it_is_read() -> None:
    caller = Caller("", body(b"\0\xff\xff\xff\xff", more=True), body(b"x" * 1000, more=True), waits=True)
    with pytest.raises(InvalidRequest):
        await Messages(caller.receive, Room(ROOM_BYTES)).only()
    assert caller.received == 1


async def test_a_message_that_may_be_compressed_is_passed_on_as_it_is() -> None:
    data = b"\1\0\0\0\3gz!"
    for places in ([], [3]):
        caller = Caller("", *split(data, places))
        assert await Messages(caller.receive, Room(ROOM_BYTES), compressible=True).only() == b"gz!"


async def test_messages_that_are_not_whole_share_a_room_and_one_in_one_part_needs_none() -> None:
    room = Room(ROOM_BYTES)
    waiting = Caller("", body(framed(b"x" * 40)[:-1], more=True), waits=True)
    first = asyncio.ensure_future(Messages(waiting.receive, room).only())
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await messages_of(*split(framed(b"y" * 40), [20]), room=room).only()
    assert await messages_of(body(framed(b"y" * 40)), room=room).only() == b"y" * 40
    waiting.go()
    with pytest.raises(Disconnected):
        await first
    assert await messages_of(*split(framed(b"y" * 40), [20]), room=room).only() == b"y" * 40


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"1H", 3600.0),
        (b"2M", 120.0),
        (b"3S", 3.0),
        (b"250m", 0.25),
        (b"7u", 7e-6),
        (b"99999999n", 0.099999999),
        (b"0S", 0.0),
        (b"99999999H", TIMEOUT_SECONDS_MAX),
    ],
)
def test_a_timeout_is_digits_and_a_unit(header: bytes, seconds: float) -> None:
    assert timeout_seconds(header) == pytest.approx(seconds)


@pytest.mark.parametrize("header", [b"", b"S", b"1", b"1s", b"-1S", b"1.5S", b"123456789S", b" 1S", b"1 S", b"\xb2S"])
def test_another_timeout_is_refused(header: bytes) -> None:
    with pytest.raises(InvalidRequest, match="grpc-timeout"):
        timeout_seconds(header)


@given(st.text(st.characters(codec="utf-8"), max_size=50))
@example(" spaces and 100 % ")
def test_the_text_of_a_status_is_encoded_as_grpc_decodes_it(text: str) -> None:
    headers = dict(status_headers(grpc.StatusCode.NOT_FOUND, text))
    assert headers[b"grpc-status"] == b"5"
    encoded = headers.get(b"grpc-message", b"")
    assert unquote(encoded.decode("ascii")) == text.strip()
    assert all(0x20 <= byte <= 0x7E for byte in encoded)
    assert encoded == encoded.strip(), "HTTP/2 has no spaces around a value"


@given(st.binary(max_size=50))
def test_metadata_of_bytes_is_base64_and_text_is_as_it_is(value: bytes) -> None:
    headers = dict(status_headers(grpc.StatusCode.INTERNAL, "", (("details-bin", value), ("plain", "text"))))
    encoded = headers[b"details-bin"]
    assert b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True) == value
    assert headers[b"plain"] == b"text"
    assert b"grpc-message" not in headers
