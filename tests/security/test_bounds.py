"""What a process takes at once is bounded, and what is beyond is answered: by us, never by a call that is cancelled."""

import asyncio
import resource
from collections import Counter
from contextlib import ExitStack

import grpc
import pytest

from benchmarks.http2.calls import PREFIX, Call
from benchmarks.http2.client import Client, Target
from benchmarks.http2.connection import Connection as Sending
from benchmarks.http2.endpoint import Endpoint
from benchmarks.http2.outcomes import Outcome
from devstack import Stack
from server import grpc_front
from server.envoy import bootstrap
from server.transport_limits import raise_descriptor_limit
from server.validation import MESSAGE_BYTES_MAX
from tests.security.bystander import memory_bytes
from tests.security.wire import CHARGE, CHECK, Closed, Connection
from tests.support.polling import wait_until
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2

BURST = 10_000
BURST_CONNECTIONS = 16
BURST_SECONDS_MAX = 60.0
BURST_BYTES_MAX = 320 << 20
"""The memory that a burst may take of a worker."""
BEYOND = 50
DESCRIPTORS_BESIDE = 500
"""What the test and the server have open besides."""
UNFINISHED = 3
CALL_SECONDS_MAX = 10.0


def charge(number: int) -> Call:
    """Return a charge of the honest caller."""
    usage = wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="DE")
    request = charging_pb2.ChargeRequest(
        company="companies/honest", idempotency_key=f"burst-{number}", usage=usage, amount_micros=1
    )
    body = request.SerializeToString()
    return Call(PREFIX.pack(0, len(body)) + body, number, 0)


async def test_a_burst_ends_in_answers(stack: Stack) -> None:
    ended: Counter[str] = Counter()
    all_have = asyncio.Event()

    def finished(_connection: Sending, _call: Call, outcome: Outcome) -> None:
        ended[outcome.name] += 1
        if ended.total() == BURST:
            all_have.set()

    before = peak = memory_bytes(stack.charging)
    calls = [charge(number) for number in range(BURST)]
    endpoint = Endpoint((Target.parse(stack.charging_address),), token=stack.token)
    async with Client(endpoint, [CHARGE], connections=BURST_CONNECTIONS, finished=finished) as client:
        for call in calls:
            client.submit(call)
        async with asyncio.timeout(BURST_SECONDS_MAX):
            while not all_have.is_set():
                await asyncio.sleep(0.02)
                peak = max(peak, memory_bytes(stack.charging))
    print(dict(ended), f"{(peak - before) / 2**20:+.0f} MiB")
    assert ended.keys() <= {"OK", "RESOURCE_EXHAUSTED/OVERLOADED"}, ended
    assert ended["OK"] > 0
    assert peak - before <= BURST_BYTES_MAX


async def test_gzip_is_inflated_within_the_bound_of_messages_and_nothing_else_is(stack: Stack) -> None:
    async def name_of(size: int, how: grpc.Compression) -> str:
        request = charging_pb2.GetWalletRequest(name="companies/honest/wallet" + "x" * size)
        try:
            await stub.GetWallet(request, metadata=metadata, compression=how, timeout=CALL_SECONDS_MAX)
        except grpc.aio.AioRpcError as error:
            return f"{error.code().name}: {error.details()}"
        return "OK"

    metadata = (("authorization", f"Bearer {stack.token}"),)
    async with grpc.aio.insecure_channel(stack.charging_address) as channel:
        stub = charging_pb2_grpc.ChargingServiceStub(channel)
        assert await name_of(0, grpc.Compression.Gzip) == "OK"
        assert "the name of a wallet" in await name_of(MESSAGE_BYTES_MAX // 2, grpc.Compression.Gzip)
        assert "bytes when inflated: send fewer" in await name_of(4 * MESSAGE_BYTES_MAX, grpc.Compression.Gzip)
        assert (await name_of(1_000, grpc.Compression.Deflate)).startswith(("UNIMPLEMENTED", "INVALID_ARGUMENT"))


def test_a_worker_keeps_so_many_connections_and_closes_more(stack: Stack, front: str) -> None:
    connections_max: int = (bootstrap if front == "envoy" else grpc_front).CONNECTIONS_MAX
    raise_descriptor_limit()
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < connections_max + DESCRIPTORS_BESIDE:
        pytest.skip("the limit is beyond the file descriptors that this system gives")
    host, _, port = stack.charging_address.rpartition(":")
    seen: Counter[str] = Counter()
    with ExitStack() as opened:
        wires = [opened.enter_context(Connection((host, int(port)), seen)) for _ in range(connections_max + BEYOND)]

        def are_closed() -> bool:
            for wire in list(wires):
                try:
                    wire.read()
                except Closed:
                    wires.remove(wire)
            return len(wires) <= connections_max

        wait_until(are_closed)


@pytest.mark.parametrize("path", ["/%ff", CHARGE.replace("/Charge", "/%43harge"), f"{CHARGE}?", "/é"])
def test_a_path_in_another_spelling_is_answered_and_is_no_method(stack: Stack, path: str) -> None:
    """The module in Envoy would not answer a path that is not UTF-8, and its stream would be open for 15 minutes."""
    host, _, port = stack.charging_address.rpartition(":")
    seen: Counter[str] = Counter()
    with Connection((host, int(port)), seen) as wire:
        wire.greet()
        wire.open(wire.headers(path))

        def is_answered() -> bool:
            wire.read(0.01)
            return bool(seen)

        wait_until(is_answered)
    codes = grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED
    assert {f"status {code.value[0]}" for code in codes} & seen.keys(), seen


def test_what_a_stranger_leaves_unfinished_is_not_logged(stack: Stack) -> None:
    host, _, port = stack.charging_address.rpartition(":")
    seen: Counter[str] = Counter()
    with Connection((host, int(port)), seen) as wire:
        wire.greet()
        block = wire.headers(CHECK)

        def are_answered() -> bool:
            wire.read(0.01)
            return seen[f"status {grpc.StatusCode.DEADLINE_EXCEEDED.value[0]}"] == UNFINISHED

        for _ in range(UNFINISHED):
            wire.open(block)
        wait_until(are_answered)
    with Connection((host, int(port)), seen) as wire:  # What the first ones left to the event loop is done by then.
        wire.greet()
        wire.open(wire.headers(CHARGE))

        def is_answered() -> bool:
            wire.read(0.01)
            return seen[f"status {grpc.StatusCode.UNAUTHENTICATED.value[0]}"] > 0

        wait_until(is_answered)
    assert "Traceback" not in (stack.log_directory / "charging.log").read_text()
