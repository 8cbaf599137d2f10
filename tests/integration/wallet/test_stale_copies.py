"""A stale replica of Redis takes over, and nothing is lost or spent twice."""

import asyncpg
import pytest
import redis

from tests.support.builders import (
    authorize,
    capture,
    charge,
    increment,
    top_up,
    void,
)
from tests.support.engine_steps import crash_after_redis, entries_of, settled
from tests.support.redis_copies import Copy
from tests.support.wallets import Wallets
from wallet.domain.errors import AuthorizationClosed, InsufficientFunds
from wallet.ledger.append import Appender
from wallet.recovery import Recovery
from wallet.verification.problems import Check

pytestmark = pytest.mark.usefixtures("clean_afterwards")


@pytest.mark.parametrize("other_run", [True, False])
async def test_p1_p4_a_voided_authorization_cannot_be_captured_from_a_stale_copy(
    acme: Wallets, hot: redis.Redis, other_run: bool
) -> None:
    await acme.engine.submit(authorize(600, "call"))
    await settled(acme)
    stale = Copy(hot)
    await acme.engine.submit(void("call"))
    await acme.engine.submit(charge(900))
    await settled(acme)
    stale.restore(other_run=other_run)
    with pytest.raises(AuthorizationClosed):
        await acme.engine.submit(capture(600, "call"))


async def test_p1_p4_a_stale_copy_cannot_capture_an_empty_voided_hold(acme: Wallets, hot: redis.Redis) -> None:
    """Nothing is left to release, so no sum shows that it is closed: only its state does."""
    await acme.engine.submit(authorize(600, "call"))
    await acme.engine.submit(capture(600, "call", keep_open=True))
    await settled(acme)
    stale = Copy(hot)
    await acme.engine.submit(void("call"))
    await settled(acme)
    stale.restore(other_run=False)
    with pytest.raises(AuthorizationClosed):
        await acme.engine.submit(capture(50, "call"))


async def test_p4_an_increment_is_not_computed_from_a_stale_hold(acme: Wallets, hot: redis.Redis) -> None:
    """P4: an increment to a total is not computed from a stale copy's hold."""
    await acme.engine.submit(authorize(100, "call"))
    await settled(acme)
    stale = Copy(hot)
    await acme.engine.submit(increment(300, "call"))
    await settled(acme)
    stale.restore(other_run=True)
    outcome = await acme.engine.submit(increment(200, "call"))
    assert (outcome.entry.held_delta, outcome.entry.held_after) == (-100, 200)


@pytest.mark.parametrize("other_run", [True, False])
async def test_p5_a_decline_of_a_redis_without_a_top_up_is_not_final(
    acme: Wallets, hot: redis.Redis, other_run: bool
) -> None:
    stale = Copy(hot)
    await acme.engine.submit(top_up(500))
    await settled(acme)
    stale.restore(other_run=other_run)
    assert (await acme.engine.submit(charge(1_500))).entry.balance_after == 0


async def test_p5_a_decline_of_a_stale_copy_ahead_of_the_ledger_is_not_final(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    """The copy misses a top-up, and charges since have moved its seq beyond the last one that the ledger knows.

    No server has both its run id and older data. Were there one, attempts would bear names that were used before;
    VerifyLedger sees that, and nothing else is wrong.
    """
    stale = Copy(hot)
    await acme.engine.submit(top_up(500))
    await settled(acme)
    stale.restore(other_run=False)
    for _ in range(4):
        await acme.engine.submit(charge(100))
    assert (await acme.engine.submit(charge(1_100))).entry.balance_after == 0
    await settled(acme)
    problems = (await acme.verify()).problems
    assert {(problem.company, problem.check) for problem in problems} == {("acme", Check.ONCE)}
    await acme.rebuild("acme")
    await database.execute("UPDATE entries SET seq = seq + 100 WHERE number > 2")


@pytest.mark.parametrize("other_run", [True, False])
async def test_p1_a_stale_copy_does_not_spend_money_twice(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection, other_run: bool
) -> None:
    """P1: a stale copy that misses a charge does not spend its money again."""
    stale = Copy(hot)
    await acme.engine.submit(charge(1_000))
    await settled(acme)
    stale.restore(other_run=other_run)
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(charge(1))
    assert await database.fetchval("SELECT balance FROM wallets") == 0


@pytest.mark.parametrize("other_run", [True, False])
async def test_p2_a_key_unknown_to_a_stale_copy_returns_its_entry(
    acme: Wallets, hot: redis.Redis, other_run: bool
) -> None:
    """P2: a key that a stale copy does not know is answered with its entry."""
    stale = Copy(hot)
    request = charge(400)
    first = await acme.engine.submit(request)
    await settled(acme)
    stale.restore(other_run=other_run)
    assert (await acme.engine.submit(request)).entry == first.entry
    assert (await acme.engine.submit(charge(600))).entry.balance_after == 0


async def test_p2_a_stale_journal_is_not_written_twice(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection, appender: Appender
) -> None:
    request = charge(400)
    await crash_after_redis(acme, request)
    stale = Copy(hot)
    first = await acme.engine.submit(request)
    await settled(acme)
    stale.restore(other_run=False)
    assert await Recovery(acme.hot, appender).run_once(age_seconds_min=0) == 1
    assert (await acme.engine.submit(request)).entry == first.entry
    assert len(await entries_of(database)) == 2
