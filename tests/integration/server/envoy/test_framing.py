"""The framing over a real Envoy, with gRPC's client and with frames that it would not send; gRPC's server beside it."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import psutil
import pytest
import redis
from grpc_health.v1 import health_pb2, health_pb2_grpc

from devstack import Server, Stack
from server.envoy.framing import framed
from tests.integration.server.test_servers import metrics_of
from tests.security.wire import CHARGE, Connection
from tests.support.clients import Clients
from tests.support.fronts import ON_BOTH_FRONTS, Fronts
from tests.support.polling import wait_until
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

STREAM = "/veloconnect.charging.v1.ChargingService/StreamCharges"
PAUSE_MS_MAX = 5_000
"""Redis comes back by itself if this process dies."""
DEADLINE_SECONDS = 0.3
LATE_SECONDS_MAX = 5.0
BATCHES = 20_000
BATCH_CHARGES = 100
TAKEN_MAX = 6_000
"""Batches of 7 KB that a stream takes whose answers are not read: those unanswered, and what windows and buffers
hold. Measured 433 with Envoy, and 1 100 to 2 000 with gRPC's own server."""
GROWN_BYTES_MAX = 64 * 1024 * 1024
WATCHERS = 100
"""All at the same moment, as after a restart."""


@pytest.fixture(scope="module")
def fronts(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    """The gateways' servers."""
    with Fronts(stack, tmp_path_factory.mktemp("front")) as servers:
        yield servers


@pytest.fixture
def charging(fronts: Fronts, front: str) -> Server:
    """The gateways' server with one of the fronts."""
    return fronts.server(front)


@pytest.fixture
def clients(fronts: Fronts, front: str) -> Iterator[Clients]:
    """Connections of the test's own, and a verified ledger in the end."""
    with fronts.connect(front) as opened:
        yield opened
        opened.assert_ledger_clean()


@pytest.fixture
def paused(stack: Stack, clients: Clients, front: str) -> Iterator[redis.Redis]:
    """Redis stands still, in the middle of what is asked."""
    clients.call(clients.charging.Charge, charge(f"{front}-warm-{time.time_ns()}"))
    with redis.Redis.from_url(stack.redis_url) as hot:
        hot.execute_command("CLIENT", "PAUSE", str(PAUSE_MS_MAX), "WRITE")
        try:
            yield hot
        finally:
            hot.execute_command("CLIENT", "UNPAUSE")


def charge(key: str) -> charging_pb2.ChargeRequest:
    return charging_pb2.ChargeRequest(
        company="companies/acme",
        idempotency_key=key,
        usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="DE"),
        amount_micros=1,
    )


def batch(number: int, key: str, charges: int = 1) -> charging_pb2.StreamChargesRequest:
    requests = [charge(f"{key}-{number}-{i}") for i in range(charges)]
    return charging_pb2.StreamChargesRequest(batch_id=str(number), requests=requests)


@ON_BOTH_FRONTS
def test_a_deadline_is_kept_and_a_retry_is_charged_once(clients: Clients, front: str, paused: Any) -> None:
    request = charge(f"{front}-late")
    began = time.monotonic()
    refusal = clients.refused(clients.charging.Charge, request, timeout=DEADLINE_SECONDS)
    assert refusal.code == "DEADLINE_EXCEEDED"
    assert time.monotonic() - began < LATE_SECONDS_MAX
    paused.execute_command("CLIENT", "UNPAUSE")
    first, second = (clients.call(clients.charging.Charge, request) for _ in range(2))
    assert first.transaction == second.transaction


@ON_BOTH_FRONTS
def test_a_cancelled_call_is_cancelled_in_the_server(
    charging: Server, clients: Clients, front: str, paused: Any
) -> None:
    before = cancelled(charging)
    future = clients.charging.Charge.future(charge(f"{front}-cancelled"), metadata=clients.metadata, timeout=20)
    stream = clients.charging.StreamCharges(
        iter([batch(1, f"{front}-cancelled")]), metadata=clients.metadata, timeout=20
    )
    wait_until(lambda: paused.info("clients")["blocked_clients"] >= 1)
    future.cancel()
    stream.cancel()
    wait_until(lambda: cancelled(charging) >= before + 2, seconds_max=PAUSE_MS_MAX / 1000 - 1)
    paused.execute_command("CLIENT", "UNPAUSE")


def cancelled(charging: Server) -> float:
    """Return how many calls ended as cancelled."""
    return sum(
        value
        for (name, labels), value in metrics_of(charging).items()
        if name == "rpc_requests_total" and ("code", "CANCELLED") in labels
    )


@ON_BOTH_FRONTS
def test_a_stream_whose_answers_are_not_read_is_not_read_either(charging: Server, clients: Clients, front: str) -> None:
    (worker,) = psutil.Process(charging.pid).children()
    taken = 0

    def batches() -> Iterator[charging_pb2.StreamChargesRequest]:
        nonlocal taken
        for number in range(BATCHES):
            taken += 1
            yield batch(number, f"{front}-unread", BATCH_CHARGES)

    before = worker.memory_info().rss
    stream = clients.charging.StreamCharges(batches(), metadata=clients.metadata, timeout=120)
    seen = -1
    while seen != taken:
        seen = taken
        time.sleep(1.0)  # Nothing shows that no more is taken but that nothing is for a while.
    print(f"{taken} batches were taken, and {(worker.memory_info().rss - before) / 1e6:.1f} MB")
    assert 0 < taken < TAKEN_MAX
    assert worker.memory_info().rss - before < GROWN_BYTES_MAX
    # Another caller is served meanwhile, and the stream goes on as soon as it is read.
    clients.call(clients.charging.Charge, charge(f"{front}-beside-it"))
    for number in range(2 * taken):
        assert next(stream).results, number
    stream.cancel()


@ON_BOTH_FRONTS
def test_health_is_checked_and_watched(charging: Server) -> None:
    with grpc.insecure_channel(charging.address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        serving = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=10) == serving
        watched = [stub.Watch(health_pb2.HealthCheckRequest(), timeout=20) for _ in range(WATCHERS)]
        assert [next(each) for each in watched] == [serving] * WATCHERS
        for each in watched:
            each.cancel()
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=10) == serving


@ON_BOTH_FRONTS
@pytest.mark.parametrize(
    ("cuts", "joined"), [(1, False), (7, False), (1, True)], ids=["one frame each", "many frames each", "one frame"]
)
def test_messages_may_be_cut_into_frames_in_any_way(
    stack: Stack, charging: Server, front: str, cuts: int, joined: bool
) -> None:
    host, port = charging.address.split(":")
    seen: Counter[str] = Counter()
    messages = [framed(batch(number, f"{front}-{cuts}-{joined}").SerializeToString()) for number in range(5)]
    if joined:
        messages = [b"".join(messages)]
    with Connection((host, int(port)), seen) as connection:
        connection.greet()
        stream = connection.open(connection.headers(STREAM, (("authorization", f"Bearer {stack.token}"),)))
        for message in messages:
            size = -(-len(message) // cuts)
            for at in range(0, len(message), size):
                connection.data(stream, message[at : at + size])
        connection.data(stream, b"", end=True)
        give_up_at = time.monotonic() + LATE_SECONDS_MAX
        while not any(name.startswith("status") for name in seen) and time.monotonic() < give_up_at:
            connection.read(0.05)
    assert seen["status 0"] == 1, seen


@pytest.mark.parametrize(
    ("replaced", "expected"),
    [
        (("content-type", "application/json"), "http 415"),
        (("te", ""), "status 3"),
        ((":path", "/veloconnect.charging.v1.ChargingService/Refund"), "status 12"),
        (("grpc-encoding", "deflate"), "status 12"),
        (("grpc-timeout", "1 s"), "status 3"),
    ],
    ids=["not gRPC", "without te", "unknown method", "deflate", "bad timeout"],
)
def test_headers_that_are_not_grpcs_are_answered(
    stack: Stack, fronts: Fronts, replaced: tuple[str, str], expected: str
) -> None:
    host, port = fronts.server("envoy").address.split(":")
    seen: Counter[str] = Counter()
    pairs = {
        ":method": "POST",
        ":scheme": "http",
        ":path": CHARGE,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
        "authorization": f"Bearer {stack.token}",
        **dict([replaced]),
    }
    with Connection((host, int(port)), seen) as connection:
        connection.greet()
        block = connection._encoder.encode([(name, value) for name, value in pairs.items() if value])
        stream = connection.open(block)
        connection.data(stream, framed(charge("headers").SerializeToString()), end=True)
        give_up_at = time.monotonic() + LATE_SECONDS_MAX
        while not seen and time.monotonic() < give_up_at:
            connection.read(0.05)
    assert seen[expected] == 1, seen
