"""Kill, pause, flush and replace every part under load, and find nothing lost, doubled or overdrawn.

Nothing is restarted by hand but what was killed: the service finds its way back alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import psutil
import pytest
import redis

from devstack import Server, Stack
from tests.support.fronts import ON_BOTH_FRONTS, Fronts
from tests.support.polling import until
from tests.support.traffic import Gateways, assert_books_match

WORKERS = 2
COMPANIES = 8
"""Of each fault: its books are its own."""
ACKNOWLEDGED = 500
"""So many charges of traffic before the fault, and when the service has found its way back."""
INDEFINITE = 24
"""So many answers that a gateway has to ask for again: each of them has noticed the fault, on average."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole service with two charging workers."""
    with Stack(tmp_path_factory.mktemp("stack"), workers=WORKERS) as running:
        yield running


@pytest.fixture(scope="module")
def fronts(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronts]:
    """The gateways' servers."""
    with Fronts(stack, tmp_path_factory.mktemp("front"), workers=WORKERS) as servers:
        yield servers


def workers(charging: Server) -> list[psutil.Process]:
    """Return charging's worker processes."""
    children: list[psutil.Process] = psutil.Process(charging.pid).children()
    return children


async def acknowledged(gateways: Gateways, more: int = ACKNOWLEDGED) -> None:
    """Wait for so many acknowledged charges more."""
    enough = len(gateways.books.acknowledged) + more
    await until(lambda: len(gateways.books.acknowledged) >= enough)


async def noticed(gateways: Gateways) -> None:
    """Wait until the fault has cost so many definite answers."""
    enough = gateways.books.indefinite + INDEFINITE
    await until(lambda: gateways.books.indefinite >= enough)


async def kill_worker(charging: Server) -> None:
    killed = workers(charging)[0]
    killed.kill()
    await until(lambda: len(alive := workers(charging)) == WORKERS and killed not in alive)


async def kill_workers(_stack: Stack, gateways: Gateways) -> None:
    for _ in range(4):
        await kill_worker(gateways.charging)
        await acknowledged(gateways)


async def flush_redis(stack: Stack, gateways: Gateways) -> None:
    for _ in range(3):
        with redis.Redis.from_url(stack.valkey.url) as client:
            client.flushall()
        await acknowledged(gateways)


async def kill_redis(stack: Stack, gateways: Gateways) -> None:
    stack.valkey.kill()
    await noticed(gateways)
    await asyncio.to_thread(stack.valkey.start)


async def replace_redis_by_an_old_copy(stack: Stack, gateways: Gateways) -> None:
    with redis.Redis.from_url(stack.valkey.url) as client:
        client.save()
    await acknowledged(gateways)
    stack.valkey.kill()
    await asyncio.to_thread(stack.valkey.start)
    with redis.Redis.from_url(stack.valkey.url) as client:
        assert client.dbsize(), "the copy was not loaded"


async def kill_postgres(stack: Stack, gateways: Gateways) -> None:
    await asyncio.to_thread(stack.postgres.kill)
    await noticed(gateways)
    await asyncio.to_thread(stack.postgres.start)


async def pause_postgres(stack: Stack, gateways: Gateways) -> None:
    stack.postgres.pause()
    try:
        await noticed(gateways)
    finally:
        stack.postgres.resume()


async def kill_redis_and_postgres(stack: Stack, _gateways: Gateways) -> None:
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


@ON_BOTH_FRONTS
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.__name__ for fault in FAULTS])
async def test_a_fault_leaves_nothing_lost_doubled_or_overdrawn(
    fault: Callable[[Stack, Gateways], Awaitable[None]], stack: Stack, fronts: Fronts, front: str
) -> None:
    """Keep charging through a fault; then compare the books and verify the whole ledger."""
    charging = fronts.server(front)
    companies = [f"{front}-{fault.__name__.replace('_', '-')}-{number}" for number in range(COMPANIES)]
    async with Gateways(stack, charging) as gateways:
        for number, company in enumerate(companies):
            # Every other one runs dry now and then.
            await gateways.fund(company, 100_000 if number % 2 else 10**12, "first")
            if number % 4 == 0:
                await gateways.limit(company)
        stop = asyncio.Event()
        traffic = asyncio.create_task(gateways.run(fault.__name__, companies, stop))
        try:
            await acknowledged(gateways)
            await fault(stack, gateways)
            await acknowledged(gateways)  # It finds its way back by itself.
        finally:
            stop.set()
            await traffic
        await assert_books_match(gateways, stack.database_url, companies)
        verdict = await gateways.verified()
    assert verdict.ok, list(verdict.problems)[:5]
    stack.check()
    assert charging.child.is_running
    books = gateways.books
    print(
        f"{len(books.acknowledged)} acknowledged, {len(books.declined)} declined, "
        f"{books.indefinite} asked again, {verdict.transactions_checked} verified"
    )
