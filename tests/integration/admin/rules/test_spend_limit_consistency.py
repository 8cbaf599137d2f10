"""Spend limits under concurrency, crashes and lost counters: Redis and the ledger count the same."""

import asyncio
import time
from datetime import UTC, datetime
from importlib.resources import files
from typing import cast

import asyncpg
import pytest
import redis

from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    capture,
    charge,
    fresh,
    increment,
    make_company,
    refund,
    top_up,
    void,
)
from tests.support.engine_steps import crash_after_redis, settled
from tests.support.spend_limits import DAY, assert_refused, let_a_day_pass, spent
from tests.support.wallets import Wallets
from wallet.domain.attempts import Question, Verdict
from wallet.domain.entries import Outcome
from wallet.domain.errors import (
    RefundExceedsCharge,
    SpendLimitReached,
)
from wallet.domain.limits import HOUR_US, SpendLimit, Window, window_end, window_start
from wallet.domain.usage import Channel, Usage
from wallet.hot.store import START, Batch
from wallet.ledger.append import Appender
from wallet.recovery import Recovery
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("clean_afterwards")

VOICE_US = Usage(Channel.VOICE, country="US")
SMS_US = Usage(Channel.SMS, country="US")


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> None:
    """A company with a large balance."""
    await make_company(database)
    await wallets.engine.submit(top_up(1_000_000))


@pytest.mark.usefixtures("acme")
async def test_an_undone_attempt_is_subtracted_from_counters(
    wallets: Wallets, database: asyncpg.Connection, hot: redis.Redis
) -> None:
    await wallets.spend_limits.create(DAY)
    command = charge(10)
    first = await wallets.engine.submit(command)
    await settled(wallets)
    epoch = await database.fetchval("SELECT epoch FROM wallets")
    for _ in range(3):
        with pytest.raises(RefundExceedsCharge):
            await wallets.engine.submit(refund(11, first.entry.number))
        await settled(wallets)
        hot.delete("{w:0}:key:acme:" + command.idempotency_key)  # As after its hour.
        assert (await wallets.engine.submit(command)).entry == first.entry
        await settled(wallets)
    assert await database.fetchval("SELECT epoch FROM wallets") == epoch
    await assert_refused(wallets, charge(991), spent=10)
    await wallets.engine.submit(charge(990))


@pytest.mark.usefixtures("acme")
async def test_an_entry_at_the_end_of_an_hour_counts_as_in_the_ledger(
    wallets: Wallets, settings: WalletSettings, open_more: OpenWallets, hot: redis.Redis
) -> None:
    await wallets.spend_limits.create(SpendLimit("acme", "hourly", Window.HOUR, 1000))
    await wallets.engine.submit(charge(1))
    await settled(wallets)
    other = await open_more()
    await crash_after_redis(other, charge(100))
    next_hour = window_start(Window.HOUR, time.time_ns() // 1000) + HOUR_US
    hot.hset("{w:0}:wallet:acme", "at", next_hour + 1)
    await wallets.engine.submit(charge(10))
    appender = Appender(settings.database_url)
    assert await Recovery(other.hot, appender).run_once(age_seconds_min=0) >= 1
    appender.close()
    await settled(wallets)
    await assert_refused(wallets, charge(891), limit="hourly", spent=110)


@pytest.mark.usefixtures("acme")
async def test_many_holds_and_counters_are_loaded_together(wallets: Wallets, database: asyncpg.Connection) -> None:
    await wallets.spend_limits.create(SpendLimit("acme", "hourly", Window.HOUR, 900_000))
    await wallets.engine.submit_many([authorize(1, f"h{i}", ttl_seconds=86_400) for i in range(5000)])
    await settled(wallets)
    await database.execute(
        "INSERT INTO spend_counters SELECT 'acme', 'hourly', s.starts_at - g * 3600000000, 0 "
        "FROM spend_counters s, generate_series(1, 8760::bigint) g"
    )
    await wallets.companies.suspend("acme")
    await wallets.companies.resume("acme")
    started = time.perf_counter()
    await wallets.engine.submit(charge(1))
    assert time.perf_counter() - started < 2.0
    await database.execute("DELETE FROM spend_counters WHERE spent = 0")


@pytest.mark.usefixtures("acme")
async def test_a_dropped_counter_of_an_old_window_is_reloaded(
    wallets: Wallets, database: asyncpg.Connection, hot: redis.Redis
) -> None:
    await wallets.spend_limits.create(DAY)
    await wallets.engine.submit(authorize(900, "night"))
    await settled(wallets)
    await let_a_day_pass(database)
    await wallets.engine.submit(charge(7))
    await settled(wallets)
    wallet = "{w:0}:wallet:acme"
    old = min(field for field in cast("list[bytes]", hot.hkeys(wallet)) if field.startswith(b"spent"))
    assert hot.hdel(wallet, old) == 1
    answers = await wallets.engine.submit_many([charge(1), increment(1001, "night"), charge(1)])
    refused = [type(answer) for answer in answers if not isinstance(answer, Outcome)]
    assert refused == [SpendLimitReached]
    await wallets.engine.submit(capture(1000, "night"))
    assert await spent(wallets) == 9


@pytest.mark.usefixtures("acme")
async def test_a_decline_includes_entries_not_yet_in_the_ledger(
    wallets: Wallets,
) -> None:
    """The ledger still has a hold of 4, so that a total of 4 costs nothing there: it needs the earlier entry first."""
    await wallets.engine.submit(authorize(4, "a"))
    await wallets.spend_limits.create(SpendLimit("acme", "daily", Window.DAY, 3))
    await assert_refused(wallets, charge(1), spent=4)
    await settled(wallets)
    await crash_after_redis(wallets, increment(2, "a"))
    assert (await assert_refused(wallets, increment(4, "a"), spent=2)).required == 2


@pytest.mark.usefixtures("acme")
async def test_a_closed_hold_is_reported_before_the_limit(wallets: Wallets, settings: WalletSettings) -> None:
    """The state of the hold in Redis is outdated, and must not be judged by the current counter."""
    await wallets.spend_limits.create(SpendLimit("acme", "daily", Window.DAY, 50))
    await wallets.engine.submit(authorize(1, "a"))
    batch = Batch(commands=[(capture(100, "a"), START)])
    (proposal,) = await wallets.hot.apply(wallets.hot.keys.partition("acme"), batch)
    assert proposal.attempt is not None
    assert proposal.attempt.question is Question.SPEND
    await wallets.engine.submit(void("a"))
    appender = Appender(settings.database_url)
    (answer,) = await appender.append([proposal.attempt])
    appender.close()
    assert answer.verdict is Verdict.BEHIND


@pytest.mark.parametrize("redis_server", ["valkey", "redis"], indirect=True)
@pytest.mark.usefixtures("acme")
async def test_concurrent_clients_of_two_processes_never_exceed_it(wallets: Wallets, open_more: OpenWallets) -> None:
    await wallets.spend_limits.create(DAY)
    engines = [wallets.engine, (await open_more()).engine]

    refusals: list[SpendLimitReached] = []

    async def client(i: int) -> int:
        taken = 0
        for round_ in range(12):
            engine = engines[(i + round_) % 2]
            try:
                if round_ % 3 == 2:
                    hold = fresh("hold")
                    await engine.submit(authorize(7, hold))
                    await engine.submit(capture(3, hold) if i % 2 else void(hold))
                    taken += 3 if i % 2 else 0
                else:
                    await engine.submit(charge(5))
                    taken += 5
            except SpendLimitReached as error:
                refusals.append(error)
        return taken

    taken = sum(await asyncio.gather(*(client(i) for i in range(64))))
    assert 990 < taken <= 1000
    assert all(error.spent + error.required > error.limit.amount for error in refusals)
    assert await spent(wallets) == taken


@pytest.mark.usefixtures("acme")
async def test_a_crash_between_redis_and_the_ledger_counts_once(
    wallets: Wallets, open_more: OpenWallets, settings: WalletSettings
) -> None:
    await wallets.spend_limits.create(DAY)
    await wallets.engine.submit(charge(1))
    await settled(wallets)
    command = charge(599)
    await crash_after_redis(wallets, command)
    other = await open_more()
    appender = Appender(settings.database_url)
    assert await Recovery(other.hot, appender).run_once(age_seconds_min=0) == 1
    appender.close()
    await assert_refused(other, charge(401), spent=600)
    assert (await other.engine.submit(command)).entry.amount == -599
    assert await spent(other) == 600


@pytest.mark.usefixtures("acme")
async def test_counters_are_reloaded_after_a_flush(wallets: Wallets, hot: redis.Redis) -> None:
    await wallets.spend_limits.create(DAY)
    await wallets.engine.submit(authorize(400, "a"))
    await wallets.engine.submit(charge(600))
    await settled(wallets)
    for key in hot.scan_iter("{w:*"):
        hot.delete(key)
    await assert_refused(wallets, charge(1), spent=1000)
    await wallets.engine.submit(void("a"))
    await wallets.engine.submit(charge(400))


@pytest.mark.usefixtures("acme")
async def test_a_lost_counter_does_not_lift_the_limit(wallets: Wallets, hot: redis.Redis) -> None:
    await wallets.spend_limits.create(DAY)
    await wallets.engine.submit(charge(1000))
    await settled(wallets)
    wallet = "{w:0}:wallet:acme"
    counters = [field for field in cast("list[bytes]", hot.hkeys(wallet)) if field.startswith(b"spent")]
    assert hot.hdel(wallet, *counters) == 1
    await assert_refused(wallets, charge(1), spent=1000)


async def test_a_limit_created_during_charges_misses_none(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    await wallets.engine.submit(top_up(1_000_000))
    stop = asyncio.Event()

    async def pour() -> int:
        taken = 0
        while not stop.is_set():
            results = await wallets.engine.submit_many([charge(1) for _ in range(10)])
            taken += sum(isinstance(result, Outcome) for result in results)
        return taken

    pouring = [asyncio.create_task(pour()) for _ in range(4)]
    for i in range(10):
        await wallets.spend_limits.create(SpendLimit("acme", f"l{i}", Window.DAY, 900_000))
    stop.set()
    taken = sum(await asyncio.gather(*pouring))
    assert {state.spent for state in await wallets.spend_limits.list("acme")} == {taken}


@pytest.mark.parametrize(
    "at",
    [
        datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2024, 3, 1, tzinfo=UTC),
        datetime(2025, 2, 28, 12, tzinfo=UTC),
        datetime(2026, 11, 25, 1, 2, 3, tzinfo=UTC),
        datetime(2100, 12, 31, 23, tzinfo=UTC),
        datetime(2000, 1, 1, tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("window", list(Window))
async def test_python_postgres_and_redis_agree_on_windows(
    at: datetime, window: Window, database: asyncpg.Connection, hot: redis.Redis
) -> None:
    micros = int(at.timestamp()) * 1_000_000 + at.microsecond
    expected = window_start(window, micros)
    assert await database.fetchval("SELECT window_start($1::smallint, $2)", window, micros) == expected
    rules = (files("wallet.hot") / "scripts" / "includes" / "rules.lua").read_text()
    script = f"{rules}\nreturn string.format('%.0f', window_start(ARGV[1], tonumber(ARGV[2])))"
    assert int(hot.eval(script, 0, str(window.value), str(micros))) == expected
    assert expected <= micros < window_end(window, expected)
