"""What a crashed process left in the journal is written, by whoever finds it."""

import asyncio
from typing import Any

import asyncpg
import pytest
import redis

from tests.builders import authorize, capture, charge, increment, top_up, void
from tests.conftest import OpenWallets
from tests.engine_steps import crash_after_redis, journaled, settled, sums_of
from wallet.domain.entries import Outcome
from wallet.ledger.append import Appender
from wallet.recovery import Recovery
from wallet.runtime import Wallets

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p3_recovery_writes_what_a_crashed_process_left(
    acme: Wallets, appender: Appender, database: asyncpg.Connection
) -> None:
    await acme.engine.submit(authorize(100, "open"))
    await settled(acme)
    left = [charge(100), authorize(200, "call"), increment(250, "call"), capture(50, "call", keep_open=True)]
    await crash_after_redis(acme, *left, void("open"))
    recovery = Recovery(acme.hot, appender)
    assert await recovery.run_once() == 0  # Too young: whoever made it may be writing it.
    assert await recovery.run_once(age_seconds_min=0) == 5
    assert not await journaled(acme)
    assert await sums_of(database) == (850, 200)
    peek = await acme.hot.peek("acme")
    assert (peek.warm, peek.balance, peek.held) == (True, 850, 200)
    assert [(await acme.engine.submit(request)).entry.number for request in left] == [3, 4, 5, 6]


async def test_p3_two_recoveries_and_the_retries_of_callers_at_once_write_each_entry_once(
    acme: Wallets, database_url: str, database: asyncpg.Connection, open_more: OpenWallets
) -> None:
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


async def test_p3_recovery_writes_what_is_left_though_redis_s_clock_was_put_back(
    acme: Wallets, appender: Appender, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    """The entries are from an hour that is still to come; nobody waits for it."""
    left = [charge(100), top_up(50)]
    await crash_after_redis(acme, *left)
    fields: Any = hot.hgetall("{w:0}:journal")
    assert len(fields) == 2
    for field, entry in fields.items():
        *change, applied_at, command = entry.split(b":", 5)
        later = str(int(applied_at) + 3_600_000_000).encode()
        hot.hset("{w:0}:journal", field, b":".join([*change, later, command]))
    assert await Recovery(acme.hot, appender).run_once() == 2
    assert not await journaled(acme)
    assert await sums_of(database) == (950, 0)
    assert [(await acme.engine.submit(request)).entry.number for request in [*left, charge(1)]] == [2, 3, 4]
