"""Any process writes what a crashed one left in the journal."""

import asyncio
from typing import Any

import asyncpg
import pytest
import redis

import wallet.runtime
from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    capture,
    charge,
    increment,
    top_up,
    void,
)
from tests.support.engine_steps import crash_after_redis, journaled, settled, sums_of
from tests.support.polling import until
from tests.support.tcp_proxy import Proxy, through
from tests.support.wallets import Wallets, open_wallets
from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.domain.errors import WalletUnavailable
from wallet.ledger.append import Appender
from wallet.recovery import Recovery
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p3_recovery_writes_what_a_crashed_process_left(
    acme: Wallets, appender: Appender, database: asyncpg.Connection
) -> None:
    await acme.engine.submit(authorize(100, "open"))
    await settled(acme)
    left = [charge(100), authorize(200, "call"), increment(250, "call"), capture(50, "call", keep_open=True)]
    await crash_after_redis(acme, *left, void("open"))
    recovery = Recovery(acme.hot, appender)
    assert await recovery.run_once() == 0  # Too young: the process that made it may be writing it.
    assert await recovery.run_once(age_seconds_min=0) == 5
    assert not await journaled(acme)
    assert await sums_of(database) == (850, 200)
    peek = await acme.hot.peek("acme")
    assert (peek.warm, peek.balance, peek.held) == (True, 850, 200)
    assert [(await acme.engine.submit(request)).entry.number for request in left] == [3, 4, 5, 6]


async def test_p3_concurrent_recoveries_and_retries_write_each_entry_once(
    acme: Wallets, database_url: str, database: asyncpg.Connection, open_more: OpenWallets
) -> None:
    """P3: two recoveries and the retries of callers run at once."""
    other = await open_more()
    left = [charge(10) for _ in range(50)]
    await crash_after_redis(acme, *left)
    appenders = [Appender(database_url) for _ in range(2)]
    try:
        results = await asyncio.gather(
            Recovery(acme.hot, appenders[0]).run_once(age_seconds_min=0),
            Recovery(other.hot, appenders[1]).run_once(age_seconds_min=0),
            *(each.engine.submit(request) for request in left for each in (acme, other)),
        )
    finally:
        for each in appenders:
            each.close()
    outcomes = [result for result in results if isinstance(result, Outcome)]
    assert len(outcomes) == 100
    assert len({outcome.entry.number for outcome in outcomes}) == 50
    assert await database.fetchval("SELECT balance FROM wallets") == 500


def put_back(hot: redis.Redis, micros: int) -> None:
    """Let Redis's clock have been put back since what is in the journal was taken; with less than 0, let time pass."""
    fields: Any = hot.hgetall("{w:0}:journal")
    for field, entry in fields.items():
        *change, applied_at, command = entry.split(b":", 5)
        later = str(int(applied_at) + micros).encode()
        hot.hset("{w:0}:journal", field, b":".join([*change, later, command]))


async def test_p3_recovery_writes_what_is_left_though_redis_s_clock_was_put_back(
    acme: Wallets, appender: Appender, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    """The entries are from a future hour; recovery does not wait for it."""
    left = [charge(100), top_up(50)]
    await crash_after_redis(acme, *left)
    put_back(hot, 3_600_000_000)
    assert await Recovery(acme.hot, appender).run_once() == 2
    assert not await journaled(acme)
    assert await sums_of(database) == (950, 0)
    assert [(await acme.engine.submit(request)).entry.number for request in [*left, charge(1)]] == [2, 3, 4]


async def left_for_an_hour(wallets: Wallets, hot: redis.Redis, request: Command) -> None:
    """Leave a top-up and a request that lives on it in the journal until the time of the request's record is up."""
    await crash_after_redis(wallets, top_up(500), request)
    hot.delete(wallets.hot.keys.record("acme", request.idempotency_key))
    put_back(hot, -3_600_000_000)


async def no_sweep(*_: object) -> None:
    """Sweep when the test is over."""


async def test_p5_the_journal_is_written_before_commands_at_the_start(
    acme: Wallets, hot: redis.Redis, settings: WalletSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither Redis's keys nor the ledger know the first try, and the wallet has not the money for a second one."""
    monkeypatch.setattr(wallet.runtime, "_sweep", no_sweep)
    request = charge(1_200)
    await left_for_an_hour(acme, hot, request)
    async with open_wallets(settings) as started:
        assert (await started.engine.submit(request)).entry.number == 3


async def test_p5_the_journal_is_written_before_commands_after_an_outage(
    acme: Wallets,
    hot: redis.Redis,
    postgres_proxy: Proxy,
    settings: WalletSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P5: a service that finds Postgres back writes what is left in the journal before it accepts commands."""
    monkeypatch.setattr(wallet.runtime, "_sweep", no_sweep)
    request = charge(1_200)
    url = through(settings.database_url, postgres_proxy)
    async with open_wallets(settings.model_copy(update={"database_url": url})) as cut_off:
        await postgres_proxy.shut()
        await until(lambda: not cut_off.healthy())
        await left_for_an_hour(acme, hot, request)
        await postgres_proxy.open()
        await until(cut_off.healthy)
        assert (await cut_off.engine.submit(request)).entry.number == 3


async def test_p3_postgres_is_back_although_redis_is_away(
    acme: Wallets,
    appender: Appender,
    hot: redis.Redis,
    postgres_proxy: Proxy,
    redis_proxy: Proxy,
    settings: WalletSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P3: although nothing can be recovered."""
    monkeypatch.setattr(wallet.runtime, "_sweep", no_sweep)
    urls = {
        "database_url": through(settings.database_url, postgres_proxy),
        "redis_url": through(settings.redis_url, redis_proxy),
    }
    async with open_wallets(settings.model_copy(update=urls)) as cut_off:
        await postgres_proxy.shut()
        await redis_proxy.shut()
        await until(lambda: not cut_off.healthy())
        await crash_after_redis(acme, charge(100))
        put_back(hot, -3_600_000_000)
        await postgres_proxy.open()
        await until(cut_off.healthy)
        with pytest.raises(WalletUnavailable):
            await cut_off.engine.submit(charge(1))
        await redis_proxy.open()
        assert (await cut_off.engine.submit(charge(1))).entry.amount == -1
    assert await Recovery(acme.hot, appender).run_once() == 1
