"""Attempts that Redis applied reach the ledger in any order, and more than once."""

import asyncio
import random

import asyncpg
import pytest
import redis

from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    capture,
    charge,
    increment,
    make_company,
    top_up,
)
from tests.support.engine_steps import crash_after_redis, definite, entries_of, hold_of, settled
from tests.support.polling import until
from tests.support.wallets import Wallets
from wallet.domain.attempts import Verdict
from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.hot.store import Batch
from wallet.ledger.append import Appender
from wallet.recovery import Recovery

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p4_appends_that_overlap_in_keys_and_companies_wait_for_each_other(
    wallets: Wallets, database: asyncpg.Connection, database_url: str
) -> None:
    """P4: two appends that overlap in keys and companies wait for each other, and both are right."""
    companies = ["a", "b", "c", "d"]
    for company in companies:
        await make_company(database, company)
        await wallets.engine.submit(top_up(1_000, company=company))
    await settled(wallets)
    attempts = await crash_after_redis(wallets, *(charge(600, company=company) for company in companies))
    blocker = await asyncpg.connect(database_url)
    appenders = [Appender(database_url) for _ in range(2)]
    try:
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("SELECT 1 FROM wallets WHERE company_id IN ('b', 'c') FOR UPDATE")
        both = asyncio.gather(appenders[0].append(attempts), appenders[1].append(attempts[::-1]))

        async def both_wait() -> bool:
            waiting = await database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(waiting >= 2) or both.done()

        await until(both_wait)
        await transaction.rollback()
        forth, back = await both
    finally:
        await blocker.close()
        for each in appenders:
            each.close()
    for one, other in zip(forth, back[::-1], strict=True):
        assert {one.verdict, other.verdict} == {Verdict.WRITTEN, Verdict.ALREADY}
        written, already = (one, other) if one.verdict is Verdict.WRITTEN else (other, one)
        assert written.entry == already.entry
    assert await database.fetch("SELECT 1 FROM wallets WHERE balance <> 400") == []
    # The clean-ups of both, in any order.
    for attempt in attempts:
        await wallets.hot.apply(0, Batch(settled=[attempt, attempt]))


async def test_p2_two_attempts_of_one_key_in_two_appends_make_one_entry(
    acme: Wallets, database: asyncpg.Connection, database_url: str, hot: redis.Redis
) -> None:
    """One process has it from before a flush, the other one from after it: Redis knows of one attempt only."""
    request = charge(400)
    (first,) = await crash_after_redis(acme, request)
    hot.flushall()
    await acme.loader.load("acme")
    (second,) = await crash_after_redis(acme, request)
    appenders = [Appender(database_url) for _ in range(2)]
    try:
        (one,), (other,) = await asyncio.gather(appenders[0].append([first]), appenders[1].append([second]))
    finally:
        for each in appenders:
            each.close()
    assert (one.verdict, other.verdict) in {
        (Verdict.STALE, Verdict.WRITTEN),
        (Verdict.DUPLICATE, Verdict.WRITTEN),
    }
    assert (await acme.engine.submit(request)).entry == other.entry
    assert len(await entries_of(database)) == 2


async def test_p1_p5_a_charge_appended_before_its_top_up_waits(acme: Wallets, database: asyncpg.Connection) -> None:
    """Another process took the top-up in Redis and has not written it: the ledger must not see the charge first."""
    paying = top_up(500)
    await crash_after_redis(acme, paying)
    outcome = await acme.engine.submit(charge(1_500))
    assert (outcome.entry.number, outcome.entry.balance_after) == (3, 0)
    assert (await acme.engine.submit(paying)).entry.number == 2


async def test_p1_p5_a_capture_appended_before_its_authorization_waits_for_it(acme: Wallets) -> None:
    await crash_after_redis(acme, authorize(500, "call"), increment(700, "call"))
    outcome = await acme.engine.submit(capture(600, "call"))
    assert (outcome.entry.number, outcome.entry.balance_after, outcome.entry.held_after) == (4, 400, 0)


async def test_p3_an_answer_lost_on_the_way_from_postgres_is_found_again(
    acme: Wallets, appender: Appender, database: asyncpg.Connection
) -> None:
    """The commit came through and its answer did not: the retry names the entry."""
    request = charge(400)
    (attempt,) = await crash_after_redis(acme, request)
    (answer,) = await appender.append([attempt])
    assert answer.verdict is Verdict.WRITTEN
    assert (await acme.engine.submit(request)).entry == answer.entry
    assert len(await entries_of(database)) == 2


@pytest.mark.parametrize(
    ("first", "second", "between", "afterwards"),
    [
        (increment(50, "call"), capture(80, "call", keep_open=True), (130, 80, 50), (80, 80, 0)),
        (capture(120, "call", keep_open=True), increment(200, "call"), (180, 0, 180), (200, 120, 80)),
    ],
    ids=["a capture overtakes", "an increment overtakes"],
)
async def test_p4_a_total_holds_when_capture_and_increment_change_places(
    acme: Wallets,
    appender: Appender,
    database: asyncpg.Connection,
    first: Command,
    second: Command,
    between: tuple[int, int, int],
    afterwards: tuple[int, int, int],
) -> None:
    """Redis took `first` before `second`, by another process, which writes it after `second`."""
    await acme.engine.submit(authorize(100, "call"))
    await crash_after_redis(acme, first)
    answered = (await acme.engine.submit(second)).authorization
    assert answered is not None
    assert (answered.amount, answered.captured, answered.held) == between
    assert await hold_of(database, "call") == between
    assert await Recovery(acme.hot, appender).run_once(age_seconds_min=0) >= 1
    assert await hold_of(database, "call") == afterwards


async def test_p4_a_total_holds_when_4_engines_change_one_hold(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    """P4: an authorization's total is what is captured and held."""
    engines = [acme, *[await open_more() for _ in range(3)]]
    await acme.engine.submit(top_up(500_000))
    await acme.engine.submit(authorize(100, "call"))

    async def gateway(number: int) -> int:
        draw = random.Random(number)
        taken = 0
        for _ in range(40):
            if draw.random() < 0.5:
                request = increment(draw.randint(1, 20_000), "call")
            else:
                request = capture(draw.randint(1, 150), "call", keep_open=True)
                taken += request.amount
            assert isinstance(await definite(engines[number % 4], request), Outcome)
        return taken

    taken = sum(await asyncio.gather(*(gateway(number) for number in range(8))))
    amount, captured, held = await hold_of(database, "call")
    assert (amount, captured) == (captured + held, taken)
