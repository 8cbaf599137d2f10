"""The open loop: the rate is kept whatever the server does, and no stall is hidden."""

import asyncio
import time

import pytest

from benchmarks.loadgen.books import Books
from benchmarks.loadgen.closed_loop import ClosedLoop
from benchmarks.loadgen.measuring import Measurement
from benchmarks.loadgen.open_loop import OpenLoop
from benchmarks.loadgen.ticker import Ticker
from benchmarks.loadgen.workloads import Charges
from tests.unit.benchmarks.bench_wallets import (
    AMOUNT_MICROS,
    COMPANIES,
    Wallets,
    by_company,
    endpoint,
    run_load,
    served,
)

RATE = 200.0
STALL_SECONDS = 0.4


async def run_open(wallets: Wallets, books: Books, *, seconds: float = 1.0, rate: float = RATE) -> Measurement:
    async with served(wallets) as target:
        loop = OpenLoop(Charges(books), endpoint(target), rate=rate, connections=2)
        return await run_load(loop, seconds=seconds)


async def stall(wallets: Wallets, after_seconds: float) -> None:
    await asyncio.sleep(after_seconds)
    wallets.is_open.clear()
    await asyncio.sleep(STALL_SECONDS)
    wallets.is_open.set()


async def test_the_rate_is_kept() -> None:
    wallets, books = Wallets(), Books(COMPANIES, AMOUNT_MICROS)
    measured = await run_open(wallets, books)
    assert measured.units_per_second == pytest.approx(RATE, rel=0.05)
    assert not measured.tally.errors
    assert dict(zip(COMPANIES, books.acknowledged, strict=True)) == by_company(wallets.charges)
    assert measured.tally.late.count == measured.tally.calls


async def test_a_stall_shows_in_the_percentiles_of_an_open_loop_and_hides_in_those_of_a_closed_one() -> None:
    wallets, books = Wallets(), Books(COMPANIES, AMOUNT_MICROS)
    async with asyncio.TaskGroup() as group:
        group.create_task(stall(wallets, 0.6))
        opened = await run_open(wallets, books, seconds=2.0)
    # Calls that should have left during the stall waited 0.2 s on average: a fifth of all.
    assert opened.tally.calls == pytest.approx(2 * RATE, rel=0.05)
    assert opened.tally.latencies.percentile_ns(99) > STALL_SECONDS * 0.85e9
    assert opened.tally.latencies.percentile_ns(90) > STALL_SECONDS * 0.3e9
    async with served(wallets) as target, asyncio.TaskGroup() as group:
        group.create_task(stall(wallets, 0.6))
        loop = ClosedLoop(Charges(books), endpoint(target), in_flight=1, connections=1)
        closed = await run_load(loop, seconds=2.0)
    assert closed.tally.latencies.max_ns > STALL_SECONDS * 0.9e9
    assert closed.tally.latencies.percentile_ns(90) < STALL_SECONDS * 0.3e9, "one call alone has seen it"


async def test_calls_that_end_after_the_stretch_belong_to_it() -> None:
    wallets, books = Wallets(), Books(COMPANIES, AMOUNT_MICROS)
    async with asyncio.TaskGroup() as group:
        # From the middle of the stretch until well after its end.
        group.create_task(stall(wallets, 0.6))
        measured = await run_open(wallets, books, seconds=0.7)
    assert measured.tally.calls == pytest.approx(0.7 * RATE, rel=0.1)
    assert measured.tally.latencies.max_ns > STALL_SECONDS * 0.5e9
    assert sum(books.acknowledged) == len(wallets.charges)


async def test_a_server_that_has_stopped_does_not_fill_the_generators_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.loadgen.open_loop.IN_FLIGHT_MAX", 20)
    wallets, books = Wallets(), Books(COMPANIES, AMOUNT_MICROS)
    async with asyncio.TaskGroup() as group:
        group.create_task(stall(wallets, 0.3))
        measured = await run_open(wallets, books, seconds=0.8)
    assert set(measured.tally.errors) == {"NOT_SENT"}
    assert wallets.running_max <= 20
    assert sum(books.unclear) == 0


async def test_the_ticker_keeps_time_below_a_millisecond() -> None:
    ticks: list[float] = []
    ticker = Ticker(0.0005, lambda: ticks.append(time.monotonic()))
    ticker.start()
    await asyncio.sleep(0.3)
    ticker.stop()
    ticker.stop()
    count = len(ticks)
    await asyncio.sleep(0.01)
    assert len(ticks) == count <= 610
    # Late ticks are not made up for, and a busy machine is late.
    assert count > 150
