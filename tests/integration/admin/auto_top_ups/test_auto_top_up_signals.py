"""The signal of the hot path that a company fell below the threshold of its rule: once for each crossing."""

from collections.abc import Sequence

import asyncpg
import pytest
import redis

from admin.auto_top_ups.domain import AutoTopUpChange, PauseReason
from admin.companies.domain import CompanyChange
from tests.support.builders import (
    authorize,
    capture,
    charge,
    increment,
    top_up,
    void,
)
from tests.support.engine_steps import crash_after_redis, epoch_of, settled
from tests.support.wallets import Wallets
from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.hot.store import Batch, CleanUp, CleanUpAction

THRESHOLD = 500
pytestmark = pytest.mark.usefixtures("clean_afterwards")


@pytest.fixture
async def ruled(acme: Wallets) -> Wallets:
    """A company with 1 000 micros and a rule for less than 500, warm."""
    await acme.auto_top_ups.put("acme", AutoTopUpChange(THRESHOLD, 2_000, "pm_1"))
    await submit(acme, charge(1))
    await submit(acme, top_up(1))
    assert await signals(acme) == []
    return acme


async def submit(wallets: Wallets, *commands: Command) -> None:
    results = await wallets.engine.submit_many(commands)
    assert all(isinstance(result, Outcome) for result in results), results


async def signals(wallets: Wallets) -> Sequence[str]:
    return await wallets.hot.take_signals(100)


async def test_a_crossing_is_signalled_once_and_so_is_the_next_one(ruled: Wallets) -> None:
    await submit(ruled, charge(500))
    assert await signals(ruled) == [], "on the line is not below it"
    await submit(ruled, charge(1))
    assert await signals(ruled) == ["acme"]
    await submit(ruled, charge(100))
    assert await signals(ruled) == [], "it was below before"
    await submit(ruled, top_up(101))
    assert await signals(ruled) == [], "up is no crossing"
    await submit(ruled, charge(101))
    assert await signals(ruled) == ["acme"]


async def test_what_is_held_and_the_floor_count(ruled: Wallets, database: asyncpg.Connection) -> None:
    await submit(ruled, authorize(500, "call"))
    assert await signals(ruled) == []
    await submit(ruled, increment(501, "call"))
    assert await signals(ruled) == ["acme"]
    await submit(ruled, capture(501, "call"))
    assert await signals(ruled) == [], "it is taken from what was held"
    await submit(ruled, top_up(600))
    await submit(ruled, authorize(600, "other"))
    assert await signals(ruled) == ["acme"]
    await submit(ruled, void("other"))
    assert await signals(ruled) == []
    await ruled.companies.update("acme", CompanyChange(floor=700))
    await submit(ruled, top_up(1))
    assert await signals(ruled) == ["acme"], "a floor that is raised leaves less"


async def test_each_command_of_a_batch_is_checked(ruled: Wallets) -> None:
    """Down, up and down again in one call: the check of the first crossing may have been before the last."""
    await submit(ruled, charge(600))
    assert await signals(ruled) == ["acme"]
    await submit(ruled, top_up(1_000), charge(1_200))
    assert await signals(ruled) == ["acme"]


async def test_a_company_without_a_rule_is_not_signalled(acme: Wallets, hot: redis.Redis) -> None:
    await submit(acme, charge(999))
    assert await signals(acme) == []
    assert hot.hget(acme.hot.keys.wallet("acme"), "signal_at") is None


async def test_a_load_signals_a_balance_below_the_threshold(ruled: Wallets, hot: redis.Redis) -> None:
    await submit(ruled, charge(600))
    await settled(ruled)
    hot.flushall()
    await submit(ruled, charge(1))
    assert await signals(ruled) == ["acme"], "the first signal was lost with Redis"


async def test_a_changed_threshold_holds_for_the_next_charge(ruled: Wallets, database: asyncpg.Connection) -> None:
    epoch = await epoch_of(database)
    await ruled.auto_top_ups.put("acme", AutoTopUpChange(threshold=900))
    assert await epoch_of(database) > epoch
    await submit(ruled, charge(101))
    assert await signals(ruled) == ["acme"]
    await ruled.auto_top_ups.delete("acme")
    await submit(ruled, top_up(1_000))  # It finds the hot wallet stale, and loads it without the rule.
    await submit(ruled, charge(1_500))
    assert await signals(ruled) == []


async def test_only_a_change_of_the_threshold_begins_an_epoch(ruled: Wallets, database: asyncpg.Connection) -> None:
    epoch = await epoch_of(database)
    await ruled.auto_top_ups.put("acme", AutoTopUpChange(amount=7_000, day_amount_max=70_000))
    await ruled.auto_top_ups.pause_by_request("acme")
    await ruled.auto_top_ups.resume("acme")
    assert await epoch_of(database) == epoch


async def test_a_paused_rule_is_signalled_too(ruled: Wallets, hot: redis.Redis) -> None:
    """So resuming it needs no load."""
    await ruled.auto_top_ups.pause_by_request("acme")
    assert (await ruled.auto_top_ups.get("acme")).pause_reason is PauseReason.REQUESTED
    await settled(ruled)
    hot.flushall()
    await submit(ruled, charge(1))
    await ruled.auto_top_ups.resume("acme")
    await submit(ruled, charge(600))
    assert await signals(ruled) == ["acme"]


async def test_a_charge_in_redis_is_signalled_and_its_undo_is_not(ruled: Wallets) -> None:
    """A signal is a hint; the worker that reads it asks the ledger."""
    (attempt,) = await crash_after_redis(ruled, charge(600))
    assert await signals(ruled) == ["acme"]
    partition = ruled.hot.keys.partition("acme")
    undo = CleanUp(CleanUpAction.UNDO, "acme", attempt.command.idempotency_key, attempt.name, -600)
    await ruled.hot.apply(partition, Batch(clean_ups=[undo]))
    assert await signals(ruled) == []
    await submit(ruled, charge(501))
    assert await signals(ruled) == ["acme"]
