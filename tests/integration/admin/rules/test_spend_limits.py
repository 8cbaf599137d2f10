"""Spend limits: which entries count, in which window, and what a refusal says."""

import asyncpg
import pytest

from tests.support.builders import (
    SMS,
    authorize,
    capture,
    charge,
    increment,
    make_company,
    make_due,
    refund,
    top_up,
    void,
)
from tests.support.engine_steps import settled
from tests.support.spend_limits import DAY, assert_refused, let_a_day_pass, spent
from tests.support.wallets import Wallets
from wallet.domain.errors import (
    CompanyClosed,
    CompanyNotFound,
    InsufficientFunds,
    SpendLimitAlreadyExists,
    SpendLimitNotFound,
    TooManySpendLimits,
)
from wallet.domain.limits import LIMITS_PER_COMPANY_MAX, SpendLimit, Window, window_end
from wallet.domain.usage import Channel, Usage
from wallet.expiry import expire

pytestmark = pytest.mark.usefixtures("clean_afterwards")

VOICE_US = Usage(Channel.VOICE, country="US")
SMS_US = Usage(Channel.SMS, country="US")


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> None:
    """A company with a large balance."""
    await make_company(database)
    await wallets.engine.submit(top_up(1_000_000))


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
    await let_a_day_pass(database)
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
    await let_a_day_pass(database)
    error = await assert_refused(wallets, increment(1001, "night"), spent=1000)
    assert error.resets_at == 0


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
async def test_each_window_has_its_own_counter(wallets: Wallets, database: asyncpg.Connection) -> None:
    """Spend of yesterday, and a call of yesterday that is captured today, count for yesterday."""
    await wallets.spend_limits.create(DAY)
    await wallets.engine.submit(authorize(700, "night-call"))
    await wallets.engine.submit(charge(300))
    await settled(wallets)
    await let_a_day_pass(database)
    await wallets.engine.submit(charge(1000))
    await assert_refused(wallets, charge(1), spent=1000)
    await assert_refused(wallets, increment(701, "night-call"), spent=1000)
    await wallets.engine.submit(capture(600, "night-call"))
    assert await spent(wallets) == 1000
    assert await database.fetchval("SELECT min(spent) FROM spend_counters") == 900


@pytest.mark.usefixtures("acme")
async def test_the_limit_is_checked_before_the_floor(wallets: Wallets) -> None:
    await wallets.spend_limits.create(DAY)
    await assert_refused(wallets, charge(2_000_000), spent=0)
    await wallets.spend_limits.delete("acme", "daily")
    with pytest.raises(InsufficientFunds):
        await wallets.engine.submit(charge(2_000_000))


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
