"""The front that is gRPC's own server: what it bounds, what it reads before it knows who calls, and how it stops."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

import asyncio
import gzip
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from charging.settings import ChargingSettings
from devstack.ports import LOOPBACK, free_port
from server import calls_in_flight, grpc_front, open_services
from server.boundary import Boundary
from server.context import Context
from server.grpc_front import TRANSPORT_MESSAGE_BYTES_MAX, GrpcFront
from server.tokens import Tokens
from server.transport_limits import METADATA_BYTES_MAX, STREAMS_MAX
from server.validation import MESSAGE_BYTES_MAX
from tests.support.polling import until
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2

SERVICE = charging_pb2.DESCRIPTOR.services_by_name["ChargingService"].full_name
HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
TOKEN = "t" * 43
SHOWN = (("authorization", f"Bearer {TOKEN}"),)
CALL_SECONDS_MAX = 20
CALLERS = 64
NAME = charging_pb2.GetWalletRequest(name="companies/acme/wallet")
METADATA_ENTRY_BYTES = 32
"""HTTP/2 counts so much for each pair, beside its name and value."""
CHANCES = 50


class Servicer(charging_pb2_grpc.ChargingServiceServicer):
    """Answers when it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.begun = 0

    async def GetWallet(self, request: charging_pb2.GetWalletRequest, context: Context) -> wallet_pb2.Wallet:
        """Wait, and return the name."""
        self.begun += 1
        await self.may_answer.wait()
        return wallet_pb2.Wallet(name=request.name)


@dataclass
class Served:
    """A front in this process."""

    servicer: Servicer
    boundary: Boundary
    front: GrpcFront
    address: str

    @asynccontextmanager
    async def channel(self, **options: int) -> AsyncIterator[grpc.aio.Channel]:
        """Open a connection of its own."""
        chosen = [(name.replace("__", "."), value) for name, value in options.items()]
        async with grpc.aio.insecure_channel(
            self.address, options=[("grpc.use_local_subchannel_pool", 1), *chosen]
        ) as opened:
            yield opened


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    boundary = Boundary(Tokens([TOKEN]), ours=frozenset({SERVICE}), open_services=frozenset({HEALTH}))
    servicer = Servicer()
    charging_pb2_grpc.add_ChargingServiceServicer_to_server(servicer, boundary)
    checks: Any = health.aio.HealthServicer()  # type: ignore[attr-defined]  # missing in the stubs
    health_pb2_grpc.add_HealthServicer_to_server(checks, boundary)
    port = free_port()
    front = GrpcFront(ChargingSettings.model_validate({"CHARGING_PORT": port}))
    await front.start(boundary)
    yield Served(servicer, boundary, front, f"{LOOPBACK}:{port}")
    servicer.may_answer.set()
    await front.stop()


@pytest.fixture
async def channel(served: Served) -> AsyncIterator[grpc.aio.Channel]:
    async with served.channel() as opened:
        yield opened


def get_wallet(channel: grpc.aio.Channel, **how: Any) -> Any:
    """Begin a call with the token."""
    stub = charging_pb2_grpc.ChargingServiceStub(channel)
    return stub.GetWallet(how.pop("request", NAME), **{"metadata": SHOWN, "timeout": CALL_SECONDS_MAX, **how})


async def status_of(call: Any) -> tuple[str, str, dict[str, str]]:
    """Return code, reason (or gRPC's text) and metadata of a call's end."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it reads what both kinds have
        if status is None:
            return error.code().name, error.details() or "", {}
        info = ErrorInfo()
        status.details[0].Unpack(info)
        retries = {"retry": "yes"} if any(detail.Is(RetryInfo.DESCRIPTOR) for detail in status.details) else {}
        return error.code().name, info.reason, {**info.metadata, **retries}
    return "OK", "", {}


async def code_of(call: Any) -> str:
    """Return the code of a stream that was opened and sent nothing."""
    return str((await call.code()).name)


def silent(channel: grpc.aio.Channel, method: str, metadata: Any = ()) -> Any:
    """Open a stream to a method, whatever its shape is, and send its headers alone."""
    untyped: Any = channel
    return untyped.stream_stream(method)(metadata=metadata, timeout=CALL_SECONDS_MAX)


async def test_a_stranger_is_refused_before_anything_of_the_request_is_read(channel: grpc.aio.Channel) -> None:
    for method in ("GetWallet", "StreamCharges", "BatchCharge"):
        call = silent(channel, f"/{SERVICE}/{method}")
        await call.wait_for_connection()
        assert await code_of(call) == "UNAUTHENTICATED"


async def test_a_call_too_many_is_refused_at_once_and_says_when_to_come_again(
    served: Served, channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls_in_flight, "CALLS_MAX", 3)
    served.servicer.may_answer.clear()
    calls = [get_wallet(channel) for _ in range(3)]
    await until(lambda: served.servicer.begun == 3)
    assert await status_of(get_wallet(channel)) == (
        "RESOURCE_EXHAUSTED",
        "OVERLOADED",
        {"applied": "no", "retry": "yes"},
    )
    assert served.servicer.begun == 3
    served.servicer.may_answer.set()
    assert {(await status_of(call))[0] for call in calls} == {"OK"}
    assert (await status_of(get_wallet(channel)))[0] == "OK"


async def test_one_connection_may_have_more_calls_than_streams(served: Served, channel: grpc.aio.Channel) -> None:
    """The client holds back what is beyond; nothing is refused or lost."""
    ended = await asyncio.gather(*(status_of(get_wallet(channel)) for _ in range(3 * STREAMS_MAX)))
    assert Counter(code for code, _, _ in ended) == {"OK": 3 * STREAMS_MAX}


async def test_metadata_has_one_limit_and_chance_no_part_in_it(channel: grpc.aio.Channel) -> None:
    async def with_metadata(size: int) -> tuple[str, str, dict[str, str]]:
        return await status_of(get_wallet(channel, metadata=(*SHOWN, ("x", "y" * size))))

    # What else a call has differs by a few bytes, such as its timeout.
    least, most = METADATA_BYTES_MAX - 1_000, METADATA_BYTES_MAX - METADATA_ENTRY_BYTES
    passed = await asyncio.gather(*(with_metadata(least) for _ in range(CHANCES)))
    assert {code for code, _, _ in passed} == {"OK"}
    for code, text, _ in await asyncio.gather(*(with_metadata(most) for _ in range(CHANCES))):
        assert code == "RESOURCE_EXHAUSTED"
        assert str(METADATA_BYTES_MAX) in text


async def test_gzip_is_read_within_the_bound_of_messages_and_deflate_is_not(channel: grpc.aio.Channel) -> None:
    async def compressed(
        request: charging_pb2.GetWalletRequest, how: grpc.Compression
    ) -> tuple[str, str, dict[str, str]]:
        return await status_of(get_wallet(channel, request=request, compression=how))

    bomb = charging_pb2.GetWalletRequest(name="x" * (4 * MESSAGE_BYTES_MAX))
    assert len(gzip.compress(bomb.SerializeToString())) < MESSAGE_BYTES_MAX
    assert (await compressed(NAME, grpc.Compression.Gzip))[0] == "OK"
    assert (await compressed(bomb, grpc.Compression.Gzip))[:2] == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    code, text, _ = await compressed(bomb, grpc.Compression.Deflate)
    assert (code, "'deflate' is disabled" in text) == ("UNIMPLEMENTED", True)


async def test_a_message_that_is_too_large_is_refused_with_the_limit(channel: grpc.aio.Channel) -> None:
    def of(size: int) -> Any:
        return get_wallet(channel, request=charging_pb2.GetWalletRequest(name="x" * size))

    assert (await status_of(of(MESSAGE_BYTES_MAX)))[:2] == ("INVALID_ARGUMENT", "INVALID_REQUEST")
    code, text, _ = await status_of(of(TRANSPORT_MESSAGE_BYTES_MAX))
    assert code == "RESOURCE_EXHAUSTED"
    assert f"larger than max ({TRANSPORT_MESSAGE_BYTES_MAX + 5} vs. {TRANSPORT_MESSAGE_BYTES_MAX})" in text


async def test_health_has_bounds_and_strangers_cannot_keep_a_check_out(
    channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_services, "OPEN_CALLS_MAX", 3)
    stub = health_pb2_grpc.HealthStub(channel)
    watches = []
    for _ in range(3):
        watches.append(stub.Watch(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS_MAX))
        assert (await watches[-1].read()).status == health_pb2.HealthCheckResponse.SERVING
    checked = await stub.Check(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS_MAX)
    assert checked.status == health_pb2.HealthCheckResponse.SERVING
    assert (await code_of(watches[0]), watches[1].done()) == ("RESOURCE_EXHAUSTED", False)


async def test_requests_to_health_are_small_and_come_at_once(
    channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    large = health_pb2.HealthCheckRequest(service="x" * 10_000)
    assert (await status_of(stub.Check(large, timeout=CALL_SECONDS_MAX)))[1] == "INVALID_REQUEST"
    unknown = health_pb2.HealthCheckRequest(service="x")
    assert (await status_of(stub.Check(unknown, timeout=CALL_SECONDS_MAX)))[0] == "NOT_FOUND"
    untyped: Any = channel
    bad = untyped.unary_unary(f"/{HEALTH}/Check")(b"\xff", timeout=CALL_SECONDS_MAX)
    assert (await status_of(bad))[1] == "INVALID_REQUEST"
    monkeypatch.setattr(open_services, "REQUEST_SECONDS_MAX", 0.1)
    assert await code_of(silent(channel, f"/{HEALTH}/Check")) == "DEADLINE_EXCEEDED"


async def test_the_oldest_unfinished_request_gives_way(
    served: Served, channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_services, "REQUEST_SECONDS_MAX", CALL_SECONDS_MAX)
    served.boundary.open_calls.unread_max = 2
    stub = health_pb2_grpc.HealthStub(channel)
    await stub.Check(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS_MAX)
    unfinished = []
    for _ in range(3):
        unfinished.append(silent(channel, f"/{HEALTH}/Check"))
        await unfinished[-1].wait_for_connection()
    assert await code_of(unfinished[0]) == "RESOURCE_EXHAUSTED"
    await stub.Check(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS_MAX)
    assert await code_of(unfinished[1]) == "RESOURCE_EXHAUSTED"
    assert not unfinished[2].done()
    unfinished[2].cancel()


async def test_stopping_fails_no_call_of_those_who_wait_for_answers(served: Served) -> None:
    """Callers that send the next call when they have an answer: what comes before they know is served as well."""
    ended: Counter[str] = Counter()
    stop = asyncio.Event()

    async def caller(channel: grpc.aio.Channel) -> None:
        while not stop.is_set():
            code, _, _ = await status_of(get_wallet(channel))
            ended[code] += 1
            if code != "OK":
                return

    async with served.channel() as first, served.channel() as second, asyncio.TaskGroup() as tasks:
        for number in range(CALLERS):
            tasks.create_task(caller((first, second)[number % 2]))
        await until(lambda: ended["OK"] > 10 * CALLERS)
        await served.front.stop()
        stop.set()
    # Each caller's last call found nobody who listens, which gRPC says itself.
    assert ended.keys() <= {"OK", "UNAVAILABLE"}
    assert ended["UNAVAILABLE"] <= CALLERS


async def test_a_call_that_cannot_be_finished_ends_and_says_what_may_have_happened(
    served: Served, channel: grpc.aio.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grpc_front, "DRAIN_SECONDS_MAX", 0.7)
    served.servicer.may_answer.clear()
    calls = [get_wallet(channel) for _ in range(CALLERS)]
    stub = health_pb2_grpc.HealthStub(channel)
    watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS_MAX)
    await watch.read()
    await until(lambda: served.servicer.begun == CALLERS)
    await served.front.stop()
    for call in calls:
        assert await status_of(call) == ("UNAVAILABLE", "SERVER_STOPPING", {"applied": "unknown"})
    assert await code_of(watch) == "UNAVAILABLE"
