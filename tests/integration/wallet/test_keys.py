"""A key makes one entry, whether Redis, the ledger or a crashed process knows it."""

import asyncpg
import pytest
import redis

from tests.support.builders import (
    adjustment,
    authorize,
    capture,
    change_settings,
    charge,
    increment,
    refund,
    top_up,
    void,
)
from tests.support.engine_steps import (
    crash_after_redis,
    entries_of,
    epoch_of,
    settled,
    sums_of,
)
from tests.support.redis_copies import forget_keys
from tests.support.wallets import Wallets
from wallet.domain.commands import Command
from wallet.domain.entries import AuthorizationState
from wallet.domain.errors import AuthorizationClosed, IdempotencyKeyReused, InsufficientFunds
from wallet.expiry import expire
from wallet.hot.store import Batch, CleanUp, CleanUpAction
from wallet.ledger.append import Appender
from wallet.recovery import Recovery

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p2_an_authorize_replayed_after_its_capture_opens_nothing(acme: Wallets, hot: redis.Redis) -> None:
    """P2: also after the TTL of its key."""
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
async def test_p5_the_hold_of_a_replayed_authorize_is_not_seen_before_its_verdict(
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


async def test_p2_a_replayed_authorize_with_a_forgotten_key_holds_once(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    """P2: the authorization is still open, and Redis has forgotten its key."""
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


@pytest.mark.parametrize("action", [None, CleanUpAction.DISCARD, CleanUpAction.UNDO, CleanUpAction.DROP])
async def test_p2_a_clean_up_of_an_old_attempt_spares_a_newer_one(
    acme: Wallets, appender: Appender, database: asyncpg.Connection, action: CleanUpAction | None
) -> None:
    """P2: the two attempts have the same key."""
    request = charge(400)
    (old,) = await crash_after_redis(acme, request)
    await change_settings(database, floor=-5)
    # The old attempt is stale now: its clean-up is on the way, late, while the key is applied once more.
    late = Batch(settled=[old])
    if action is not None:
        late = Batch(clean_ups=[CleanUp(action, "acme", request.idempotency_key, old.name, old.amount, old.held_delta)])
    await acme.hot.apply(
        0, Batch(clean_ups=[CleanUp(CleanUpAction.DISCARD, "acme", request.idempotency_key, old.name)])
    )
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


async def test_p2_a_crashed_process_charge_answers_its_retry(acme: Wallets, database: asyncpg.Connection) -> None:
    """P2: although the balance would not suffice for the charge any more."""
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


async def test_p2_a_key_in_a_crashed_process_journal_cannot_be_reused(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    """P2: a reused key is refused even while its first use is in the journal of a crashed process."""
    await crash_after_redis(acme, charge(400, key="sms"))
    with pytest.raises(IdempotencyKeyReused):
        await acme.engine.submit(charge(500, key="sms"))
    assert await entries_of(database) == [(1, (await entries_of(database))[0][1], 1_000), (2, "sms", -400)]


async def test_p5_a_key_declined_by_the_ledger_is_free_for_another_request(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    """A request that Redis applied and the ledger refuses does not keep the key, even if it was never retried."""
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


@pytest.mark.parametrize("recovery_first", [True, False])
@pytest.mark.parametrize(
    "replayed",
    [
        charge(400),
        top_up(400),
        adjustment(-400),
        refund(40, 2),
        authorize(400, "call"),
        increment(400, "open"),
        capture(100, "open", keep_open=True),
        capture(100, "open"),
        void("open"),
    ],
    ids=lambda command: f"{command.kind.name.lower()}{' on' * command.keep_open}",
)
async def test_p2_p4_a_key_forgotten_while_in_the_journal_makes_one_entry(
    acme: Wallets,
    hot: redis.Redis,
    appender: Appender,
    database: asyncpg.Connection,
    replayed: Command,
    recovery_first: bool,
) -> None:
    """The key has expired, and its entry is not written yet: Redis applies its replay once more."""
    await acme.engine.submit(charge(50))
    await acme.engine.submit(authorize(300, "open"))
    await settled(acme)
    await crash_after_redis(acme, replayed)
    hot.delete(acme.hot.keys.record("acme", replayed.idempotency_key))
    recovery = Recovery(acme.hot, appender)
    if recovery_first:
        assert await recovery.run_once(age_seconds_min=0) == 1
    outcome = await acme.engine.submit(replayed)
    await recovery.run_once(age_seconds_min=0)
    await settled(acme)
    assert (await acme.engine.submit(replayed)).entry == outcome.entry
    assert [number for number, key, _ in await entries_of(database) if key == replayed.idempotency_key] == [4]
    assert (await acme.engine.submit(charge(1))).entry.number == 5
    await settled(acme)
    peek = await acme.hot.peek("acme")
    assert (peek.warm, (peek.balance, peek.held)) == (True, await sums_of(database))
