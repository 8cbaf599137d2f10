"""The known traps of a two-store wallet, each set on real servers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import redis

import wallet.lane
import wallet.ledger.pool
from tests.builders import (
    adjustment,
    authorize,
    capture,
    change_settings,
    charge,
    command,
    increment,
    make_company,
    make_due,
    refund,
    top_up,
    void,
)
from tests.conftest import OpenWallets
from wallet.domain.attempts import Attempt, Verdict
from wallet.domain.commands import Command, Kind
from wallet.domain.entries import AuthorizationState, Outcome, WalletState
from wallet.domain.errors import (
    Applied,
    AuthorizationClosed,
    AuthorizationNotFound,
    BalanceLimitReached,
    CompanyNotFound,
    CompanySuspended,
    DeadlineExceeded,
    EntryQuarantined,
    IdempotencyKeyReused,
    InsufficientFunds,
    LedgerUnavailable,
    Overloaded,
    RefundExceedsCharge,
    TransactionNotFound,
    Unavailable,
    WalletError,
    WalletUnavailable,
)
from wallet.expiry import Expiry, expire
from wallet.hot.store import START, Batch, Chore, CleanUp
from wallet.ledger.append import Appender
from wallet.recovery import Recovery
from wallet.runtime import Wallets, open_wallets
from wallet.settings import WalletSettings
from wallet.verification import Check

pytestmark = pytest.mark.usefixtures("clean_afterwards")

POLL_SECONDS = 0.005
WAIT_SECONDS_MAX = 10.0


class Copy:
    """All that Redis holds at one moment, to be put back later: a replica that was behind takes over."""

    def __init__(self, hot: redis.Redis) -> None:
        """Take the copy now."""
        self._hot = hot
        self._values: dict[bytes, Any] = {key: hot.dump(key) for key in _keys(hot)}

    def restore(self, *, other_run: bool) -> None:
        """Put it back. With `other_run` as by a server that says it is another one, else worse: as if nothing was."""
        self._hot.flushall()
        for key, value in self._values.items():
            self._hot.restore(key, 0, value)
            if other_run and b":wallet:" in key:
                self._hot.hset(key, "run", "0123456789abcdef")


def _keys(hot: redis.Redis, pattern: str = "*") -> list[bytes]:
    keys: Any = hot.keys(pattern)
    return list(keys)


def forget_keys(hot: redis.Redis) -> None:
    """Let the time to live of every key be over."""
    for key in _keys(hot, "*:key:*"):
        assert hot.pttl(key) > 0
        hot.delete(key)


async def until(condition: Any) -> None:
    """Return when `condition()`, or what it awaits, is true."""
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS_MAX
    while True:
        value = condition()
        if await value if asyncio.iscoroutine(value) else value:
            return
        assert asyncio.get_running_loop().time() < deadline, "did not come true in time"
        await asyncio.sleep(POLL_SECONDS)


async def journaled(wallets: Wallets) -> list[Attempt]:
    """Return what is not settled."""
    return [attempt for journal in await wallets.hot.journals() for attempt in journal.attempts]


async def settled(wallets: Wallets) -> None:
    """Return when no journal has anything left."""

    async def empty() -> bool:
        return not await journaled(wallets)

    await until(empty)


async def crash_after_redis(wallets: Wallets, *commands: Command) -> list[Attempt]:
    """Do what a process does that dies between Redis and Postgres: the entries are in the journal and nowhere else."""
    attempts = []
    for each in commands:
        partition = wallets.hot.keys.partition(each.company)
        (proposal,) = await wallets.hot.apply(partition, Batch(commands=[(each, START)]))
        assert proposal.attempt is not None
        attempts.append(proposal.attempt)
    return attempts


async def entries_of(database: asyncpg.Connection, company: str = "acme") -> list[tuple[int, str, int]]:
    """Return number, key and amount of a company's entries."""
    rows = await database.fetch(
        "SELECT number, idempotency_key, amount FROM entries WHERE company_id = $1 ORDER BY number", company
    )
    return [(row["number"], row["idempotency_key"], row["amount"]) for row in rows]


async def sums_of(database: asyncpg.Connection) -> tuple[int, int]:
    """Return what the only wallet has and holds."""
    (row,) = await database.fetch("SELECT balance, held FROM wallets")
    return row["balance"], row["held"]


async def epoch_of(database: asyncpg.Connection, company: str = "acme") -> int:
    """Return the wallet's epoch in the ledger."""
    epoch: int = await database.fetchval("SELECT epoch FROM wallets WHERE company_id = $1", company)
    return epoch


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """A company with 1 000 micros, warm and at rest."""
    await make_company(database)
    await wallets.engine.submit(top_up(1_000))
    await settled(wallets)
    return wallets


@pytest.fixture
def appender(database_url: str) -> Any:
    """An appender of the test's own."""
    appender = Appender(database_url)
    yield appender
    appender.close()


# Stale copies of Redis


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


async def test_p1_p4_a_voided_authorization_that_held_nothing_any_more_cannot_be_captured_from_a_stale_copy(
    acme: Wallets, hot: redis.Redis
) -> None:
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


async def test_p4_an_increment_to_a_total_is_not_reckoned_from_a_stale_copys_hold(
    acme: Wallets, hot: redis.Redis
) -> None:
    await acme.engine.submit(authorize(100, "call"))
    await settled(acme)
    stale = Copy(hot)
    await acme.engine.submit(increment(300, "call"))
    await settled(acme)
    stale.restore(other_run=True)
    outcome = await acme.engine.submit(increment(200, "call"))
    assert (outcome.entry.held_delta, outcome.entry.held_after) == (-100, 200)


@pytest.mark.parametrize("other_run", [True, False])
async def test_p5_a_decline_of_a_redis_that_misses_a_top_up_is_not_believed(
    acme: Wallets, hot: redis.Redis, other_run: bool
) -> None:
    stale = Copy(hot)
    await acme.engine.submit(top_up(500))
    await settled(acme)
    stale.restore(other_run=other_run)
    assert (await acme.engine.submit(charge(1_500))).entry.balance_after == 0


async def test_p5_a_decline_is_not_believed_even_when_a_stale_copy_has_counted_past_the_ledger(
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
async def test_p1_a_stale_copy_that_misses_a_charge_does_not_spend_the_money_twice(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection, other_run: bool
) -> None:
    stale = Copy(hot)
    await acme.engine.submit(charge(1_000))
    await settled(acme)
    stale.restore(other_run=other_run)
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(charge(1))
    assert await database.fetchval("SELECT balance FROM wallets") == 0


@pytest.mark.parametrize("other_run", [True, False])
async def test_p2_a_key_that_a_stale_copy_does_not_know_is_answered_with_its_entry(
    acme: Wallets, hot: redis.Redis, other_run: bool
) -> None:
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


# Keys and attempts


async def test_p2_an_authorize_replayed_after_its_capture_and_its_keys_ttl_opens_nothing(
    acme: Wallets, hot: redis.Redis
) -> None:
    request = authorize(600, "call")
    first = await acme.engine.submit(request)
    await acme.engine.submit(capture(500, "call"))
    await settled(acme)
    forget_keys(hot)
    again = await acme.engine.submit(request)
    assert again.entry == first.entry
    assert again.authorization is not None
    assert again.authorization.state is AuthorizationState.CAPTURED
    assert (again.wallet.balance, again.wallet.held) == (500, 0)
    assert (await acme.engine.submit(charge(500))).entry.balance_after == 0


@pytest.mark.parametrize(
    "next_command", [capture(1, "call"), void("call"), increment(1, "call"), expire("acme", "call")]
)
async def test_p5_while_a_replayed_authorize_is_not_judged_yet_others_do_not_see_its_hold(
    acme: Wallets, hot: redis.Redis, next_command: Command
) -> None:
    """One process took the replay in Redis, and another one meets the hold that it opened there."""
    request = authorize(600, "call")
    await acme.engine.submit(request)
    await acme.engine.submit(capture(500, "call"))
    await settled(acme)
    forget_keys(hot)
    await crash_after_redis(acme, request)
    with pytest.raises(AuthorizationClosed):
        await acme.engine.submit(next_command)
    assert (await acme.engine.submit(request)).entry.number == 2


async def test_p2_an_authorize_replayed_while_it_is_open_and_its_key_forgotten_holds_once(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    request = authorize(600, "call")
    first = await acme.engine.submit(request)
    await settled(acme)
    forget_keys(hot)
    before = await epoch_of(database)
    again = await acme.engine.submit(request)
    assert (again.entry, again.wallet.held) == (first.entry, 600)
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(charge(401))
    await settled(acme)
    assert await epoch_of(database) == before
    with pytest.raises(IdempotencyKeyReused):
        await acme.engine.submit(authorize(700, "call"))


@pytest.mark.parametrize("action", [None, CleanUp.DISCARD, CleanUp.UNDO, CleanUp.DROP])
async def test_p2_a_clean_up_of_an_old_attempt_leaves_a_newer_attempt_of_the_key_alone(
    acme: Wallets, appender: Appender, database: asyncpg.Connection, action: CleanUp | None
) -> None:
    request = charge(400)
    (old,) = await crash_after_redis(acme, request)
    await change_settings(database, floor=-5)
    # The old attempt is stale now: its clean-up is on the way, late, while the key is applied once more.
    late = Batch(settled=[old])
    if action is not None:
        late = Batch(chores=[Chore(action, "acme", request.idempotency_key, old.name, old.amount, old.held_delta)])
    await acme.hot.apply(0, Batch(chores=[Chore(CleanUp.DISCARD, "acme", request.idempotency_key, old.name)]))
    await acme.loader.load("acme", rebuild=True)
    (new,) = await crash_after_redis(acme, request)
    before = await acme.hot.peek("acme")
    assert new.name != old.name
    await acme.hot.apply(0, late)
    after = await acme.hot.peek("acme")
    assert (after.warm, after.balance, after.position, after.journal) == (
        True,
        before.balance,
        before.position,
        before.journal,
    )
    assert await Recovery(acme.hot, appender).run_once(age_seconds_min=0) == 1
    assert await database.fetchval("SELECT balance FROM wallets") == 600


async def test_p2_a_charge_of_a_crashed_process_answers_its_retry_though_the_money_is_gone(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    request = charge(1_000)
    await crash_after_redis(acme, request)
    outcome = await acme.engine.submit(request)
    assert (outcome.entry.number, outcome.entry.balance_after) == (2, 0)
    assert len(await entries_of(database)) == 2


async def test_p2_a_retry_that_would_be_declined_gets_its_charge(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    """The first try took all the money and Redis forgot its key: what Redis declines, the ledger has recorded."""
    request = charge(1_000)
    first = await acme.engine.submit(request)
    await settled(acme)
    forget_keys(hot)
    assert (await acme.engine.submit(request)).entry == first.entry
    hot.flushall()
    assert (await acme.engine.submit(request)).entry == first.entry
    assert len(await entries_of(database)) == 2


async def test_p2_a_retry_of_a_capture_whose_hold_is_closed_gets_its_entry(acme: Wallets, hot: redis.Redis) -> None:
    requests = [authorize(500, "call"), increment(600, "call"), capture(550, "call")]
    first = [await acme.engine.submit(request) for request in requests]
    await settled(acme)
    forget_keys(hot)
    for request, outcome in zip(requests, first, strict=True):
        assert (await acme.engine.submit(request)).entry == outcome.entry
    hot.flushall()
    for request, outcome in zip(reversed(requests), reversed(first), strict=True):
        assert (await acme.engine.submit(request)).entry == outcome.entry


async def test_p2_a_key_retried_at_another_price_is_answered_with_the_first_price(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    """The rate changed between two tries of one request: its fingerprint is that of the request as it was sent."""
    request = charge(400, key="sms", fingerprint=b"as it is sent"[:12])
    dearer = charge(700, key="sms", fingerprint=b"as it is sent"[:12])
    first = await acme.engine.submit(request)
    assert (await acme.engine.submit(dearer)).entry == first.entry  # In the journal, or just settled.
    await settled(acme)
    assert (await acme.engine.submit(dearer)).entry == first.entry  # Known to Redis.
    forget_keys(hot)
    assert (await acme.engine.submit(dearer)).entry == first.entry  # Known to the ledger alone: a decline in Redis.
    await acme.engine.submit(top_up(5_000))
    await settled(acme)
    forget_keys(hot)
    assert (await acme.engine.submit(dearer)).entry == first.entry  # Redis takes it, the ledger does not.
    assert len(await entries_of(database)) == 3
    await settled(acme)
    assert (await acme.hot.peek("acme")).balance == 5_600


async def test_p2_a_reused_key_is_told_even_while_its_first_use_is_in_a_crashed_process_journal(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await crash_after_redis(acme, charge(400, key="sms"))
    with pytest.raises(IdempotencyKeyReused):
        await acme.engine.submit(charge(500, key="sms"))
    assert await entries_of(database) == [(1, (await entries_of(database))[0][1], 1_000), (2, "sms", -400)]


async def test_p5_a_key_whose_first_use_was_declined_by_the_ledger_is_free_for_another_request(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    """A request that Redis took and the ledger refuses has no claim on the key, even if nobody came back for it."""
    await crash_after_redis(acme, charge(800, key="sms"))
    await change_settings(database, floor=500)
    outcome = await acme.engine.submit(charge(300, key="sms"))
    assert (outcome.entry.number, outcome.entry.amount) == (2, -300)


async def test_p2_a_reused_key_is_told_when_only_the_ledger_remembers_it(acme: Wallets, hot: redis.Redis) -> None:
    await acme.engine.submit(charge(100, key="sms"))
    await settled(acme)
    with pytest.raises(IdempotencyKeyReused):
        await acme.engine.submit(charge(200, key="sms"))
    forget_keys(hot)
    with pytest.raises(IdempotencyKeyReused):
        await acme.engine.submit(charge(200, key="sms"))
    with pytest.raises(IdempotencyKeyReused):
        await acme.engine.submit(charge(2_000_000, key="sms"))
    assert (await acme.engine.submit(charge(900))).entry.balance_after == 0


async def test_p4_a_replay_after_the_keys_ttl_gives_its_change_back_in_redis(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    request = charge(400)
    first = await acme.engine.submit(request)
    await settled(acme)
    forget_keys(hot)
    before = await epoch_of(database)
    assert (await acme.engine.submit(request)).entry == first.entry
    await settled(acme)
    peek = await acme.hot.peek("acme")
    assert (peek.warm, peek.balance) == (True, 600)
    assert await epoch_of(database) == before


async def test_p2_answers_of_one_call_name_one_entry_when_it_sends_a_key_twice(acme: Wallets) -> None:
    request = charge(400)
    results = await acme.engine.submit_many([request, request, charge(500, key=request.idempotency_key), request])
    outcomes = [result for result in results if isinstance(result, Outcome)]
    assert [outcome.entry.number for outcome in outcomes] == [2, 2, 2]
    assert isinstance(results[2], IdempotencyKeyReused)


# Loading


async def test_p3_32_engines_that_load_one_wallet_after_a_flush_all_make_progress_in_few_epochs(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection, open_more: OpenWallets
) -> None:
    engines = [await open_more() for _ in range(32)]
    before = await epoch_of(database)
    for flush in range(3):
        hot.flushall()
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            results = await asyncio.gather(*(each.engine.submit(charge(1)) for each in engines))
        assert len({result.entry.number for result in results}) == 32
        assert await epoch_of(database) <= before + 2 * (flush + 1)


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


async def definite(wallets: Wallets, request: Command) -> Outcome | WalletError:
    """Retry as a gateway does, until the answer is definite."""
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS_MAX
    while True:
        (result,) = await wallets.engine.submit_many([request])
        if not isinstance(result, Unavailable):
            return result
        assert asyncio.get_running_loop().time() < deadline, repr(result)
        await asyncio.sleep(POLL_SECONDS)


async def test_p2_a_redis_ahead_of_the_ledger_is_unavailable_until_the_wallet_is_rebuilt(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    """Postgres was restored to the past, and the epoch that Redis has was never begun there."""
    for _ in range(2):
        await acme.rebuild("acme")
    await database.execute("UPDATE wallets SET epoch = 1")
    request = charge(400)
    for _ in range(2):
        with pytest.raises(WalletUnavailable) as raised:
            await acme.engine.submit(request)
        assert raised.value.applied is Applied.UNKNOWN
    with pytest.raises(WalletUnavailable):
        await acme.engine.submit(charge(100_000))
    await acme.rebuild("acme")
    assert (await acme.engine.submit(request)).entry.number == 2
    assert len(await entries_of(database)) == 2


async def test_p5_commands_of_one_call_keep_their_order_when_their_wallet_is_loaded_anew(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    """Redis took both from an old epoch, the ledger sends both back: the top-up must still come before its charge."""
    await change_settings(database, floor=0)
    commands = [charge(1_000), top_up(300), charge(300), top_up(200), charge(200)]
    results = await acme.engine.submit_many(commands)
    assert [result.entry.number for result in results if isinstance(result, Outcome)] == [2, 3, 4, 5, 6]


async def test_p5_commands_of_one_call_keep_their_order_when_redis_was_flushed(acme: Wallets, hot: redis.Redis) -> None:
    hot.flushall()
    commands = [charge(1_000), top_up(300), charge(300), top_up(200), charge(200)]
    results = await acme.engine.submit_many(commands)
    assert [result.entry.number for result in results if isinstance(result, Outcome)] == [2, 3, 4, 5, 6]


async def test_p5_a_decline_comes_through_while_another_process_charges_all_the_time(
    acme: Wallets, open_more: OpenWallets
) -> None:
    """The other process moves the ledger on between Redis's no and its confirmation, again and again."""
    await acme.engine.submit(top_up(1_000_000))
    others = [await open_more() for _ in range(3)]
    stop = asyncio.Event()

    async def gateway(wallets: Wallets) -> None:
        while not stop.is_set():
            await wallets.engine.submit(charge(1))

    busy = [asyncio.create_task(gateway(other)) for other in others for _ in range(8)]
    results = [(await acme.engine.submit_many([charge(5_000_000)]))[0] for _ in range(100)]
    stop.set()
    await asyncio.gather(*busy)
    assert [repr(result) for result in results if not isinstance(result, InsufficientFunds)] == []


# Order of appends


async def test_p4_two_appends_that_overlap_in_keys_and_companies_wait_for_each_other_and_both_are_right(
    wallets: Wallets, database: asyncpg.Connection, database_url: str
) -> None:
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


async def test_p1_p5_a_charge_appended_before_the_top_up_that_paid_for_it_waits_for_it(
    acme: Wallets, database: asyncpg.Connection
) -> None:
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


# Settings


async def test_p1_a_floor_raised_over_the_balance_lets_a_top_up_in_and_no_charge(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await change_settings(database, floor=5_000)
    with pytest.raises(InsufficientFunds) as raised:
        await acme.engine.submit(charge(1))
    assert (raised.value.available, raised.value.floor) == (-4_000, 5_000)
    assert (await acme.engine.submit(top_up(3_000))).entry.balance_after == 4_000
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(charge(1))
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(authorize(1, "call"))
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(adjustment(-1))
    assert (await acme.engine.submit(adjustment(-1, below_floor=True))).entry.balance_after == 3_999
    await acme.engine.submit(top_up(1_002))
    assert (await acme.engine.submit(charge(1))).entry.balance_after == 5_000
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(charge(1))


async def test_p1_a_floor_raised_while_a_charge_is_in_the_journal_binds_that_charge(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    request = charge(800)
    await crash_after_redis(acme, request)
    await change_settings(database, floor=500)
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(request)
    assert (await acme.engine.submit(charge(500))).entry.floor == 500


async def test_p1_a_suspended_company_captures_what_it_holds_and_takes_nothing_new(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await acme.engine.submit(authorize(600, "call"))
    await change_settings(database, state=WalletState.SUSPENDED)
    for refused in (charge(1), authorize(1, "other"), increment(700, "call")):
        with pytest.raises(CompanySuspended):
            await acme.engine.submit(refused)
    assert (await acme.engine.submit(capture(600, "call"))).entry.balance_after == 400
    await acme.engine.submit(top_up(100))
    await change_settings(database, state=WalletState.ACTIVE)
    assert (await acme.engine.submit(charge(500))).entry.balance_after == 0


# Data that Postgres refuses


POISON = [
    {"reference": "a\0b"},
    {"key": "a\0b"},
    {"ttl_seconds": 2**40},
]


@pytest.mark.parametrize("poison", POISON, ids=["NUL in a text", "NUL in a key", "integer out of range"])
async def test_p3_what_postgres_refuses_is_quarantined_and_the_rest_of_its_batch_is_written(
    acme: Wallets, database: asyncpg.Connection, poison: dict[str, Any]
) -> None:
    await make_company(database, "other")
    commands = [
        *(charge(10) for _ in range(7)),
        command(Kind.CHARGE, 10, **poison),
        *(top_up(10, company="other") for _ in range(5)),
    ]
    results = await acme.engine.submit_many(commands)
    assert [i for i, result in enumerate(results) if not isinstance(result, Outcome)] == [7]
    assert isinstance(results[7], EntryQuarantined)
    assert await database.fetchval("SELECT count(*) FROM quarantine") == 1
    await settled(acme)
    assert (await acme.hot.peek("acme")).balance == 930
    assert await database.fetchval("SELECT balance FROM wallets WHERE company_id = 'acme'") == 930
    assert await database.fetchval("SELECT balance FROM wallets WHERE company_id = 'other'") == 50


async def test_p4_a_hold_that_postgres_refuses_is_given_back(acme: Wallets, database: asyncpg.Connection) -> None:
    with pytest.raises(EntryQuarantined):
        await acme.engine.submit(authorize(1_000, "a\0b"))
    assert (await acme.engine.submit(charge(1_000))).entry.balance_after == 0
    assert await database.fetchval("SELECT count(*) FROM quarantine") == 1


async def test_p3_a_poisoned_journal_of_a_crashed_process_does_not_stop_recovery(
    acme: Wallets, database: asyncpg.Connection, appender: Appender
) -> None:
    await crash_after_redis(acme, charge(10), charge(10, reference="a\0b"), charge(10))
    assert await Recovery(acme.hot, appender).run_once(age_seconds_min=0) == 3
    assert await database.fetchval("SELECT balance FROM wallets") == 980
    assert (await acme.hot.peek("acme")).balance == 980


SURROGATE = "\ud800"


@pytest.mark.parametrize("poison", [{"reference": SURROGATE}, {"key": SURROGATE}], ids=["text", "key"])
async def test_p3_text_that_no_store_can_encode_harms_nobody_else_in_its_cycle(
    acme: Wallets, poison: dict[str, Any]
) -> None:
    """A lone surrogate is no Unicode text. The edge refuses it; should one come through, it is alone in failing."""
    bad = charge(10, fingerprint=b"surrogate...", **poison)
    results = await acme.engine.submit_many([charge(10), bad, charge(10)])
    assert [isinstance(result, Outcome) for result in results] == [True, False, True]
    assert isinstance(results[1], WalletError)
    assert (await acme.engine.submit(charge(980))).entry.balance_after == 0


async def test_bounds_amounts_at_the_limit_are_declined_not_lost(acme: Wallets) -> None:
    most = 9_000_000_000_000_000
    with pytest.raises(BalanceLimitReached):
        await acme.engine.submit(top_up(most))
    assert (await acme.engine.submit(top_up(most - 1_000))).entry.balance_after == most
    with pytest.raises(BalanceLimitReached):
        await acme.engine.submit(top_up(1))
    assert (await acme.engine.submit(authorize(most, "all"))).wallet.held == most
    assert (await acme.engine.submit(capture(most, "all"))).entry.balance_after == 0


# Postgres is slow or away


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of tenths of seconds where production has seconds."""
    monkeypatch.setattr(wallet.lane, "ASIDE_SECONDS", 0.05)
    monkeypatch.setattr(wallet.ledger.pool, "COMMAND_SECONDS_MAX", 1.0)


@pytest.mark.usefixtures("short_waits")
async def test_p3_a_row_lock_that_somebody_sits_on_puts_that_company_aside_and_no_other(
    acme: Wallets, database: asyncpg.Connection, database_url: str
) -> None:
    await make_company(database, "other")
    await acme.engine.submit(top_up(1_000, company="other"))
    blocker = await asyncpg.connect(database_url)
    stuck = charge(100)
    try:
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("SELECT 1 FROM wallets WHERE company_id = 'acme' FOR UPDATE")
        results = await acme.engine.submit_many([stuck, charge(100, company="other")])
        assert isinstance(results[0], LedgerUnavailable)
        assert results[0].applied is Applied.UNKNOWN
        assert isinstance(results[1], Outcome)
        (aside,) = await acme.engine.submit_many([charge(50)])
        assert isinstance(aside, LedgerUnavailable)
        assert acme.healthy()
        await transaction.rollback()
    finally:
        await blocker.close()
    outcome = await definite(acme, stuck)
    assert isinstance(outcome, Outcome)
    assert outcome.entry.number == 2


@pytest.mark.parametrize("held", ["row", "advisory lock"])
async def test_p3_a_cold_wallet_that_somebody_sits_on_does_not_keep_the_others_from_charging(
    wallets: Wallets,
    database: asyncpg.Connection,
    database_url: str,
    settings: WalletSettings,
    monkeypatch: pytest.MonkeyPatch,
    held: str,
) -> None:
    """Its load waits, within a bound; nobody concludes from it that Postgres is away."""
    monkeypatch.setattr(wallet.ledger.pool, "COMMAND_SECONDS_MAX", 0.5)
    await make_company(database)
    await make_company(database, "other")
    await wallets.engine.submit(top_up(1_000, company="other"))
    blocker = await asyncpg.connect(database_url)
    try:
        transaction = blocker.transaction()
        await transaction.start()
        if held == "row":
            await blocker.execute("SELECT 1 FROM wallets WHERE company_id = 'acme' FOR UPDATE")
        else:
            await blocker.execute("SELECT pg_advisory_xact_lock(4269, hashtext('acme'))")
        async with open_wallets(settings, sweeps=False) as impatient:
            stuck = asyncio.create_task(impatient.engine.submit(top_up(1_000)))
            refused = []
            while not stuck.done():
                (result,) = await impatient.engine.submit_many([charge(1, company="other")])
                refused += [result] if isinstance(result, WalletError) else []
            (result,) = await impatient.engine.submit_many([charge(1, company="other")])
            refused += [result] if isinstance(result, WalletError) else []
            with pytest.raises(Unavailable):
                await stuck
            assert refused == []
        await transaction.rollback()
    finally:
        await blocker.close()


class Proxy:
    """Postgres behind a door that can be shut: connections break, new ones are refused."""

    def __init__(self, port: int) -> None:
        """Lead to `port`."""
        self._port = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        """Listen, on the same port each time."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse who comes and break off who is there."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._port)
        ends = {writer, onward}
        self._writers |= ends
        try:
            await asyncio.gather(self._pump(reader, onward), self._pump(onward_reader, writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    @staticmethod
    async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        writer.transport.abort()


@pytest.fixture
async def proxy(postgres: Any) -> AsyncIterator[Proxy]:
    """A door to Postgres, open."""
    proxy = Proxy(postgres.port)
    await proxy.open()
    yield proxy
    await proxy.shut()


async def test_p3_while_postgres_is_away_commands_are_refused_before_they_touch_redis(
    acme: Wallets, proxy: Proxy, settings: WalletSettings, hot: redis.Redis, postgres: Any
) -> None:
    through = settings.database_url.replace(f":{postgres.port}/", f":{proxy.port}/")
    async with open_wallets(settings.model_copy(update={"database_url": through}), sweeps=False) as cut_off:
        await cut_off.engine.submit(charge(100))
        await settled(cut_off)
        await proxy.shut()
        first = charge(100)
        with pytest.raises(LedgerUnavailable) as raised:
            await cut_off.engine.submit(first)
        assert raised.value.applied is Applied.UNKNOWN  # Nobody knew it before this one.
        before = {key: hot.dump(key) for key in _keys(hot)}
        for refused in (charge(100), top_up(5), charge(1, company="cold")):
            with pytest.raises(LedgerUnavailable) as raised:
                await cut_off.engine.submit(refused)
            assert raised.value.applied is Applied.NO
        assert {key: hot.dump(key) for key in _keys(hot)} == before
        await proxy.open()
        await until(cut_off.healthy)
        assert (await cut_off.engine.submit(first)).entry.number == 3


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


# Bounds


async def test_bounds_a_command_whose_deadline_passed_in_the_queue_is_not_applied(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    request = charge(400)
    with pytest.raises(DeadlineExceeded) as raised:
        await acme.engine.submit(request, timeout=0)
    assert raised.value.applied is Applied.NO
    assert _keys(hot, f"*{request.idempotency_key}") == []
    assert len(await entries_of(database)) == 1
    assert (await acme.engine.submit(request)).entry.number == 2


async def test_bounds_what_nobody_waits_for_any_more_is_not_applied(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    gone = asyncio.create_task(acme.engine.submit(charge(400)))
    asyncio.get_running_loop().call_soon(gone.cancel)
    assert isinstance((await asyncio.gather(gone, return_exceptions=True))[0], asyncio.CancelledError)
    await acme.engine.submit(charge(100))
    amounts = [amount for _, _, amount in await entries_of(database)]
    assert amounts in ([1_000, -100], [1_000, -400, -100])


async def test_bounds_a_full_queue_answers_at_once_and_applies_nothing(
    acme: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, settings: WalletSettings
) -> None:
    await make_company(database, "other")
    monkeypatch.setattr(wallet.lane, "QUEUE_COMMANDS_MAX", 20)
    monkeypatch.setattr(wallet.lane, "COMPANY_QUEUE_COMMANDS_MAX", 12)
    async with open_wallets(settings, sweeps=False) as small:
        results = await small.engine.submit_many(
            [*(charge(1) for _ in range(15)), *(top_up(1, company="other") for _ in range(15))]
        )
    full = [i for i, result in enumerate(results) if isinstance(result, Overloaded)]
    assert full == [12, 13, 14, 23, 24, 25, 26, 27, 28, 29]
    assert all(result.applied is Applied.NO for result in results if isinstance(result, Overloaded))
    assert sum(isinstance(result, Outcome) for result in results) == 20
    assert len(await entries_of(database)) == 13


async def test_bounds_a_stop_does_not_wait_for_a_load_that_fails(
    wallets: Wallets, database: asyncpg.Connection, settings: WalletSettings
) -> None:
    await make_company(database)
    async with asyncio.timeout(5):
        async with open_wallets(settings, sweeps=False) as stopping:
            waiting = asyncio.create_task(stopping.engine.submit(charge(1, company="nobody")))
            while not stopping.engine._lanes[0]._loads:
                await asyncio.sleep(0)
    with pytest.raises((CompanyNotFound, Overloaded)):
        await waiting
    assert not await journaled(wallets)


# Recovery, expiry, late captures


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


@pytest.mark.parametrize("flushed", [True, False])
async def test_p4_the_hold_of_a_cold_wallet_expires(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection, flushed: bool
) -> None:
    await acme.engine.submit(authorize(600, "call"))
    await acme.engine.submit(capture(100, "call", keep_open=True))
    await acme.engine.submit(authorize(300, "other"))
    await settled(acme)
    await make_due(database, "call")
    if flushed:
        hot.flushall()
    expiry = Expiry(acme.engine, acme.pool)
    assert await expiry.run_once() == 1
    assert await expiry.run_once() == 0
    assert await sums_of(database) == (900, 300)
    state = await database.fetchval("SELECT state FROM authorizations WHERE authorization_id = 'call'")
    assert state == AuthorizationState.EXPIRED
    for late in (void("call"), increment(700, "call")):
        with pytest.raises(AuthorizationClosed):
            await acme.engine.submit(late)


async def test_p2_many_sweeps_at_once_end_an_authorization_once(
    acme: Wallets, database: asyncpg.Connection, open_more: OpenWallets
) -> None:
    others = [await open_more() for _ in range(3)]
    for i in range(10):
        await acme.engine.submit(authorize(10, f"call-{i}"))
    await database.execute("UPDATE authorizations SET expires_at = 1")
    await change_settings(database, floor=0)
    sweeps = [Expiry(each.engine, each.pool).run_once() for each in (acme, *others)]
    assert sum(await asyncio.gather(*sweeps)) >= 10
    assert await database.fetchval("SELECT count(*) FROM entries WHERE kind = 9") == 10
    assert await database.fetchval("SELECT held FROM wallets") == 0


async def test_p4_an_increment_that_comes_before_the_sweep_keeps_the_hold(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    """The sweep saw the authorization as due; meanwhile its time was moved, in Redis and in the ledger."""
    await acme.engine.submit(authorize(600, "call"))
    await make_due(database, "call")
    await acme.engine.submit(increment(700, "call"))
    assert await Expiry(acme.engine, acme.pool).run_once() == 0
    assert await database.fetchval("SELECT held FROM wallets") == 700


async def test_p1_a_late_capture_is_a_charge_floor_checked_whole_and_linked(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await acme.engine.submit(authorize(600, "call"))
    await make_due(database, "call")
    assert await Expiry(acme.engine, acme.pool).run_once() == 1
    await acme.engine.submit(charge(700))
    late = capture(400, "call")
    with pytest.raises(InsufficientFunds) as raised:
        await acme.engine.submit(late)
    assert (raised.value.required, raised.value.available) == (400, 300)
    await acme.engine.submit(top_up(100))
    outcome = await acme.engine.submit(late)
    assert (outcome.entry.kind, outcome.entry.authorization) == (Kind.CAPTURE, "call")
    assert (outcome.entry.amount, outcome.entry.held_delta, outcome.entry.balance_after) == (-400, 0, 0)
    assert outcome.authorization is not None
    assert (outcome.authorization.state, outcome.authorization.captured) == (AuthorizationState.EXPIRED, 400)
    assert (await acme.engine.submit(late)).entry == outcome.entry


async def test_p2_a_late_capture_is_answered_once_when_redis_forgets(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    await acme.engine.submit(authorize(600, "call"))
    await make_due(database, "call")
    await Expiry(acme.engine, acme.pool).run_once()
    late = capture(400, "call")
    first = await acme.engine.submit(late)
    await settled(acme)
    forget_keys(hot)
    assert (await acme.engine.submit(late)).entry == first.entry
    hot.flushall()
    assert (await acme.engine.submit(late)).entry == first.entry
    assert await database.fetchval("SELECT balance FROM wallets") == 600


async def test_p5_what_is_not_there_is_told_apart_from_what_is_closed(acme: Wallets) -> None:
    await acme.engine.submit(authorize(100, "call"))
    await acme.engine.submit(void("call"))
    for gone in (capture(1, "call"), void("call"), increment(1, "call")):
        with pytest.raises(AuthorizationClosed):
            await acme.engine.submit(gone)
    for never in (capture(1, "never"), void("never"), increment(1, "never")):
        with pytest.raises(AuthorizationNotFound):
            await acme.engine.submit(never)
    with pytest.raises(CompanyNotFound):
        await acme.engine.submit(charge(1, company="nobody"))


# Refunds


async def test_p6_32_refunds_at_once_from_4_engines_never_exceed_the_charge(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    engines = [acme, *[await open_more() for _ in range(3)]]
    number = (await acme.engine.submit(charge(100))).entry.number
    results = await asyncio.gather(*(definite(engines[i % 4], refund(30, number)) for i in range(32)))
    assert sum(isinstance(result, Outcome) for result in results) == 3
    declined = [result for result in results if isinstance(result, RefundExceedsCharge)]
    assert len(declined) == 29
    assert await database.fetchval("SELECT balance FROM wallets") == 990
    assert (await acme.engine.submit(refund(10, number))).entry.balance_after == 1_000


async def test_p6_only_charges_and_captures_are_refunded(acme: Wallets) -> None:
    await acme.engine.submit(authorize(300, "call"))
    captured = (await acme.engine.submit(capture(200, "call"))).entry.number
    given_back = await acme.engine.submit(refund(200, captured))
    assert (given_back.entry.balance_after, given_back.entry.refunded_number) == (1_000, captured)
    for original in (1, 2, given_back.entry.number, 99):
        with pytest.raises(TransactionNotFound):
            await acme.engine.submit(refund(1, original))
