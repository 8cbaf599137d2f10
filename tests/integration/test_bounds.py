"""Queues, rounds, amounts and waits have bounds, and past them the answer says what was applied."""

import asyncio

import asyncpg
import pytest
import redis

import wallet.lane
import wallet.ledger.pool
from tests.builders import authorize, capture, charge, make_company, top_up
from tests.engine_steps import entries_of, journaled
from tests.redis_copies import keys_of
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, BalanceLimitReached, CompanyNotFound, DeadlineExceeded, Overloaded
from wallet.runtime import Wallets, open_wallets
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_bounds_a_command_whose_deadline_passed_in_the_queue_is_not_applied(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    request = charge(400)
    with pytest.raises(DeadlineExceeded) as raised:
        await acme.engine.submit(request, timeout=0)
    assert raised.value.applied is Applied.NO
    assert keys_of(hot, f"*{request.idempotency_key}") == []
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


async def test_bounds_amounts_at_the_limit_are_declined_not_lost(acme: Wallets) -> None:
    most = 9_000_000_000_000_000
    with pytest.raises(BalanceLimitReached):
        await acme.engine.submit(top_up(most))
    assert (await acme.engine.submit(top_up(most - 1_000))).entry.balance_after == most
    with pytest.raises(BalanceLimitReached):
        await acme.engine.submit(top_up(1))
    assert (await acme.engine.submit(authorize(most, "all"))).wallet.held == most
    assert (await acme.engine.submit(capture(most, "all"))).entry.balance_after == 0
