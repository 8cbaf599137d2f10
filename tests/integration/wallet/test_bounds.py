"""Queues, rounds, amounts and waits have bounds; beyond them the error says what may be applied."""

import asyncio
from typing import Any

import asyncpg
import pytest
import redis

import wallet.lane
import wallet.ledger.pool
import wallet.requests
from tests.support.builders import (
    authorize,
    capture,
    charge,
    make_company,
    top_up,
)
from tests.support.engine_steps import WAIT_SECONDS_MAX, entries_of, journaled, loads_counted
from tests.support.polling import until
from tests.support.redis_copies import keys_of
from tests.support.wallets import Wallets, open_wallets
from wallet.domain.entries import Outcome
from wallet.domain.errors import (
    Applied,
    BalanceLimitReached,
    CompanyNotFound,
    DeadlineExceeded,
    Overloaded,
    WalletUnavailable,
)
from wallet.hot.store import _Clock
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_bounds_a_command_past_its_deadline_is_not_applied(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    """A command whose deadline passed in the queue is not applied."""
    request = charge(400)
    with pytest.raises(DeadlineExceeded) as raised:
        await acme.engine.submit(request, timeout=0)
    assert raised.value.applied is Applied.NO
    assert keys_of(hot, f"*{request.idempotency_key}") == []
    assert len(await entries_of(database)) == 1
    assert (await acme.engine.submit(request)).entry.number == 2


async def test_bounds_a_request_whose_caller_has_left_is_not_applied(
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
    wallets: Wallets, database: asyncpg.Connection, settings: WalletSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_company(database)

    async def fail(_: object) -> None:
        raise WalletUnavailable("Redis does not answer", applied=Applied.NO)

    async with asyncio.timeout(5):
        async with open_wallets(settings, sweeps=False) as stopping:
            monkeypatch.setattr(stopping.hot, "load", fail)
            waiting = asyncio.create_task(stopping.engine.submit(charge(1)))
            await until(lambda: stopping.engine._lanes[0]._parking._loads, poll_seconds=0)
    with pytest.raises((WalletUnavailable, Overloaded)):
        await waiting
    assert not await journaled(wallets)


async def test_bounds_a_stop_does_not_wait_for_a_company_that_is_looked_up(
    wallets: Wallets, settings: WalletSettings
) -> None:
    async with asyncio.timeout(5):
        async with open_wallets(settings, sweeps=False) as stopping:
            waiting = asyncio.create_task(stopping.engine.submit(charge(1, company="nobody")))
            await until(lambda: len(stopping.engine._lanes[0]._newcomers), poll_seconds=0)
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


async def test_bounds_rounds_end_where_redis_stays_cold_for_ever(
    acme: Wallets, hot: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = acme.hot.load

    async def load_and_forget(*arguments: Any) -> None:
        await load(*arguments)
        hot.flushall()

    request = charge(400)
    hot.flushall()
    before = loads_counted()
    with monkeypatch.context() as patch:
        patch.setattr(acme.hot, "load", load_and_forget)
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            with pytest.raises(WalletUnavailable) as raised:
                await acme.engine.submit(request)
    assert raised.value.applied is Applied.NO
    assert loads_counted() - before == wallet.requests.ROUNDS_MAX
    assert (await acme.engine.submit(request)).entry.number == 2


async def test_bounds_rounds_end_where_every_call_comes_late(
    acme: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = charge(400)
    with monkeypatch.context() as patch:
        patch.setattr(_Clock, "sent_at_and_not_after", lambda _: (1, 1))
        with pytest.raises(WalletUnavailable) as raised:
            await acme.engine.submit(request)
    assert raised.value.applied is Applied.NO
    assert len(await entries_of(database)) == 1
    assert (await acme.engine.submit(request)).entry.number == 2


async def test_bounds_parked_commands_count_against_their_company(
    wallets: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, settings: WalletSettings
) -> None:
    """Commands that wait for their wallet's load count against their company's bound."""
    await make_company(database)
    await make_company(database, "other")
    await wallets.engine.submit(top_up(100, company="other"))
    monkeypatch.setattr(wallet.lane, "QUEUE_COMMANDS_MAX", 20)
    monkeypatch.setattr(wallet.lane, "COMPANY_QUEUE_COMMANDS_MAX", 12)
    async with open_wallets(settings, sweeps=False) as small:
        load, go_on = small.hot.load, asyncio.Event()

        async def held_up(*arguments: Any) -> None:
            await go_on.wait()
            await load(*arguments)

        monkeypatch.setattr(small.hot, "load", held_up)
        (lane,) = small.engine._lanes
        waiting: list[asyncio.Task[Outcome]] = []

        def at_rest() -> bool:
            return len(lane._parking) + sum(task.done() for task in waiting) == len(waiting)

        for _ in range(5):
            waiting.extend(asyncio.create_task(small.engine.submit(top_up(1))) for _ in range(3))
            await until(at_rest)
        assert [task.done() for task in waiting] == [False] * 12 + [True] * 3
        assert (await small.engine.submit(charge(1, company="other"))).entry.balance_after == 99
        go_on.set()
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [isinstance(result, Outcome) for result in results] == [True] * 12 + [False] * 3
    assert all(isinstance(result, Overloaded) for result in results[12:])
    assert len(await entries_of(database)) == 12
