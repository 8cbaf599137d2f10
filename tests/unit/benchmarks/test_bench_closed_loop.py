"""The closed loop against a real gRPC server: what it sends arrives, what comes back is counted."""

import asyncio
import random
from collections import Counter
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status

from benchmarks.http2.calls import PREFIX, Call
from benchmarks.http2.client import Client, TargetUnreachable
from benchmarks.http2.connection import Connection
from benchmarks.http2.endpoint import Target
from benchmarks.http2.outcomes import OK, Outcome
from benchmarks.loadgen.batches import BatchCharges
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.templates import KEY_CHARS
from benchmarks.loadgen.workloads import CHARGE_PATH, Charges
from tests.support.polling import until
from tests.unit.benchmarks.bench_wallets import (
    AMOUNT_MICROS,
    COMPANIES,
    SERVICE,
    TOKEN,
    Wallets,
    by_company,
    endpoint,
    insufficient,
    run,
    served,
    unavailable,
)


@pytest.fixture
def wallets() -> Wallets:
    return Wallets()


@pytest.fixture
def books() -> Books:
    return Books(COMPANIES, AMOUNT_MICROS)


async def test_requests_arrive_complete_with_fresh_keys(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        measured = await run(Charges(books), target)
    keys = [request.idempotency_key for request in wallets.charges]
    assert len(keys) == len(set(keys)) > 16
    assert {len(key) for key in keys} == {KEY_CHARS}
    assert {request.amount_micros for request in wallets.charges} == {AMOUNT_MICROS}
    assert wallets.tokens == {f"Bearer {TOKEN}"}
    assert not measured.tally.errors
    assert 0 < measured.tally.units == measured.tally.calls == measured.tally.latencies.count < len(keys)
    assert dict(zip(COMPANIES, books.acknowledged, strict=True)) == by_company(wallets.charges)
    assert measured.client_cpu_seconds > 0


async def test_a_batch_is_booked_result_by_result(wallets: Wallets, books: Books) -> None:
    wallets.decline = lambda request: insufficient() if request.company == COMPANIES[3] else None
    async with served(wallets) as target:
        measured = await run(BatchCharges(books, size=100), target, in_flight=4)
    keys = {request.idempotency_key for request in wallets.charges}
    assert len(keys) == len(wallets.charges)
    assert dict(zip(COMPANIES, books.acknowledged, strict=True)) == by_company(wallets.charges)
    assert set(measured.tally.errors) == {"FAILED_PRECONDITION/INSUFFICIENT_FUNDS"}
    assert measured.tally.units + measured.tally.errors.total() == 100 * measured.tally.calls
    assert books.unclear == [0] * len(COMPANIES)


async def test_errors_are_counted_by_status_and_reason(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        statuses = [
            insufficient(),
            unavailable(applied="unknown"),
            unavailable(applied="no"),
            Status(code=13, message="something → else"),
            None,
        ]
        wallets.decline = lambda _: random.choice(statuses)
        measured = await run(Charges(books), target, warm_up_seconds=0)
    assert set(measured.tally.errors) == {
        "FAILED_PRECONDITION/INSUFFICIENT_FUNDS",
        "UNAVAILABLE/LEDGER_UNAVAILABLE",
        "INTERNAL",
    }
    assert measured.tally.units + measured.tally.errors.total() == measured.tally.calls
    assert measured.tally.units == measured.tally.latencies.count
    assert sum(books.acknowledged) == len(wallets.charges)
    # INTERNAL, and one of the two kinds of UNAVAILABLE, may have been applied.
    assert measured.tally.errors["INTERNAL"] < sum(books.unclear) < measured.tally.errors.total()


async def test_messages_beyond_all_windows_pass_both_ways() -> None:
    received: list[int] = []

    async def handler(request: bytes, _context: Any) -> bytes:
        received.append(len(request))
        return bytes(9_000_000)

    def finished(_connection: Connection, call: Call, outcome: Outcome) -> None:
        answers.append((outcome, len(call.answer)))

    answers: list[tuple[Outcome, int]] = []
    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(handler)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"Charge": method})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    body = random.randbytes(300_000)
    # More than 64 MiB come back on one connection: its window is used up and given back.
    async with Client(endpoint(Target("127.0.0.1", port)), [CHARGE_PATH], connections=1, finished=finished) as client:
        for _ in range(16):
            client.submit(Call(PREFIX.pack(0, len(body)) + body, 0, 0))
        await until(lambda: len(answers) == 16)
    await server.stop(None)
    assert received == [300_000] * 16
    assert answers == [(OK, 9_000_000)] * 16


async def test_no_more_streams_than_the_server_allows(wallets: Wallets, books: Books) -> None:
    wallets.pause_seconds = 0.002
    async with served(wallets, max_concurrent_streams=4) as target:
        measured = await run(Charges(books), target, in_flight=32, connections=1)
    assert not measured.tally.errors
    # A handler may still run for a moment when its stream has ended.
    assert 4 <= wallets.running_max < 8
    assert sum(books.acknowledged) == len(wallets.charges)


async def test_connections_after_goaway_are_replaced_without_errors(wallets: Wallets, books: Books) -> None:
    async with served(wallets, max_connection_age_ms=200, max_connection_age_grace_ms=2_000) as target:
        measured = await run(Charges(books), target, seconds=1.2)
    assert not measured.tally.errors
    assert sum(books.acknowledged) == len(wallets.charges)


async def test_calls_on_a_lost_connection_are_unclear(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        task = asyncio.create_task(run(Charges(books), target, warm_up_seconds=0, seconds=1.5))
        await until(lambda: len(wallets.charges) >= 50)
        wallets.is_open.clear()  # so that all are in flight when the connection goes
        await until(lambda: wallets.running == 16)
    wallets.is_open.set()
    before = len(wallets.charges)
    async with served(wallets, port=target.port):
        measured = await task
    assert measured.tally.errors
    assert set(measured.tally.errors) <= {"CONNECTION_LOST", "UNAVAILABLE", "CANCELLED", "RST_STREAM/CANCEL"}
    assert len(wallets.charges) > before > 0
    assert sum(books.acknowledged) <= len(wallets.charges) <= sum(books.acknowledged) + sum(books.unclear)


async def test_an_unreachable_target_is_an_error(books: Books, unused_tcp_port: int) -> None:
    with pytest.raises(TargetUnreachable, match=str(unused_tcp_port)):
        await run(Charges(books), Target("127.0.0.1", unused_tcp_port))


async def test_calls_go_to_the_connection_with_the_fewest(wallets: Wallets) -> None:
    wallets.pause_seconds = 0.05
    outcomes: Counter[Connection] = Counter()
    done = asyncio.Event()

    def finished(connection: Connection, _call: Call, outcome: Outcome) -> None:
        assert outcome is OK
        outcomes[connection] += 1
        if outcomes.total() == 12:
            done.set()

    workload = Charges(Books(COMPANIES, AMOUNT_MICROS))
    async with (
        served(wallets) as target,
        Client(endpoint(target), [CHARGE_PATH], connections=4, finished=finished) as client,
    ):
        for _ in range(12):
            client.submit(workload.next_call(0))
        await done.wait()
    assert sorted(outcomes.values()) == [3, 3, 3, 3]
