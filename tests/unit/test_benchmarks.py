"""The load generator against a real gRPC server: what it sends arrives, what comes back is counted."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import protovalidate
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message_factory import GetMessageClass
from google.rpc.code_pb2 import FAILED_PRECONDITION
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status
from hdrh.histogram import HdrHistogram

from benchmarks.echo_server import answer
from benchmarks.loadgen import frames
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.calls import PREFIX, Call
from benchmarks.loadgen.client import Client, Target, TargetUnreachable
from benchmarks.loadgen.closed_loop import ClosedLoop, Measurement
from benchmarks.loadgen.connection import Connection
from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.headers import request_headers
from benchmarks.loadgen.histogram import LatencyHistogram
from benchmarks.loadgen.outcomes import OK, Outcome
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.templates import KEY_CHARS, fresh_keys
from benchmarks.loadgen.workloads import CHARGE_PATH, BatchCharges, Charges, Workload
from benchmarks.report import json_line, rows, table
from benchmarks.scenarios import SCENARIOS
from benchmarks.suite import Plan, Results, Service, Suite
from veloconnect.admin.v1 import company_pb2, top_up_pb2
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

SERVICE = CHARGE_PATH.split("/")[1]
TOKEN = "a-token-of-forty-three-characters-as-usual-"
COMPANIES = [f"companies/bench-{number}" for number in range(20)]
AMOUNT_MICROS = 75_000


class Wallets:
    """Both services over a dictionary: enough to be benchmarked."""

    def __init__(self) -> None:
        """Accept everything until told otherwise."""
        self.charges: list[charging_pb2.ChargeRequest] = []
        self.tokens: set[str] = set()
        self.balances: Counter[str] = Counter()
        self.decline: Callable[[charging_pb2.ChargeRequest], Status | None] = lambda _: None
        self.forgets_every = 0
        """Of so many charges it acknowledges one that it does not book."""
        self.pause_seconds = 0.0
        self.running = self.running_max = 0

    def handlers(self) -> "list[grpc.GenericRpcHandler[Any, Any]]":
        """Make what a server needs."""
        charging = charging_pb2.DESCRIPTOR.services_by_name["ChargingService"]
        company = company_pb2.DESCRIPTOR.services_by_name["CompanyService"]
        top_up = top_up_pb2.DESCRIPTOR.services_by_name["TopUpService"]
        return [
            _handler(charging, Charge=self._answer, BatchCharge=self._answer_batch),
            _handler(company, CreateCompany=self._create, GetWallet=self._read),
            _handler(top_up, CreateTopUp=self._fund),
        ]

    async def _answer(self, request: charging_pb2.ChargeRequest, context: Any) -> charging_pb2.ChargeResponse:
        self.tokens.add(dict(context.invocation_metadata())["authorization"])
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        await asyncio.sleep(self.pause_seconds)
        self.running -= 1
        result = self._charge(request)
        if result.HasField("status"):
            await context.abort_with_status(rpc_status.to_status(result.status))
        return result.charge

    async def _answer_batch(self, request: charging_pb2.BatchChargeRequest, _context: Any) -> Any:
        return charging_pb2.BatchChargeResponse(results=map(self._charge, request.requests))

    async def _create(self, request: company_pb2.CreateCompanyRequest, _context: Any) -> Any:
        protovalidate.validate(request)
        return company_pb2.Company(name=f"companies/{request.company_id}")

    async def _fund(self, request: top_up_pb2.CreateTopUpRequest, _context: Any) -> Any:
        protovalidate.validate(request)
        self.balances[request.parent] += request.top_up.amount_micros
        return request.top_up

    async def _read(self, request: company_pb2.GetWalletRequest, _context: Any) -> wallet_pb2.Wallet:
        company = request.name.removesuffix("/wallet")
        return wallet_pb2.Wallet(name=request.name, balance_micros=self.balances[company])

    def _charge(self, request: charging_pb2.ChargeRequest) -> charging_pb2.ChargeResult:
        protovalidate.validate(request)
        status = self.decline(request)
        if status is not None:
            return charging_pb2.ChargeResult(status=status)
        self.charges.append(request)
        if not self.forgets_every or len(self.charges) % self.forgets_every:
            self.balances[request.company] -= request.amount_micros
        return charging_pb2.ChargeResult(charge=charging_pb2.ChargeResponse.FromString(answer()))


def _handler(service: Any, **methods: Callable[[Any, Any], Any]) -> "grpc.GenericRpcHandler[Any, Any]":
    """Serve some methods of a service."""
    return grpc.method_handlers_generic_handler(
        service.full_name,
        {
            name: grpc.unary_unary_rpc_method_handler(
                method,
                request_deserializer=GetMessageClass(service.methods_by_name[name].input_type).FromString,
                response_serializer=GetMessageClass(service.methods_by_name[name].output_type).SerializeToString,
            )
            for name, method in methods.items()
        },
    )


@asynccontextmanager
async def served(wallets: Wallets, port: int = 0, **options: int) -> AsyncIterator[Target]:
    """Serve on loopback, with gRPC's `options`."""
    server = grpc.aio.server(options=[(f"grpc.{name}", value) for name, value in options.items()])
    server.add_generic_rpc_handlers(wallets.handlers())
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield Target("127.0.0.1", port)
    finally:
        await server.stop(None)


@pytest.fixture
def wallets() -> Wallets:
    return Wallets()


@pytest.fixture
def books() -> Books:
    return Books(COMPANIES, AMOUNT_MICROS)


async def run(
    workload: Workload,
    target: Target,
    *,
    in_flight: int = 16,
    connections: int = 3,
    warm_up_seconds: float = 0.1,
    seconds: float = 0.3,
) -> Measurement:
    loop = ClosedLoop(workload, in_flight=in_flight, connections=connections)
    return await loop.run(target, token=TOKEN, warm_up_seconds=warm_up_seconds, seconds=seconds, processes=Processes())


async def test_every_request_arrives_whole_and_every_key_is_fresh(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        measured = await run(Charges(books), target)
    keys = [request.idempotency_key for request in wallets.charges]
    assert len(keys) == len(set(keys)) > 50
    assert {len(key) for key in keys} == {KEY_CHARS}
    assert {request.amount_micros for request in wallets.charges} == {AMOUNT_MICROS}
    assert wallets.tokens == {f"Bearer {TOKEN}"}
    assert not measured.tally.errors
    assert 0 < measured.tally.units == measured.tally.calls == measured.tally.latencies.count < len(keys)
    charged = Counter(request.company for request in wallets.charges)
    assert dict(zip(COMPANIES, books.acknowledged, strict=True)) == {name: charged[name] for name in COMPANIES}
    assert measured.client_cpu_seconds > 0


async def test_a_batch_is_booked_result_by_result(wallets: Wallets, books: Books) -> None:
    wallets.decline = lambda request: _insufficient() if request.company == COMPANIES[3] else None
    async with served(wallets) as target:
        measured = await run(BatchCharges(books, size=100), target, in_flight=4)
    keys = {request.idempotency_key for request in wallets.charges}
    assert len(keys) == len(wallets.charges)
    charged = Counter(request.company for request in wallets.charges)
    assert dict(zip(COMPANIES, books.acknowledged, strict=True)) == {name: charged[name] for name in COMPANIES}
    assert set(measured.tally.errors) == {"FAILED_PRECONDITION/INSUFFICIENT_FUNDS"}
    assert measured.tally.units + measured.tally.errors.total() == 100 * measured.tally.calls
    assert books.unclear == [0] * len(COMPANIES)


async def test_errors_are_counted_by_status_and_reason(wallets: Wallets, books: Books) -> None:
    async with served(wallets) as target:
        statuses = [
            _insufficient(),
            _unavailable(applied="unknown"),
            _unavailable(applied="no"),
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


async def test_messages_larger_than_all_windows_pass_both_ways() -> None:
    received: list[int] = []

    async def handler(request: bytes, _context: Any) -> bytes:
        received.append(len(request))
        return bytes(9_000_000)

    class Large:
        path = CHARGE_PATH
        answers: list[int] = []  # noqa: RUF012 one instance

        def next_call(self, intended_ns: int) -> Call:
            body = random.randbytes(300_000)
            return Call(PREFIX.pack(0, len(body)) + body, 0, intended_ns)

        def succeeded(self, call: Call, tally: Tally) -> None:
            self.answers.append(len(call.answer))
            tally.units += 1

        def failed(self, call: Call, outcome: Outcome, tally: Tally) -> None:  # noqa: ARG002 as all
            tally.errors[outcome.name] += 1

    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(handler)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"Charge": method})])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    # More than 64 MiB come back on one connection: its window is used up and given back.
    measured = await run(Large(), Target("127.0.0.1", port), in_flight=8, connections=1, seconds=1.5)
    await server.stop(None)
    assert not measured.tally.errors
    assert set(received) == {300_000}
    assert set(Large.answers) == {9_000_000}
    assert len(Large.answers) > 8


async def test_no_more_streams_than_the_server_allows(wallets: Wallets, books: Books) -> None:
    wallets.pause_seconds = 0.002
    async with served(wallets, max_concurrent_streams=4) as target:
        measured = await run(Charges(books), target, in_flight=32, connections=1)
    assert not measured.tally.errors
    # A handler may still run for a moment when its stream has ended.
    assert 4 <= wallets.running_max < 8
    assert sum(books.acknowledged) == len(wallets.charges)


async def test_connections_that_the_server_lets_go_are_replaced_without_an_error(
    wallets: Wallets, books: Books
) -> None:
    async with served(wallets, max_connection_age_ms=200, max_connection_age_grace_ms=2_000) as target:
        measured = await run(Charges(books), target, seconds=1.2)
    assert not measured.tally.errors
    assert sum(books.acknowledged) == len(wallets.charges)


async def test_calls_on_a_lost_connection_are_unclear_and_it_is_opened_again(wallets: Wallets, books: Books) -> None:
    wallets.pause_seconds = 0.01
    async with served(wallets) as target:
        task = asyncio.create_task(run(Charges(books), target, warm_up_seconds=0, seconds=1.5))
        await asyncio.sleep(0.3)
    before = len(wallets.charges)
    async with served(wallets, port=target.port):
        measured = await task
    assert measured.tally.errors
    assert set(measured.tally.errors) <= {"CONNECTION_LOST", "UNAVAILABLE", "CANCELLED", "RST_STREAM/CANCEL"}
    assert len(wallets.charges) > before > 0
    assert sum(books.acknowledged) <= len(wallets.charges) <= sum(books.acknowledged) + sum(books.unclear)


async def test_a_run_against_nothing_says_so(books: Books, unused_tcp_port: int) -> None:
    with pytest.raises(TargetUnreachable, match=str(unused_tcp_port)):
        await run(Charges(books), Target("127.0.0.1", unused_tcp_port))


class _Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def abort(self) -> None:
        self.is_aborted = True


class _Nobody:
    """Counts what an owner is told."""

    def __init__(self) -> None:
        self.ended: list[Outcome] = []
        self.returned: list[Call] = []

    def finished(self, _connection: Connection, _call: Call, outcome: Outcome) -> None:
        self.ended.append(outcome)

    def unsent(self, call: Call) -> None:
        self.returned.append(call)

    def left(self, connection: Connection) -> None:
        assert not connection.is_open


async def test_frames_that_grpc_servers_rarely_send_are_read() -> None:
    owner, transport = _Nobody(), _Transport()
    connection = Connection(request_headers(CHARGE_PATH, authority="a"), owner, owner.finished)
    connection.connection_made(transport)
    acknowledged = frames.frame(frames.SETTINGS, frames.ACK, 0, b"")
    connection.data_received(frames.settings({frames.MAX_FRAME_SIZE: 20_000}) + acknowledged)
    await connection.ready
    message = PREFIX.pack(0, 3) + b"abc"
    for _ in range(4):
        connection.submit(Call(message, 0, 0))

    opening = b"\x88"  # :status 200, from the static table
    closing = b"\x00\x0bgrpc-status\x010"
    padded = frames.PADDED
    came = b"".join(
        [
            # Stream 1: headers in three parts, data and trailers padded.
            frames.frame(frames.HEADERS, 0, 1, b""),
            frames.frame(frames.CONTINUATION, 0, 1, opening),
            frames.frame(frames.CONTINUATION, frames.END_HEADERS, 1, b""),
            frames.frame(frames.DATA, padded, 1, b"\x02" + message + b"\0\0"),
            frames.frame(
                frames.HEADERS,
                padded | frames.PRIORITY | frames.END_HEADERS | frames.END_STREAM,
                1,
                b"\x01" + bytes(5) + closing + b"\0",
            ),
            # Stream 3: a message that is cut short. Stream 5: broken off.
            frames.frame(frames.HEADERS, frames.END_HEADERS, 3, opening),
            frames.frame(frames.DATA, 0, 3, message[:-1]),
            frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 3, closing),
            frames.frame(frames.RST_STREAM, 0, 5, frames.UINT32.pack(frames.CANCEL)),
            frames.frame(frames.PING, 0, 0, b"12345678"),
            frames.frame(0xBE, 0, 0, b"a kind that nobody knows"),
            # Stream 7 was not looked at.
            frames.frame(frames.GOAWAY, 0, 0, frames.UINT32.pack(5) + bytes(4)),
        ]
    )
    for place in range(0, len(came), 7):
        connection.data_received(came[place : place + 7])
    assert [outcome.name for outcome in owner.ended] == ["OK", "BAD_MESSAGE", "RST_STREAM/CANCEL"]
    assert all(outcome.maybe_applied for outcome in owner.ended[1:])
    assert len(owner.returned) == 1
    assert frames.frame(frames.PING, frames.ACK, 0, b"12345678") in transport.written
    assert transport.is_aborted, "nothing is left to wait for"
    connection.connection_lost(None)
    assert len(owner.ended) == 3


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        (b"\x88\x00\x0bgrpc-status\x010", "OK"),
        (b"\x88\x00\x0bgrpc-status\x0214", "UNAVAILABLE"),
        (b"\x88", "NO_TRAILERS"),
        (b"\x8e", "HTTP/500"),
    ],
)
async def test_an_answer_of_headers_alone_is_what_it_says(headers: bytes, outcome: str) -> None:
    owner = _Nobody()
    connection = Connection(request_headers(CHARGE_PATH, authority="a"), owner, owner.finished)
    connection.connection_made(_Transport())
    connection.submit(Call(b"", 0, 0))
    connection.data_received(frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, 1, headers))
    # Even if the status is 0: there is no message.
    assert [ended.name for ended in owner.ended] == ["BAD_MESSAGE" if outcome == "OK" else outcome]


async def test_a_refused_call_is_sent_again_but_not_for_ever() -> None:
    owner, transport = _Nobody(), _Transport()
    connection = Connection(request_headers(CHARGE_PATH, authority="a"), owner, owner.finished)
    connection.connection_made(transport)
    connection.submit(Call(b"x", 0, 0))
    for stream in range(1, 100, 2):
        assert connection.in_flight == (not owner.ended)
        connection.data_received(frames.frame(frames.RST_STREAM, 0, stream, frames.UINT32.pack(frames.REFUSED_STREAM)))
    assert owner.ended == [Outcome("RST_STREAM/REFUSED_STREAM", maybe_applied=False)]
    assert transport.written.count(frames.frame(frames.DATA, frames.END_STREAM, 1, b"x")) == 1


async def test_a_small_header_table_of_the_server_is_respected() -> None:
    headers = request_headers(CHARGE_PATH, authority="a")
    for table_bytes, block in ((4_096, headers.later), (0, headers.stateless)):
        owner, transport = _Nobody(), _Transport()
        connection = Connection(headers, owner, owner.finished)
        connection.connection_made(transport)
        connection.data_received(frames.settings({frames.HEADER_TABLE_SIZE: table_bytes}))
        for _ in range(2):
            connection.submit(Call(b"x", 0, 0))
        await asyncio.sleep(0)
        assert frames.frame(frames.HEADERS, frames.END_HEADERS, 3, block) in transport.written


async def test_calls_go_to_the_connection_that_has_the_fewest(wallets: Wallets) -> None:
    wallets.pause_seconds = 0.05
    headers = request_headers(CHARGE_PATH, authority="a", token=TOKEN)
    outcomes: Counter[Connection] = Counter()
    done = asyncio.Event()

    def finished(connection: Connection, _call: Call, outcome: Outcome) -> None:
        assert outcome is OK
        outcomes[connection] += 1
        if outcomes.total() == 12:
            done.set()

    workload = Charges(Books(COMPANIES, AMOUNT_MICROS))
    async with served(wallets) as target, Client(target, headers, connections=4, finished=finished) as client:
        for _ in range(12):
            client.submit(workload.next_call(0))
        await done.wait()
    assert sorted(outcomes.values()) == [3, 3, 3, 3]


def test_keys_have_one_width_and_do_not_come_in_order() -> None:
    source = fresh_keys()
    keys = [next(source).decode() for _ in range(10_000)]
    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {KEY_CHARS}
    assert keys != sorted(keys)
    assert not set(keys) & {next(fresh_keys()).decode() for _ in range(10)}


def test_percentiles_are_those_of_an_hdr_histogram() -> None:
    ours, theirs = LatencyHistogram(), HdrHistogram(1, 10**11, 4)
    generator = random.Random(7)
    values = [int(generator.lognormvariate(15, 2)) for _ in range(20_000)] + list(range(1_200))
    for value in values:
        ours.record(value)
        theirs.record_value(value)
    assert ours.count == len(values)
    assert ours.max_ns == max(values)
    for percent in (0.1, 1, 5, 25, 50, 90, 99, 99.9, 99.99, 100):
        expected = theirs.get_value_at_percentile(percent)
        assert ours.percentile_ns(percent) == pytest.approx(expected, rel=0.003)


def test_small_latencies_are_exact_and_sums_are_as_if_recorded_together() -> None:
    one, two = LatencyHistogram(), LatencyHistogram()
    for value in range(1, 51):
        one.record(value)
        two.record(value + 50)
    one.add(two)
    assert [one.percentile_ns(percent) for percent in (1, 50, 99, 100)] == [1, 50, 99, 100]
    assert LatencyHistogram().percentile_ns(99) == 0
    one.record(2**50)
    assert one.percentile_ns(100) == one.max_ns == 2**50 or one.percentile_ns(100) < 2**43


def test_the_books_say_what_the_ledger_must_have() -> None:
    books = Books(["companies/a"], 10)
    books.acknowledged[0], books.unclear[0] = 5, 2
    assert [books.difference(0, micros) is None for micros in (40, 50, 55, 60, 70, 80)] == [
        False,
        True,
        False,
        True,
        True,
        False,
    ]


async def test_the_suite_runs_all_scenarios_and_finds_that_the_ledger_agrees(wallets: Wallets) -> None:
    async with served(wallets) as target, served(Wallets()) as echo:
        results = await _suite(target, echo)
    assert results.differences == 0
    found = rows(results)
    figures = json.loads(json_line(results, found, fsync_ms=0.1))
    assert {
        "echo_rps",
        "charge_rps_16",
        "charge_rps_64",
        "charge_p50_ms",
        "charge_p99_ms",
        "batch100_rps",
        "hot1_rps_64",
        "one_p50_ms",
        "charge_over_echo",
    } <= figures.keys()
    assert figures["errors"] == 0
    assert all(value > 0 for key, value in figures.items() if key.endswith(("_rps", "_ms")))
    text = table(found)
    assert all(scenario.title in text for scenario in SCENARIOS)


async def test_the_suite_finds_an_acknowledged_charge_that_is_not_in_the_ledger(wallets: Wallets) -> None:
    wallets.forgets_every = 1_000
    async with served(wallets) as target, served(Wallets()) as echo:
        assert (await _suite(target, echo)).differences > 0


async def _suite(target: Target, echo: Target) -> Results:
    service = Service(
        charging=target,
        admin_address=str(target),
        echo=echo,
        token=TOKEN,
        processes=Processes(),
        echo_processes=Processes(),
    )
    plan = Plan(
        scenarios=SCENARIOS,
        companies=5,
        connections=2,
        rounds=1,
        seconds=0.15,
        seconds_max=60,
        warm_up_seconds=0.05,
    )
    return await Suite(service, plan).run()


def _insufficient() -> Status:
    return _status(FAILED_PRECONDITION, ErrorInfo(reason="INSUFFICIENT_FUNDS", metadata={"available": "1"}))


def _unavailable(applied: str) -> Status:
    return _status(14, ErrorInfo(reason="LEDGER_UNAVAILABLE", metadata={"applied": applied}))


def _status(code: int, info: ErrorInfo) -> Status:
    detail = AnyMessage()
    detail.Pack(info)
    return Status(code=code, message="no", details=[detail])
