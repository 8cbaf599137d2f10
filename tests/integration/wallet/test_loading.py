"""A wallet is loaded whole or not at all, and only by a few of the processes that find it cold."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import redis

import wallet.hot.store
import wallet.loading
from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    capture,
    change_settings,
    charge,
    make_due,
    top_up,
)
from tests.support.engine_steps import WAIT_SECONDS_MAX, crashing_in_a_load, definite, loads_counted, settled, sums_of
from tests.support.polling import until
from tests.support.wallets import Wallets
from wallet.domain.entries import Outcome
from wallet.domain.errors import AuthorizationClosed, WalletUnavailable
from wallet.expiry import Expiry
from wallet.hot.script import Script

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p3_32_engines_load_a_flushed_wallet_a_few_times_only(
    acme: Wallets, hot: redis.Redis, open_more: OpenWallets
) -> None:
    """P3: 32 engines that find one wallet flushed all make progress, with few loads."""
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


@pytest.fixture
async def three_holds(acme: Wallets, monkeypatch: pytest.MonkeyPatch) -> Wallets:
    """A wallet with three authorizations, whose load takes three calls."""
    monkeypatch.setattr(wallet.hot.store, "AUTHORIZATIONS_PER_LOAD_CALL", 1)
    for i in range(3):
        await acme.engine.submit(authorize(100, f"call-{i}"))
    await settled(acme)
    return acme


@pytest.mark.parametrize("calls", [0, 1, 2])
async def test_p3_a_crashed_load_is_repeated_by_the_next_command(
    three_holds: Wallets, database: asyncpg.Connection, calls: int
) -> None:
    """P3: a loader that crashes in the middle leaves a cold wallet, which the next command loads."""
    await change_settings(database, floor=-5)
    with crashing_in_a_load(three_holds, calls=calls), pytest.raises(WalletUnavailable):
        await three_holds.engine.submit(charge(1))
    assert (await three_holds.hot.peek("acme")).warm is (calls == 0)
    before = loads_counted()
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        outcome = await three_holds.engine.submit(capture(80, "call-1"))
    assert (outcome.entry.balance_after, outcome.entry.held_after) == (920, 200)
    assert loads_counted() - before == 1


async def test_p3_a_hold_loaded_without_its_wallet_is_not_used(
    three_holds: Wallets, database: asyncpg.Connection, hot: redis.Redis
) -> None:
    """A crashed loader left two of three holds, of an epoch that no wallet in Redis has."""
    hot.flushall()
    with crashing_in_a_load(three_holds, calls=2), pytest.raises(WalletUnavailable):
        await three_holds.engine.submit(charge(1))
    for i in range(3):
        outcome = await three_holds.engine.submit(capture(100, f"call-{i}"))
        assert outcome.entry.held_delta == -100
    assert await sums_of(database) == (700, 0)


@pytest.mark.parametrize("calls", [0, 1, 2])
async def test_p4_the_expiry_sweep_works_after_a_crashed_load(
    three_holds: Wallets, database: asyncpg.Connection, calls: int
) -> None:
    """P4: the sweep of expired holds works after a loader crashed in the middle."""
    await make_due(database, "call-1")
    with crashing_in_a_load(three_holds, calls=calls), pytest.raises(WalletUnavailable):
        await three_holds.engine.submit(charge(1))
    before = loads_counted()
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        assert await Expiry(three_holds.engine, three_holds.pool).run_once() == 1
    assert loads_counted() - before == 1
    assert await sums_of(database) == (1_000, 200)


@pytest.fixture
async def kept_load_lock(
    acme: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    """The lock of a load, in the hands of a machine that stands still."""
    monkeypatch.setattr(wallet.loading, "LOAD_LOCK_TRIES", 1)
    await database.execute("SELECT pg_advisory_lock($1, hashtext('acme'))", wallet.loading._LOAD_LOCK)
    yield
    await database.execute("SELECT pg_advisory_unlock_all()")


@pytest.mark.usefixtures("kept_load_lock")
async def test_p3_a_load_lock_that_is_not_given_back_is_not_waited_for(
    acme: Wallets, hot: redis.Redis, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    engines = [acme, *[await open_more() for _ in range(3)]]
    hot.flushall()
    assert (await acme.engine.submit(charge(1))).entry.balance_after == 999
    await settled(acme)
    hot.flushall()
    results = await asyncio.gather(*(definite(each, charge(1)) for each in engines for _ in range(4)))
    assert all(isinstance(result, Outcome) for result in results)
    assert await sums_of(database) == (1_000 - 17, 0)


@pytest.mark.usefixtures("kept_load_lock")
async def test_p4_a_delayed_load_writes_nothing_over_a_later_one(
    three_holds: Wallets, open_more: OpenWallets, monkeypatch: pytest.MonkeyPatch, hot: redis.Redis
) -> None:
    """P4: a loader that was delayed in the middle writes nothing over a later load."""
    slow = await open_more()
    reached, go_on = asyncio.Event(), asyncio.Event()
    run = slow.hot._run

    async def run_or_wait(script: Script, keys: list[str], arguments: list[Any], *others: Any, **options: Any) -> Any:
        if script is slow.hot._load and not arguments[1]:  # Not the first call of a load.
            reached.set()
            await go_on.wait()
        return await run(script, keys, arguments, *others, **options)

    monkeypatch.setattr(slow.hot, "_run", run_or_wait)
    hot.flushall()
    before = loads_counted()
    waiting = asyncio.create_task(slow.engine.submit(charge(1)))
    await until(reached.is_set)
    await three_holds.rebuild("acme")
    await three_holds.engine.submit(capture(100, "call-2"))
    go_on.set()
    assert (await waiting).entry.balance_after == 899
    assert (await slow.engine.submit(capture(100, "call-1"))).entry.held_after == 100
    with pytest.raises(AuthorizationClosed):
        await slow.engine.submit(capture(1, "call-2"))
    assert loads_counted() - before == 2
