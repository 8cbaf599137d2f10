"""Cycles overlap in Redis and Postgres without any effect on the results."""

import asyncio
import random

import asyncpg
import pytest
import redis

import wallet.lane
from tests.conftest import OpenWallets
from tests.support.audit import assert_clean
from tests.support.builders import (
    authorize,
    capture,
    change_settings,
    charge,
    make_company,
    refund,
    top_up,
    void,
)
from tests.support.engine_steps import definite
from tests.support.wallets import Wallets
from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.domain.errors import Declined
from wallet.requests import Result

COMPANIES = ["acme", "brick", "cargo"]
COMMANDS = 600


@pytest.fixture(autouse=True)
def _always_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small cycles, and always one in Redis while another one is in Postgres."""
    monkeypatch.setattr(wallet.lane, "AHEAD_COMMANDS_MIN", 1)
    monkeypatch.setattr(wallet.lane, "CYCLE_COMMANDS_MAX", 4)


def some_command(chance: random.Random) -> Command:
    """Return a command that may be declined, may be a retry, and may meet a hold of another one."""
    company, key = chance.choice(COMPANIES), f"key-{chance.randrange(200)}"
    hold = f"hold-{chance.randrange(8)}"
    return chance.choice(
        [
            charge(chance.randint(1, 90), key=key, company=company),
            charge(chance.randint(1, 90), company=company),
            authorize(chance.randint(1, 90), hold, company=company),
            capture(chance.randint(1, 90), hold, company=company, keep_open=chance.random() < 0.5),
            void(hold, company=company),
            top_up(50, company=company),
            refund(1, chance.randint(1, 40), company=company),
        ]
    )


@pytest.mark.parametrize("seed", range(3))
async def test_all_promises_hold_over_flushes_and_changes_of_settings(
    open_more: OpenWallets, database: asyncpg.Connection, hot: redis.Redis, seed: int
) -> None:
    """P1 to P6, with two engines, each two cycles deep."""
    engines = [await open_more(), await open_more()]
    for company in COMPANIES:
        await make_company(database, company)
        await engines[0].engine.submit(top_up(3_000, company=company))
    chance = random.Random(seed)
    commands = [some_command(chance) for _ in range(COMMANDS)]
    todo = iter(enumerate(commands))
    results: dict[int, Result] = {}

    async def gateway(wallets: Wallets) -> None:
        for place, command in todo:
            results[place] = await definite(wallets, command)
            if place % 150 == 75:
                hot.flushall()
            if place % 100 == 50:
                await change_settings(database, company=command.company, floor=-place)

    await asyncio.gather(*(gateway(wallets) for wallets in engines for _ in range(12)))
    await assert_clean(engines[0], database)
    named: dict[tuple[str, str], set[int]] = {}
    for place, result in results.items():
        if isinstance(result, Outcome):
            command = commands[place]
            named.setdefault((command.company, command.idempotency_key), set()).add(result.entry.number)
    assert all(len(numbers) == 1 for numbers in named.values())
    assert len(named) > COMMANDS / 4
    assert any(isinstance(result, Declined) for result in results.values())


async def test_p4_charges_of_one_call_are_entries_in_its_order(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    await wallets.engine.submit(top_up(10_000))
    results = await wallets.engine.submit_many([charge(1, key=f"{place}") for place in range(100)])
    numbers = [result.entry.number for result in results if isinstance(result, Outcome)]
    assert numbers == list(range(2, 102))
    await assert_clean(wallets, database)
