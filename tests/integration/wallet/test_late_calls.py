"""A call that arrives after its caller was declined charges nothing, and delays no other call."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
import redis

import wallet.hot.connect
import wallet.hot.store
from tests.conftest import OpenWallets
from tests.support.builders import charge, top_up
from tests.support.engine_steps import entries_of, journaled, settled
from tests.support.polling import until
from tests.support.tcp_proxy import Proxy, through
from tests.support.wallets import Wallets, open_wallets
from wallet.domain.errors import Applied, InsufficientFunds, WalletUnavailable
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("clean_afterwards")


def scripts_run(hot: redis.Redis) -> int:
    """Return the number of scripts that the server has run by their hash."""
    statistics: Any = hot.info("commandstats")
    return int(statistics["cmdstat_evalsha"]["calls"])


async def at_rest(wallets: Wallets) -> None:
    """Return when nothing is left to settle, and Redis has answered that."""
    await settled(wallets)
    direct = wallets.hot._direct
    assert direct is not None
    await until(lambda: not direct.busy)


async def in_network(wallets: Wallets, proxy: Proxy) -> None:
    """Return when a script has been sent, and the proxy keeps it."""
    direct = wallets.hot._direct
    assert direct is not None
    await until(lambda: direct.busy and proxy.kept)


async def arrived(hot: redis.Redis, release: Callable[[], None]) -> None:
    """Release the call that a proxy holds, and return when the server has run it."""
    before = scripts_run(hot)
    release()
    await until(lambda: scripts_run(hot) > before)


async def test_p5_a_delayed_call_changes_nothing_after_its_retry_was_declined(
    acme: Wallets,
    database: asyncpg.Connection,
    hot: redis.Redis,
    redis_proxy: Proxy,
    settings: WalletSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The caller was declined, and does not expect to be charged when there is money later."""
    for module in (wallet.hot.connect, wallet.hot.store):
        monkeypatch.setattr(module, "SOCKET_SECONDS_MAX", 0.5)
    url = through(settings.redis_url, redis_proxy)
    async with open_wallets(settings.model_copy(update={"redis_url": url}), sweeps=False) as cut_off:
        await cut_off.engine.submit(charge(1))
        await at_rest(cut_off)
        request = charge(5_000)
        release = redis_proxy.hold()
        with pytest.raises(WalletUnavailable) as raised:
            await cut_off.engine.submit(request)
        assert raised.value.applied is Applied.UNKNOWN
        with pytest.raises(InsufficientFunds):
            await cut_off.engine.submit(request)
        await acme.engine.submit(top_up(10_000))
        await settled(acme)
        await arrived(hot, release)
        assert await journaled(acme) == []
        assert [amount for _, _, amount in await entries_of(database)] == [1_000, -1, 10_000]
        assert (await acme.hot.peek("acme")).balance == 10_999
        assert (await cut_off.engine.submit(request)).entry.number == 4


@pytest.mark.parametrize("case", ["plain", "first call of its process", "redis flushed"])
async def test_p5_a_call_with_a_broken_connection_changes_nothing_after_a_decline(
    acme: Wallets,
    database: asyncpg.Connection,
    hot: redis.Redis,
    redis_proxy: Proxy,
    settings: WalletSettings,
    case: str,
) -> None:
    """It comes within the time in which its sender would have waited for it."""
    url = through(settings.redis_url, redis_proxy)
    async with open_wallets(settings.model_copy(update={"redis_url": url}), sweeps=False) as cut_off:
        if case == "first call of its process":
            await cut_off.hot.journals()  # As recovery does before a server takes commands.
        else:
            await cut_off.engine.submit(charge(1))
            await at_rest(cut_off)
        request = charge(5_000)
        release = redis_proxy.hold()
        waiting = asyncio.create_task(cut_off.engine.submit(request))
        await in_network(cut_off, redis_proxy)
        assert cut_off.hot._direct is not None
        await cut_off.hot._direct.close()
        with pytest.raises(InsufficientFunds):
            await waiting
        if case == "redis flushed":
            hot.flushall()
        await acme.engine.submit(top_up(10_000))
        await settled(acme)
        await arrived(hot, release)
        assert await journaled(acme) == []
        amounts = [1_000, 10_000] if case == "first call of its process" else [1_000, -1, 10_000]
        assert [amount for _, _, amount in await entries_of(database)] == amounts
        assert (await acme.hot.peek("acme")).balance == sum(amounts)
        assert (await cut_off.engine.submit(request)).entry.number == len(amounts) + 1


async def test_p5_an_abandoned_call_changes_nothing_after_a_decline_elsewhere(
    acme: Wallets, database: asyncpg.Connection, hot: redis.Redis, redis_proxy: Proxy, settings: WalletSettings
) -> None:
    """The process that sent it waits for the answer, although its caller is gone."""
    url = through(settings.redis_url, redis_proxy)
    async with open_wallets(settings.model_copy(update={"redis_url": url}), sweeps=False) as cut_off:
        await cut_off.engine.submit(charge(1))
        await at_rest(cut_off)
        request = charge(5_000)
        release = redis_proxy.hold()
        given_up = asyncio.create_task(cut_off.engine.submit(request))
        await in_network(cut_off, redis_proxy)
        given_up.cancel()
        with pytest.raises(InsufficientFunds):
            await acme.engine.submit(request)
        await acme.engine.submit(top_up(10_000))
        await settled(acme)
        await arrived(hot, release)
        assert (await cut_off.engine.submit(charge(10))).entry.number == 4
        assert [amount for _, _, amount in await entries_of(database)] == [1_000, -1, 10_000, -10]
        assert (await cut_off.engine.submit(request)).entry.number == 5


@pytest.mark.parametrize("engines", [1, 2])
async def test_p5_a_key_sent_many_times_at_once_is_declined_each_time(
    acme: Wallets, open_more: OpenWallets, engines: int
) -> None:
    """The decline of one call delays neither the others nor a call after a top-up."""
    await acme.engine.submit(charge(1_000))
    wallets = [acme, *[await open_more() for _ in range(engines - 1)]]
    request = charge(1)
    results = await asyncio.gather(
        *(each.engine.submit(request) for _ in range(50) for each in wallets), return_exceptions=True
    )
    assert [type(result) for result in results] == [InsufficientFunds] * 50 * engines
    await acme.engine.submit(top_up(1))
    outcomes = await asyncio.gather(*(each.engine.submit(request) for each in reversed(wallets)))
    assert [outcome.entry.number for outcome in outcomes] == [4] * engines


async def test_p5_a_declined_key_succeeds_right_after_a_top_up_from_any_process(
    acme: Wallets, open_more: OpenWallets
) -> None:
    other = await open_more()
    await other.engine.submit(charge(1_000))
    for number in range(3, 43, 2):
        request = charge(5)
        for each in (acme, other):
            with pytest.raises(InsufficientFunds):
                await each.engine.submit(request)
        one, another = (acme, other) if number % 4 == 1 else (other, acme)
        await one.engine.submit(top_up(5))
        assert (await another.engine.submit(request)).entry.number == number + 1
