"""A decline is true in the ledger, whatever else is under way."""

import asyncio

import asyncpg
import pytest
import redis

from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    capture,
    change_settings,
    charge,
    increment,
    top_up,
    void,
)
from tests.support.engine_steps import crash_after_redis, settled
from tests.support.redis_copies import forget_keys
from tests.support.wallets import Wallets
from wallet.domain.errors import AuthorizationClosed, AuthorizationNotFound, CompanyNotFound, InsufficientFunds

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p5_a_decline_is_confirmed_while_another_process_charges(acme: Wallets, open_more: OpenWallets) -> None:
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


async def test_p5_a_decline_says_what_the_ledger_would_take_and_has(acme: Wallets) -> None:
    """In one cycle, so that the ledger has the smaller hold before it is asked about the capture."""
    await acme.engine.submit(authorize(50, "call"))
    refused, _ = await acme.engine.submit_many([capture(2500, "call"), increment(1, "call")])
    assert isinstance(refused, InsufficientFunds)
    assert (refused.available, refused.required) == (999, 2499)


async def test_p5_a_replay_in_flight_does_not_decline_a_capture(acme: Wallets, hot: redis.Redis) -> None:
    """Redis took an old capture twice, since it forgot its key, and has not given it back: the hold is larger."""
    await acme.engine.submit(authorize(800, "call"))
    replayed = capture(300, "call", keep_open=True)
    first = await acme.engine.submit(replayed)
    await settled(acme)
    forget_keys(hot)
    await crash_after_redis(acme, replayed)
    outcome = await acme.engine.submit(capture(650, "call"))
    assert (outcome.entry.amount, outcome.entry.held_delta, outcome.entry.balance_after) == (-650, -500, 50)
    assert (await acme.engine.submit(replayed)).entry == first.entry
    assert (await acme.engine.submit(charge(50))).entry.balance_after == 0


async def test_p5_a_capture_within_its_hold_passes_below_the_floor(
    acme: Wallets, hot: redis.Redis, database: asyncpg.Connection
) -> None:
    """By the hold that Redis saw it takes more than it frees. The floor was raised when the money was held already."""
    await acme.engine.submit(authorize(800, "call"))
    replayed = capture(300, "call", keep_open=True)
    first = await acme.engine.submit(replayed)
    await settled(acme)
    await change_settings(database, floor=350)
    await acme.loader.load("acme", rebuild=True)
    forget_keys(hot)
    await crash_after_redis(acme, replayed)
    outcome = await acme.engine.submit(capture(400, "call"))
    assert (outcome.entry.amount, outcome.entry.held_delta, outcome.wallet.available) == (-400, -500, -50)
    assert (await acme.engine.submit(replayed)).entry == first.entry


async def test_p5_an_increment_is_not_declined_by_a_hold_that_is_refused(acme: Wallets, hot: redis.Redis) -> None:
    """Redis took an old increment twice, to less than is held now, and a charge of what that seemed to free."""
    await acme.engine.submit(authorize(600, "call"))
    replayed = increment(100, "call")
    first = await acme.engine.submit(replayed)
    await acme.engine.submit(increment(600, "call"))
    await settled(acme)
    forget_keys(hot)
    lost = charge(450)
    await crash_after_redis(acme, replayed, lost)
    outcome = await acme.engine.submit(increment(900, "call"))
    assert (outcome.entry.held_delta, outcome.wallet.held, outcome.wallet.available) == (300, 900, 100)
    assert (await acme.engine.submit(replayed)).entry == first.entry
    with pytest.raises(InsufficientFunds):
        await acme.engine.submit(lost)
