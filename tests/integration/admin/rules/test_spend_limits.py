"""Spend limits: exact, by window, under concurrency, and by the counters of the ledger."""

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
    SMS,
    authorize,
    capture,
    charge,
    fresh,
    increment,
    make_company,
    make_due,
    refund,
    top_up,
    void,
)
from tests.support.engine_steps import crash_after_redis, settled
from tests.support.wallets import Wallets
from wallet.domain.attempts import Question, Verdict
from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.domain.errors import (
    CompanyClosed,
    CompanyNotFound,
    InsufficientFunds,
    RefundExceedsCharge,
    SpendLimitAlreadyExists,
    SpendLimitNotFound,
    SpendLimitReached,
    TooManySpendLimits,
)
from wallet.domain.limits import HOUR_US, LIMITS_PER_COMPANY_MAX, SpendLimit, Window, window_end, window_start
from wallet.domain.usage import Channel, Usage
from wallet.expiry import expire
from wallet.hot.store import START, Batch
from wallet.ledger.append import Appender
from wallet.recovery import Recovery
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("clean_afterwards")

DAY = SpendLimit("acme", "daily", Window.DAY, 1000)
VOICE_US = Usage(Channel.VOICE, country="US")
SMS_US = Usage(Channel.SMS, country="US")


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> None:
    """A company with a large balance."""
    await make_company(database)
    await wallets.engine.submit(top_up(1_000_000))


async def spent(wallets: Wallets, limit: str = "daily") -> int:
    """Return the spend of a limit in its current window."""
    return (await wallets.spend_limits.get("acme", limit)).spent


async def assert_refused(wallets: Wallets, command: Command, *, limit: str = "daily", spent: int) -> SpendLimitReached:
    with pytest.raises(SpendLimitReached) as caught:
        await wallets.engine.submit(command)
    assert (caught.value.limit.id, caught.value.spent) == (limit, spent)
    return caught.value


@pytest.mark.parametrize("redis_server", ["valkey", "redis"], indirect=True)
@pytest.mark.usefixtures("acme")
async def test_a_limit_is_exact_and_has_a_reset_time(wallets: Wallets) -> None:
    state = await wallets.spend_limits.create(DAY)
    assert state.resets_at == window_end(Window.DAY, state.limit.counts_from)
    await wallets.engine.submit(charge(1000))
    error = await assert_refused(wallets, charge(1), spent=1000)
    assert (error.limit, error.required, error.resets_at) == (state.limit, 1, state.resets_at)
    assert await spent(wallets) == 1000


@pytest.mark.usefixtures("acme")
async def test_earlier_spend_in_the_window_counts(wallets: Wallets) -> None:
    await wallets.engine.submit(charge(300))
    await wallets.engine.submit(authorize(200, "call-1"))
    await wallets.engine.submit(charge(50, usage=VOICE_US))
    await wallets.engine.submit(capture(150, "call-1"))
    await wallets.spend_limits.create(DAY)
    await wallets.spend_limits.create(SpendLimit("acme", "us", Window.HOUR, 50, country="US"))
    assert await spent(wallets) == 500
    assert await spent(wallets, "us") == 50
    await assert_refused(wallets, charge(1, usage=SMS_US), limit="us", spent=50)
    await assert_refused(wallets, charge(501), spent=500)
    await wallets.engine.submit(charge(500))


@pytest.mark.usefixtures("acme")
async def test_a_limit_counts_only_its_channel_and_country(wallets: Wallets) -> None:
    await wallets.spend_limits.create(SpendLimit("acme", "sms", Window.MONTH, 100, channel=Channel.SMS))
    await wallets.spend_limits.create(SpendLimit("acme", "us", Window.MONTH, 100, country="US"))
    await wallets.engine.submit(charge(100, usage=Usage(Channel.VOICE, country="DE")))
    await wallets.engine.submit(charge(60, usage=SMS))
    await wallets.engine.submit(charge(40, usage=SMS_US))
    await assert_refused(wallets, charge(1), limit="sms", spent=100)
    await wallets.engine.submit(authorize(60, "call", usage=VOICE_US))
    await assert_refused(wallets, charge(1, usage=VOICE_US), limit="us", spent=100)


@pytest.mark.usefixtures("acme")
async def test_an_authorization_counts_its_hold_then_its_capture(wallets: Wallets) -> None:
    await wallets.spend_limits.create(DAY)
    await wallets.engine.submit(authorize(600, "a"))
    await wallets.engine.submit(authorize(400, "b"))
    await assert_refused(wallets, charge(1), spent=1000)
    await assert_refused(wallets, increment(601, "a"), spent=1000)
    await wallets.engine.submit(capture(100, "a"))
    assert await spent(wallets) == 500
    await wallets.engine.submit(void("b"))
    assert await spent(wallets) == 100
    await wallets.engine.submit(charge(900))
    await assert_refused(wallets, authorize(1, "c"), spent=1000)


@pytest.mark.usefixtures("acme")
async def test_increments_and_larger_captures_count(wallets: Wallets) -> None:
    await wallets.spend_limits.create(DAY)
    await wallets.engine.submit(authorize(100, "a"))
    await wallets.engine.submit(increment(300, "a"))
    assert await spent(wallets) == 300
    await wallets.engine.submit(capture(250, "a", keep_open=True))
    assert await spent(wallets) == 300
    await assert_refused(wallets, capture(751, "a"), spent=300)
    await wallets.engine.submit(capture(750, "a"))
    assert await spent(wallets) == 1000


@pytest.mark.usefixtures("acme")
async def test_an_expiry_frees_and_a_late_capture_counts(wallets: Wallets, database: asyncpg.Connection) -> None:
    await wallets.spend_limits.create(DAY)
    await wallets.engine.submit(authorize(900, "a", usage=SMS))
    await make_due(database, "a")
    await wallets.engine.submit(expire("acme", "a"))
    assert await spent(wallets) == 0
    await wallets.engine.submit(charge(500))
    await assert_refused(wallets, capture(501, "a"), spent=500)
    await wallets.engine.submit(capture(500, "a"))
    assert await spent(wallets) == 1000


@pytest.mark.usefixtures("acme")
async def test_a_late_capture_counts_by_its_authorizations_usage(
    wallets: Wallets, database: asyncpg.Connection
) -> None:
    await wallets.spend_limits.create(SpendLimit("acme", "us", Window.DAY, 100, country="US"))
    await wallets.engine.submit(authorize(100, "a", usage=VOICE_US))
    await make_due(database, "a")
    await wallets.engine.submit(expire("acme", "a"))
    await assert_refused(wallets, capture(101, "a"), limit="us", spent=0)
    captured = await wallets.engine.submit(capture(100, "a"))
    assert captured.entry.usage == VOICE_US
    assert await spent(wallets, "us") == 100


@pytest.mark.usefixtures("acme")
async def test_an_earlier_hold_counts_in_the_first_window(wallets: Wallets, database: asyncpg.Connection) -> None:
    await wallets.engine.submit(authorize(400, "old", usage=SMS))
    await wallets.engine.submit(authorize(100, "other", usage=SMS_US))
    await settled(wallets)
    await _a_day_passes(database)
    await wallets.spend_limits.create(DAY)
    await wallets.spend_limits.create(SpendLimit("acme", "us", Window.DAY, 150, country="US"))
    assert (await spent(wallets), await spent(wallets, "us")) == (500, 100)
    await assert_refused(wallets, capture(901, "old"), spent=500)
    await assert_refused(wallets, increment(151, "other"), limit="us", spent=100)
    await wallets.engine.submit(capture(50, "old", keep_open=True))
    await wallets.engine.submit(void("old"))
    assert await spent(wallets) == 150
    await wallets.engine.submit(capture(150, "other"))
    assert (await spent(wallets), await spent(wallets, "us")) == (200, 150)


@pytest.mark.usefixtures("acme")
async def test_a_limit_of_an_old_window_has_no_retry_time(wallets: Wallets, database: asyncpg.Connection) -> None:
    await wallets.spend_limits.create(DAY)
    await wallets.engine.submit(authorize(1000, "night"))
    await settled(wallets)
    await _a_day_passes(database)
    error = await assert_refused(wallets, increment(1001, "night"), spent=1000)
    assert error.resets_at == 0


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
    await _a_day_passes(database)
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
async def test_refunds_and_credits_do_not_change_a_counter(wallets: Wallets) -> None:
    await wallets.spend_limits.create(DAY)
    charged = await wallets.engine.submit(charge(1000))
    await wallets.engine.submit(refund(1000, charged.entry.number))
    await wallets.engine.submit(top_up(5))
    await assert_refused(wallets, charge(1), spent=1000)


@pytest.mark.usefixtures("acme")
async def test_a_retry_gets_its_outcome_beyond_the_limit(wallets: Wallets) -> None:
    await wallets.spend_limits.create(DAY)
    command = charge(1000)
    first = await wallets.engine.submit(command)
    await wallets.spend_limits.set_amount("acme", "daily", 10)
    assert (await wallets.engine.submit(command)).entry == first.entry


@pytest.mark.usefixtures("acme")
async def test_a_changed_or_deleted_limit_takes_effect_at_once(wallets: Wallets) -> None:
    await wallets.spend_limits.create(DAY)
    await wallets.engine.submit(charge(1000))
    await assert_refused(wallets, charge(1), spent=1000)
    await wallets.spend_limits.set_amount("acme", "daily", 1001)
    await wallets.engine.submit(charge(1))
    await assert_refused(wallets, charge(1), spent=1001)
    await wallets.spend_limits.delete("acme", "daily")
    await wallets.engine.submit(charge(5000))
    with pytest.raises(SpendLimitNotFound):
        await wallets.spend_limits.get("acme", "daily")


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


@pytest.mark.usefixtures("acme")
async def test_each_window_has_its_own_counter(wallets: Wallets, database: asyncpg.Connection) -> None:
    """Spend of yesterday, and a call of yesterday that is captured today, count for yesterday."""
    await wallets.spend_limits.create(DAY)
    await wallets.engine.submit(authorize(700, "night-call"))
    await wallets.engine.submit(charge(300))
    await settled(wallets)
    await _a_day_passes(database)
    await wallets.engine.submit(charge(1000))
    await assert_refused(wallets, charge(1), spent=1000)
    await assert_refused(wallets, increment(701, "night-call"), spent=1000)
    await wallets.engine.submit(capture(600, "night-call"))
    assert await spent(wallets) == 1000
    assert await database.fetchval("SELECT min(spent) FROM spend_counters") == 900


async def _a_day_passes(database: asyncpg.Connection) -> None:
    """Move all entries back by a day."""
    day = 86_400_000_000
    await database.execute("UPDATE entries SET created_at = created_at - $1", day)
    await database.execute("UPDATE authorizations SET created_at = created_at - $1", day)
    await database.execute("UPDATE spend_limits SET counts_from = counts_from - $1", day)
    await database.execute("UPDATE spend_counters SET starts_at = starts_at - $1", day)
    await database.execute("UPDATE wallets SET last_at = last_at - $1, epoch = epoch + 1, last_seq = 0", day)


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


@pytest.mark.usefixtures("acme")
async def test_the_limit_is_checked_before_the_floor(wallets: Wallets) -> None:
    await wallets.spend_limits.create(DAY)
    await assert_refused(wallets, charge(2_000_000), spent=0)
    await wallets.spend_limits.delete("acme", "daily")
    with pytest.raises(InsufficientFunds):
        await wallets.engine.submit(charge(2_000_000))


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


async def test_invalid_limits_are_refused(wallets: Wallets, database: asyncpg.Connection) -> None:
    with pytest.raises(CompanyNotFound):
        await wallets.spend_limits.create(DAY)
    with pytest.raises(CompanyNotFound):
        await wallets.spend_limits.list("acme")
    await make_company(database)
    await wallets.spend_limits.create(DAY)
    with pytest.raises(SpendLimitAlreadyExists):
        await wallets.spend_limits.create(DAY)
    for missing in (wallets.spend_limits.get("acme", "x"), wallets.spend_limits.delete("acme", "x")):
        with pytest.raises(SpendLimitNotFound):
            await missing
    for i in range(LIMITS_PER_COMPANY_MAX - 1):
        await wallets.spend_limits.create(SpendLimit("acme", f"l{i}", Window.HOUR, 1))
    with pytest.raises(TooManySpendLimits):
        await wallets.spend_limits.create(SpendLimit("acme", "more", Window.HOUR, 1))
    await wallets.companies.close("acme")
    with pytest.raises(CompanyClosed):
        await wallets.spend_limits.delete("acme", "daily")


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
