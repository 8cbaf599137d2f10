"""Kill, pause, flush and replace every part under load, and find nothing lost, doubled or overdrawn.

Nothing is restarted by hand but what was killed: the service finds its way back alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import psutil
import pytest
import redis

from devstack import Stack
from tests.support.traffic import Gateways, assert_books_match

COMPANIES = [f"company-{number}" for number in range(8)]
BEFORE_SECONDS = 1.0
AFTER_SECONDS = 1.5
"""Traffic before the fault, and after the service is expected to have found its way back."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole service with two charging workers."""
    with Stack(tmp_path_factory.mktemp("stack"), workers=2) as running:
        yield running


def workers(stack: Stack) -> list[psutil.Process]:
    """Return charging's worker processes."""
    children: list[psutil.Process] = psutil.Process(stack.charging.pid).children()
    return children


async def kill_workers(stack: Stack) -> None:
    for _ in range(4):
        for worker in workers(stack)[:1]:
            worker.kill()
        await asyncio.sleep(1.0)


async def flush_redis(stack: Stack) -> None:
    for _ in range(3):
        with redis.Redis.from_url(stack.valkey.url) as client:
            client.flushall()
        await asyncio.sleep(0.5)


async def kill_redis(stack: Stack) -> None:
    stack.valkey.kill()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(stack.valkey.start)


async def replace_redis_by_an_old_copy(stack: Stack) -> None:
    with redis.Redis.from_url(stack.valkey.url) as client:
        client.save()
    await asyncio.sleep(1.5)
    stack.valkey.kill()
    await asyncio.to_thread(stack.valkey.start)
    with redis.Redis.from_url(stack.valkey.url) as client:
        assert client.dbsize(), "the copy was not loaded"


async def kill_postgres(stack: Stack) -> None:
    await asyncio.to_thread(stack.postgres.kill)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(stack.postgres.start)


async def pause_postgres(stack: Stack) -> None:
    stack.postgres.pause()
    await asyncio.sleep(4)
    stack.postgres.resume()


async def kill_redis_and_postgres(stack: Stack) -> None:
    stack.valkey.kill()
    await asyncio.to_thread(stack.postgres.kill)
    await asyncio.to_thread(stack.postgres.start)
    await asyncio.to_thread(stack.valkey.start)


FAULTS = [
    kill_workers,
    flush_redis,
    kill_redis,
    replace_redis_by_an_old_copy,
    kill_postgres,
    pause_postgres,
    kill_redis_and_postgres,
]


async def test_faults_leave_nothing_lost_doubled_or_overdrawn(stack: Stack) -> None:
    async with Gateways(stack) as gateways:
        for number, company in enumerate(COMPANIES):
            # Every other one runs dry now and then.
            await gateways.fund(company, 300_000 if number % 2 else 10**12, "first")
            if number % 4 == 0:
                await gateways.limit(company)
        for fault in FAULTS:
            await under(fault, stack, gateways)


async def under(fault: Callable[[Stack], Awaitable[None]], stack: Stack, gateways: Gateways) -> None:
    """Keep charging through a fault; then compare the books and verify the ledger."""
    name = fault.__name__
    before = len(gateways.books.acknowledged)
    stop = asyncio.Event()
    traffic = asyncio.create_task(gateways.run(name, COMPANIES, stop))
    try:
        await asyncio.sleep(BEFORE_SECONDS)
        await fault(stack)
        at_fault = len(gateways.books.acknowledged)
        async with asyncio.timeout(30):
            while len(gateways.books.acknowledged) < at_fault + 100:
                await asyncio.sleep(0.1)  # It finds its way back by itself.
        await asyncio.sleep(AFTER_SECONDS)
    finally:
        stop.set()
        await traffic
    books = gateways.books
    await assert_books_match(gateways, stack.database_url)
    verdict = await gateways.verified()
    assert verdict.ok, (name, list(verdict.problems)[:5])
    stack.check()
    print(
        f"{name}: {len(books.acknowledged) - before} acknowledged, {len(books.declined)} declined, "
        f"{books.indefinite} asked again, {verdict.transactions_checked} verified"
    )
    books.indefinite = 0
