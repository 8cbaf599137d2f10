"""Expired authorizations are ended once, and a later capture is a charge."""

import asyncio

import asyncpg
import pytest
import redis

import wallet.expiry
from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    capture,
    change_settings,
    charge,
    increment,
    make_company,
    make_due,
    top_up,
    void,
)
from tests.support.engine_steps import settled, sums_of
from tests.support.redis_copies import forget_keys
from tests.support.wallets import Wallets
from wallet.domain.commands import Kind
from wallet.domain.entries import AuthorizationState, Outcome
from wallet.domain.errors import AuthorizationClosed, InsufficientFunds
from wallet.expiry import Expiry, expire

pytestmark = pytest.mark.usefixtures("clean_afterwards")


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


async def test_an_early_sweep_of_a_voided_hold_finds_it_closed(
    acme: Wallets,
) -> None:
    """In one cycle: Redis says "early" while the hold is open, and the ledger judges after the void."""
    await acme.engine.submit(authorize(600, "call"))
    await settled(acme)
    early, voided = await acme.engine.submit_many([expire("acme", "call"), void("call")])
    assert isinstance(early, AuthorizationClosed)
    assert isinstance(voided, Outcome)


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


async def test_p4_expiry_goes_on_past_a_company_that_cannot_answer(
    acme: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its due authorizations come first, and are as many as a sweep takes."""
    monkeypatch.setattr(wallet.expiry, "AUTHORIZATIONS_PER_SWEEP_MAX", 2)
    await make_company(database, "other")
    await acme.engine.submit(top_up(10, company="other"))
    for i in range(2):
        await acme.engine.submit(authorize(10, f"call-{i}"))
    await acme.engine.submit(authorize(10, "call", company="other"))
    await settled(acme)
    await make_due(database, "call", "other")
    await database.execute("UPDATE authorizations SET expires_at = 0 WHERE company_id = 'acme'")
    await database.execute("UPDATE wallets SET epoch = 1 WHERE company_id = 'acme'")  # Restored to the past: AHEAD.
    expiry = Expiry(acme.engine, acme.pool)
    assert [await expiry.run_once() for _ in range(2)] == [0, 1]
    assert await sums_of(database, "other") == (10, 0)
    await acme.rebuild("acme")
    assert [await expiry.run_once() for _ in range(2)] == [2, 0]
    assert await sums_of(database) == (1_000, 0)
