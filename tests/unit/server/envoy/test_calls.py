"""Calls behind Envoy: what is sent at each end of a call, and which calls are ended by the server."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

import asyncio
import gzip
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from server.boundary import Boundary
from server.context import Context
from server.envoy import calls, framing
from server.envoy.call import Aborted, Call, Ended
from server.envoy.calls import Calls
from server.envoy.framing import Messages, framed
from server.envoy.front import EnvoyFront
from server.open_services import REQUEST_BYTES_MAX
from server.tokens import Tokens
from server.validation import MESSAGE_BYTES_MAX
from tests.support.asgi import GONE, Caller, body, request
from tests.support.polling import until
from veloconnect.admin.v1 import rate_pb2, rate_pb2_grpc
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.errors import RateCardNotFound

CHARGING = charging_pb2.DESCRIPTOR.services_by_name["ChargingService"].full_name
RATES = rate_pb2.DESCRIPTOR.services_by_name["RateService"].full_name
UNARY = f"/{CHARGING}/GetWallet"
STREAM = f"/{CHARGING}/StreamCharges"
UPLOAD = f"/{RATES}/ImportRates"
DOWNLOAD = f"/{RATES}/ExportRates"
SHAPES = [UNARY, STREAM, UPLOAD, DOWNLOAD]
TOKEN = "t" * 43
SHOWN = (b"authorization", f"Bearer {TOKEN}".encode())
ASKED = charging_pb2.GetWalletRequest(name="companies/acme/wallet").SerializeToString()
EXPORTED = rate_pb2.ExportRatesRequest(name="rateCards/standard").SerializeToString()
CHUNK = rate_pb2.ImportRatesRequest(chunk=b"1").SerializeToString()
BATCH = charging_pb2.StreamChargesRequest(
    batch_id="1",
    requests=[
        charging_pb2.ChargeRequest(
            company="companies/acme",
            idempotency_key="1",
            amount_micros=1,
            usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="DE"),
        )
    ],
).SerializeToString()
LARGE = 1_000


class Servicer(charging_pb2_grpc.ChargingServiceServicer, rate_pb2_grpc.RateServiceServicer):
    """Waits where the test says so."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.fails = False
        self.begun = 0
        self.cancelled = 0
        self.answers = 3

    async def wait(self) -> None:
        """Return when the test lets it."""
        self.begun += 1
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails:
            raise RateCardNotFound("none")

    async def GetWallet(self, request: charging_pb2.GetWalletRequest, context: Context) -> wallet_pb2.Wallet:
        """Return the name."""
        await self.wait()
        return wallet_pb2.Wallet(name=request.name)

    async def StreamCharges(self, requests: AsyncIterator[charging_pb2.StreamChargesRequest], context: Context) -> None:
        """Answer each."""
        async for each in requests:
            await self.wait()
            await context.write(charging_pb2.StreamChargesResponse(batch_id=each.batch_id))
        await self.wait()

    async def ImportRates(
        self, requests: AsyncIterator[rate_pb2.ImportRatesRequest], context: Context
    ) -> rate_pb2.ImportRatesResponse:
        """Count."""
        rows = 0
        async for _ in requests:
            rows += 1
        await self.wait()
        return rate_pb2.ImportRatesResponse(rows=rows)

    async def ExportRates(
        self, request: rate_pb2.ExportRatesRequest, context: Context
    ) -> AsyncIterator[rate_pb2.ExportRatesResponse]:
        """Send some."""
        for number in range(self.answers):
            yield rate_pb2.ExportRatesResponse(csv=str(number))
        await self.wait()


@pytest.fixture
def servicer() -> Servicer:
    return Servicer()


@pytest.fixture
async def served(servicer: Servicer) -> Calls:
    return calls_of(servicer)


def calls_of(servicer: Servicer, *, open_services: frozenset[str] = frozenset()) -> Calls:
    """Return the calls of a process that serves both services by one servicer."""
    boundary = Boundary(Tokens([TOKEN]), ours=frozenset({CHARGING, RATES}), open_services=open_services)
    charging_pb2_grpc.add_ChargingServiceServicer_to_server(servicer, boundary)
    rate_pb2_grpc.add_RateServiceServicer_to_server(servicer, boundary)
    return Calls(boundary)


async def serve(served: Calls, caller: Caller) -> Caller:
    """Serve a request to its end."""
    await served.serve(caller.scope, caller.receive, caller.send)
    return caller


def begin(served: Calls, caller: Caller) -> "asyncio.Task[Caller]":
    """Serve a request meanwhile."""
    return asyncio.create_task(serve(served, caller))


def caller_of(path: str, **options: Any) -> Caller:
    """Return an admitted caller of one of the shapes, with a whole request."""
    messages = {UNARY: [ASKED], STREAM: [BATCH, BATCH], UPLOAD: [CHUNK, CHUNK], DOWNLOAD: [EXPORTED]}[path]
    return Caller(path, request(*messages), headers=[SHOWN, *options.pop("headers", [])], **options)


def reason_of(caller: Caller) -> tuple[str, str, dict[str, str]]:
    """Return code, reason and metadata of a call's end."""
    encoded = caller.status[b"grpc-status-details-bin"]
    status = Status.FromString(b64decode(encoded + b"=" * (-len(encoded) % 4)))
    info = ErrorInfo()
    status.details[0].Unpack(info)
    assert caller.code == status.code
    name = next(code.name for code in grpc.StatusCode if code.value[0] == status.code)
    return name, info.reason, dict(info.metadata)


@pytest.mark.parametrize("path", SHAPES)
async def test_every_shape_is_answered_and_ends_with_ok_in_trailers(served: Calls, path: str) -> None:
    caller = await serve(served, caller_of(path))
    assert caller.sent[0] == {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"application/grpc")],
        "trailers": True,
    }
    assert caller.code == 0
    assert len(caller.messages) == {UNARY: 1, STREAM: 2, UPLOAD: 1, DOWNLOAD: 3}[path]


@pytest.mark.parametrize("path", SHAPES)
async def test_an_error_is_the_only_headers_before_an_answer_and_trailers_after_one(
    served: Calls, servicer: Servicer, path: str
) -> None:
    servicer.fails = True
    servicer.answers = 2
    caller = await serve(served, caller_of(path))
    assert reason_of(caller)[:2] == ("NOT_FOUND", "RATE_CARD_NOT_FOUND")
    answered = {UNARY: 0, STREAM: 0, UPLOAD: 0, DOWNLOAD: 2}[path]
    assert len(caller.messages) == answered
    assert ("trailers" in caller.sent[0]) == bool(answered)


async def test_a_stream_without_answers_succeeds_in_its_headers(served: Calls, servicer: Servicer) -> None:
    servicer.answers = 0
    caller = await serve(served, caller_of(DOWNLOAD))
    assert (caller.code, caller.messages, len(caller.sent)) == (0, [], 2)


@pytest.mark.parametrize("path", SHAPES)
@pytest.mark.parametrize("shown", [[], [(b"authorization", b"Bearer " + b"x" * 43)]], ids=["no token", "a wrong one"])
async def test_nothing_of_a_strangers_request_is_read(
    served: Calls, servicer: Servicer, path: str, shown: list[tuple[bytes, bytes]]
) -> None:
    caller = await serve(served, Caller(path, body(b"\0\0\1", more=True), headers=shown, waits=True))
    assert reason_of(caller)[:2] == ("UNAUTHENTICATED", "UNAUTHENTICATED")
    assert caller.received == 0
    assert not servicer.begun


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (b"application/grpc", 200),
        (b"application/grpc+proto", 200),
        (b"application/grpc;charset=utf-8", 200),
        (b"application/grpc-web", 415),  # Its caller could not read the answer to what it has paid for.
        (b"application/grpc-web+proto", 415),
        (b"application/json", 415),
    ],
)
async def test_grpc_is_known_by_its_content_type(served: Calls, content_type: bytes, status: int) -> None:
    caller = caller_of(UNARY)
    caller.scope["headers"] = [SHOWN, (b"content-type", content_type), (b"te", b"trailers")]
    await serve(served, caller)
    assert caller.sent[0]["status"] == status


async def test_a_call_is_a_post(served: Calls, servicer: Servicer) -> None:
    """Whatever is in between takes a GET for what changes nothing, and may send it again or answer it itself."""
    caller = caller_of(UNARY)
    caller.scope["method"] = "GET"
    await serve(served, caller)
    assert [event.get("status") for event in caller.sent] == [405, None]
    assert not servicer.begun


async def test_what_is_not_grpc_is_told_so(served: Calls) -> None:
    caller = caller_of(UNARY)
    caller.scope["headers"] = [SHOWN]
    await serve(served, caller)
    assert [event.get("status") for event in caller.sent] == [415, None]
    unknown = await serve(served, Caller(f"/{CHARGING}/Refund", request(b""), headers=[SHOWN]))
    assert unknown.code == grpc.StatusCode.UNIMPLEMENTED.value[0]
    no_trailers = caller_of(UNARY)
    no_trailers.scope["headers"].remove((b"te", b"trailers"))
    await serve(served, no_trailers)
    assert reason_of(no_trailers)[1] == "INVALID_REQUEST"
    late = await serve(served, caller_of(UNARY, headers=[(b"grpc-timeout", b"1 s")]))
    assert reason_of(late)[1] == "INVALID_REQUEST"


async def test_gzip_is_inflated_and_other_encodings_are_not(served: Calls) -> None:
    zipped = gzip.compress(ASKED)
    part = body(b"\1" + framed(zipped)[1:])
    caller = await serve(served, Caller(UNARY, part, headers=[SHOWN, (b"grpc-encoding", b"gzip")]))
    assert wallet_pb2.Wallet.FromString(caller.messages[0]).name == "companies/acme/wallet"
    other = await serve(served, Caller(UNARY, part, headers=[SHOWN, (b"grpc-encoding", b"deflate")]))
    assert other.code == grpc.StatusCode.UNIMPLEMENTED.value[0]


@pytest.mark.parametrize("path", SHAPES)
async def test_a_deadline_ends_the_handler_and_the_call(served: Calls, servicer: Servicer, path: str) -> None:
    servicer.may_answer.clear()
    caller = await serve(served, caller_of(path, headers=[(b"grpc-timeout", b"1m")], waits=True))
    assert caller.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert servicer.cancelled == 1


async def test_a_deadline_ends_a_call_whose_request_does_not_come(served: Calls, servicer: Servicer) -> None:
    late = [SHOWN, (b"grpc-timeout", b"1m")]
    caller = await serve(served, Caller(UNARY, body(b"\0\0", more=True), headers=late, waits=True))
    assert caller.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert not servicer.begun


async def test_a_request_that_is_not_whole_in_time_is_refused(served: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "REQUEST_SECONDS_MAX", 0.05)
    caller = await serve(served, Caller(UNARY, body(b"\0\0", more=True), headers=[SHOWN], waits=True))
    assert reason_of(caller) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", {"applied": "no"})
    # A stream may take its time between two messages.
    stream = Caller(STREAM, body(framed(BATCH), more=True), headers=[SHOWN], waits=True)
    streaming = begin(served, stream)
    await until(lambda: len(stream.messages) == 1)
    await asyncio.sleep(3 * calls.SWEEP_SECONDS)  # As long as it takes to be found too slow.
    stream.give(body(b""))
    stream.go()
    await streaming
    assert stream.sent[-1]["type"] != "http.response.trailers", "its caller was gone meanwhile"


async def test_a_stream_within_a_message_does_not_hold_the_room_of_others(
    served: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing, "MESSAGE_SECONDS_MAX", 0.05)
    announced = b"\0" + MESSAGE_BYTES_MAX.to_bytes(4, "big")
    for _ in range(2):  # The room is full, and is free again.
        stalled = [Caller(STREAM, body(announced, more=True), headers=[SHOWN], waits=True) for _ in range(20)]
        async with asyncio.timeout(20):
            await asyncio.gather(*(serve(served, each) for each in stalled))
        assert {reason_of(each)[1] for each in stalled} == {"DEADLINE_EXCEEDED", "OVERLOADED"}


async def test_strangers_hold_no_room_for_messages(servicer: Servicer) -> None:
    """A call without a token, to health, may not announce what would fill the room of those who have one."""
    served = calls_of(servicer, open_services=frozenset({CHARGING}))
    announced = b"\0" + (REQUEST_BYTES_MAX + 1).to_bytes(4, "big")
    refused = await serve(served, Caller(UNARY, body(announced, more=True), waits=True))
    assert reason_of(refused)[0] == "INVALID_ARGUMENT"


async def test_a_fault_in_a_sweep_does_not_end_the_sweeps(
    served: Calls, servicer: Servicer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[str] = []

    def fail(_messages: Messages) -> NoReturn:
        failed.append("a fault of ours")
        raise RuntimeError

    monkeypatch.setattr(Messages, "look_ahead", fail)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    servicer.may_answer.clear()
    waiting = begin(served, caller_of(UNARY, waits=True))
    await until(lambda: failed)
    timed = begin(served, caller_of(UNARY, waits=True, headers=[(b"grpc-timeout", b"1m")]))
    await until(timed.done)
    assert timed.result().code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    servicer.may_answer.set()
    await waiting


@pytest.mark.parametrize("path", SHAPES)
async def test_a_caller_that_goes_while_it_waits_ends_the_handler(served: Calls, servicer: Servicer, path: str) -> None:
    servicer.may_answer.clear()
    caller = caller_of(path, waits=True)
    serving = begin(served, caller)
    await until(lambda: servicer.begun)
    caller.go()
    await serving
    assert servicer.cancelled == 1
    assert not any(event["type"] == "http.response.trailers" for event in caller.sent)


@pytest.mark.parametrize("path", [UNARY, UPLOAD, STREAM])
async def test_a_caller_that_goes_within_its_request_is_answered_nothing(
    served: Calls, servicer: Servicer, path: str
) -> None:
    caller = await serve(served, Caller(path, body(framed(CHUNK)[:-1], more=True), GONE, headers=[SHOWN]))
    assert (caller.sent, servicer.begun) == ([], 0)


async def test_a_stream_waits_for_a_caller_that_does_not_read(served: Calls, servicer: Servicer) -> None:
    servicer.answers = LARGE
    caller = caller_of(DOWNLOAD, waits=True)
    caller.reads.clear()
    serving = begin(served, caller)
    await until(lambda: len(caller.messages) == 1)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(caller.messages) == 1
    caller.reads.set()
    await serving
    assert (len(caller.messages), caller.code) == (LARGE, 0)


async def test_a_stream_to_a_caller_that_is_gone_is_cancelled(served: Calls, servicer: Servicer) -> None:
    servicer.answers = LARGE
    caller = caller_of(DOWNLOAD)

    def send(event: dict[str, Any]) -> Awaitable[None]:
        if len(caller.sent) == 10:
            raise OSError("The stream is closed.")
        return caller.send(event)

    await asyncio.create_task(served.serve(caller.scope, caller.receive, send))
    assert len(caller.sent) == 10


async def test_a_server_that_stops_waits_for_calls(served: Calls, servicer: Servicer) -> None:
    servicer.may_answer.clear()
    first = begin(served, caller_of(UNARY, waits=True))
    await until(lambda: servicer.begun == 1)
    draining = asyncio.create_task(served.drain(10))
    await asyncio.sleep(0)
    meanwhile = begin(served, caller_of(UNARY, waits=True))  # From a client that has not heard of it.
    await until(lambda: servicer.begun == 2)
    servicer.may_answer.set()
    await draining
    assert [(await each).code for each in (first, meanwhile)] == [0, 0]

    late = await begin(served, caller_of(UNARY, waits=True))
    assert reason_of(late) == ("UNAVAILABLE", "SERVER_STOPPING", {"applied": "no"})


async def test_a_server_that_stops_ends_the_calls_that_take_too_long(served: Calls, servicer: Servicer) -> None:
    servicer.may_answer.clear()
    left = [begin(served, caller_of(path, waits=True)) for path in SHAPES]
    await until(lambda: servicer.begun == len(SHAPES))
    await served.drain(0.01)
    for each in left:
        assert reason_of(await each) == ("UNAVAILABLE", "SERVER_STOPPING", {"applied": "unknown"})


async def test_no_caller_keeps_a_server_that_stops(served: Calls) -> None:
    """A client that does not go opens another call as soon as its last one has ended, and never finishes a request."""
    callers: list[Caller] = []
    over = False

    async def keep() -> None:
        while len(callers) < 20 and not over:
            callers.append(Caller(UNARY, body(b"", more=True), headers=[SHOWN], waits=True))
            await serve(served, callers[-1])

    keeping = asyncio.create_task(keep())
    try:
        async with asyncio.timeout(5):
            await served.drain(0.01)
            await keeping
    finally:
        over = True
    for each in callers:
        assert reason_of(each) == ("UNAVAILABLE", "SERVER_STOPPING", {"applied": "no"})


async def test_a_stranger_does_not_delay_a_server_that_stops(servicer: Servicer) -> None:
    """Who watches health watches again when the watch ends."""
    servicer.may_answer.clear()
    served = calls_of(servicer, open_services=frozenset({CHARGING}))
    first = begin(served, caller_of(UNARY, waits=True))
    await until(lambda: servicer.begun == 1)
    draining = asyncio.create_task(served.drain(60))
    await asyncio.sleep(0)
    again = begin(served, caller_of(UNARY, waits=True))
    await until(lambda: first.done() and again.done())
    for each in (first, again):
        assert reason_of(each.result()) == ("UNAVAILABLE", "SERVER_STOPPING", {"applied": "no"})
    await draining


async def test_a_server_whose_envoy_does_not_hear_finishes_its_calls(servicer: Servicer, tmp_path: Path) -> None:
    front = EnvoyFront(tmp_path / "no.sock")
    front.calls = served = calls_of(servicer)
    servicer.may_answer.clear()
    begun = begin(served, caller_of(UNARY, waits=True))
    await until(lambda: servicer.begun == 1)
    stopping = asyncio.create_task(front.stop())
    await asyncio.sleep(0)
    servicer.may_answer.set()
    await stopping
    assert (await begun).code == 0


async def test_callers_are_asked_for_a_few_at_a_time_and_each_in_turn(
    served: Calls, servicer: Servicer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller whose `receive` answers at once, as Envoy's does while the caller is there, is asked again later."""
    monkeypatch.setattr(calls, "POLLS_MAX", 2)
    servicer.may_answer.clear()
    callers = [caller_of(UNARY, waits=True) for _ in range(5)]
    running = [begin(served, each) for each in callers]
    await until(lambda: servicer.begun == 5)
    for each in callers:
        each.give(*[body(b"") for _ in range(1_000)])
    at_once: list[int] = []

    def asked() -> list[int]:
        return [each.received - 1 for each in callers]

    def all_asked_twice() -> bool:
        at_once.append(max(asked()) - min(asked()))
        return min(asked()) >= 2

    await until(all_asked_twice)
    assert max(at_once) <= 1, "nobody is asked again before all others were"
    servicer.may_answer.set()
    assert [(await each).code for each in running] == [0] * 5


async def test_a_call_that_was_cancelled_stays_cancelled_for_its_first_reason() -> None:
    loop = asyncio.get_running_loop()
    caller = Caller(UNARY)
    call = Call(caller.send, loop.time)
    call.cancel(Ended.DEADLINE)
    call.cancel(Ended.DISCONNECTED)
    assert call.ended is Ended.DEADLINE
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    call.revive()
    await asyncio.sleep(0)
    with pytest.raises(Aborted):
        await call.abort(grpc.StatusCode.NOT_FOUND, "none")
