"""The open loop: the rate is kept whatever the server does, and no stall is hidden.

Time is the test's own: a clock that goes on by hand, and a server that answers within one millisecond of it or, while
it stalls, not at all. So all latencies are known exactly.
"""

import asyncio
import time
from collections.abc import Callable, Container
from typing import Any, cast

import pytest

from benchmarks.http2.calls import Call
from benchmarks.http2.client import Client
from benchmarks.http2.connection import Connection
from benchmarks.http2.outcomes import OK, Outcome
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.closed_loop import ClosedLoop
from benchmarks.loadgen.loop import Loop
from benchmarks.loadgen.open_loop import OpenLoop
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.ticker import Ticker
from benchmarks.loadgen.workloads import Charges
from tests.support.polling import until
from tests.unit.benchmarks.bench_wallets import AMOUNT_MICROS, COMPANIES, endpoint

RATE = 200.0
STALL_MS = 400
MS_NS = 1_000_000


class Clock:
    """The time and the ticker of a test."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.tick: Callable[[], None] = lambda: None

    def ticker(self, _seconds: float, tick: Callable[[], None]) -> "Clock":
        """Return this clock as the loop's ticker."""
        self.tick = tick
        return self

    def start(self) -> None:
        """Start, with a first tick."""
        self.tick()

    def stop(self) -> None:
        """Stop."""
        self.tick = lambda: None


class Server:
    """Answers submitted calls on `answer`."""

    is_open = True

    def __init__(self) -> None:
        self.finished: Callable[[Any, Call, Outcome], None] = lambda *_: None
        self.waiting: list[Call] = []
        self.waiting_max = 0

    @property
    def in_flight(self) -> int:
        """The number of waiting calls."""
        return len(self.waiting)

    def submit(self, call: Call) -> None:
        """Add a call to the waiting ones."""
        self.waiting.append(call)
        self.waiting_max = max(self.waiting_max, len(self.waiting))

    def answer(self) -> None:
        """Answer all waiting calls, without those that are submitted meanwhile."""
        answered, self.waiting = self.waiting, []
        for call in answered:
            call.body = b"\0\0\0\0\0"
            self.finished(cast("Connection", self), call, OK)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter_ns", lambda: clock.now_ns)
    monkeypatch.setattr("benchmarks.loadgen.open_loop.Ticker", clock.ticker)
    return clock


@pytest.fixture
def books() -> Books:
    return Books(COMPANIES, AMOUNT_MICROS)


@pytest.fixture
def server() -> Server:
    return Server()


async def run_loop(
    loop: Loop, server: Server, clock: Clock, *, recorded_ms: range, stall_ms: Container[int] = (), end_ms: int = 3_000
) -> Tally:
    """Run a loop by the clock, and return the tally of the recorded time."""
    loop._client = cast("Client", server)
    server.finished = loop._finished
    loop.start()
    tally = loop._new_tally()
    for ms in range(1, end_ms):
        clock.now_ns = ms * MS_NS
        clock.tick()
        if ms not in stall_ms:
            server.answer()
        if ms == recorded_ms.start:
            tally = loop.start_recording()
        if ms == recorded_ms.stop:
            loop.stop_recording()
    clock.stop()
    loop._is_on = False
    server.answer()
    await loop.drain()
    return tally


def open_loop(books: Books) -> OpenLoop:
    return OpenLoop(Charges(books), endpoint(), rate=RATE, connections=2)


async def test_the_rate_is_kept(books: Books, server: Server, clock: Clock) -> None:
    tally = await run_loop(open_loop(books), server, clock, recorded_ms=range(502, 2_502))
    assert tally.calls == tally.units == 2 * RATE
    assert not tally.errors
    assert tally.late.count == tally.calls
    assert sum(books.acknowledged) == 3 * RATE


async def test_a_stall_raises_percentiles_of_an_open_loop_only(books: Books, server: Server, clock: Clock) -> None:
    stall = range(1_001, 1_001 + STALL_MS)
    opened = await run_loop(open_loop(books), server, clock, recorded_ms=range(502, 2_502), stall_ms=stall)
    # Calls that should have left during the stall waited half of it on average: a fifth of all.
    assert opened.calls == 2 * RATE
    assert opened.latencies.percentile_ns(99) > STALL_MS * 0.85 * MS_NS
    assert opened.latencies.percentile_ns(90) > STALL_MS * 0.45 * MS_NS
    closed = ClosedLoop(Charges(books), endpoint(), in_flight=1, connections=1)
    clock.now_ns = 0
    counted = await run_loop(closed, server, clock, recorded_ms=range(502, 2_502), stall_ms=stall)
    assert counted.latencies.max_ns >= STALL_MS * MS_NS
    assert counted.latencies.percentile_ns(99.9) < 2 * MS_NS, "one call alone has seen it"


async def test_calls_that_end_after_the_recorded_time_count(books: Books, server: Server, clock: Clock) -> None:
    # From the middle of the recorded time until well after its end.
    stall = range(1_001, 1_001 + STALL_MS)
    tally = await run_loop(open_loop(books), server, clock, recorded_ms=range(502, 1_202), stall_ms=stall)
    assert tally.calls == pytest.approx(0.7 * RATE)
    assert tally.latencies.max_ns == pytest.approx(STALL_MS * MS_NS, rel=0.05)


async def test_calls_in_flight_to_a_stopped_server_are_bounded(
    books: Books, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.loadgen.open_loop.IN_FLIGHT_MAX", 20)
    stall = range(1_001, 1_001 + STALL_MS)
    tally = await run_loop(open_loop(books), server, clock, recorded_ms=range(502, 2_502), stall_ms=stall)
    assert tally.errors == {"NOT_SENT": STALL_MS * RATE / 1_000 - 20}
    assert server.waiting_max == 20
    assert sum(books.unclear) == 0


async def test_the_ticker_ticks_until_it_is_stopped() -> None:
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1

    ticker = Ticker(0.0005, tick)
    ticker.start()
    await until(lambda: ticks >= 100)
    ticker.stop()
    ticker.stop()
    count = ticks
    # Four intervals: a tick that is still scheduled comes within one. A slower machine only waits longer.
    await asyncio.sleep(0.002)
    assert ticks == count
