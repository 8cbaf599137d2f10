"""A wallet is loaded whole or not at all, by few of those who find it cold."""

import asyncio

import asyncpg
import pytest
import redis

from tests.builders import charge, top_up
from tests.conftest import OpenWallets
from tests.engine_steps import WAIT_SECONDS_MAX, definite, loads_counted
from wallet.domain.entries import Outcome
from wallet.runtime import Wallets

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p3_32_engines_that_load_one_wallet_after_a_flush_all_make_progress_in_few_loads(
    acme: Wallets, hot: redis.Redis, open_more: OpenWallets
) -> None:
    engines = [await open_more() for _ in range(32)]
    before = loads_counted()
    for flush in range(3):
        hot.flushall()
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            results = await asyncio.gather(*(each.engine.submit(charge(1)) for each in engines))
        assert len({result.entry.number for result in results}) == 32
        assert loads_counted() <= before + 2 * (flush + 1)


async def test_p4_a_wallet_is_rebuilt_under_load_and_nothing_is_lost_or_doubled(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    await acme.engine.submit(top_up(999_000))
    engines = [acme, await open_more()]
    stop = asyncio.Event()

    async def rebuild() -> int:
        rebuilds = 0
        while not stop.is_set():
            await engines[rebuilds % 2].rebuild("acme")
            rebuilds += 1
        return rebuilds

    async def gateway(wallets: Wallets, name: str) -> None:
        for i in range(40):
            request = charge(10, key=f"{name}-{i}")
            outcome = await definite(wallets, request)
            assert isinstance(outcome, Outcome)
            assert outcome.entry.amount == -10

    rebuilding = asyncio.create_task(rebuild())
    await asyncio.gather(*(gateway(engines[i % 2], f"g{i}") for i in range(16)))
    stop.set()
    assert await rebuilding > 3
    assert await database.fetchval("SELECT balance FROM wallets") == 1_000_000 - 16 * 40 * 10
