"""The engine's main path on real servers."""

import asyncio

import asyncpg
import pytest

from tests.builders import charge, make_company, top_up
from wallet.domain.entries import Outcome
from wallet.domain.errors import InsufficientFunds
from wallet.runtime import Wallets


@pytest.mark.parametrize("redis_server", ["valkey", "redis"], indirect=True)
async def test_p3_an_answer_is_an_entry_of_the_ledger(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    await wallets.engine.submit(top_up(1_000))
    outcome = await wallets.engine.submit(charge(400))
    assert (outcome.entry.number, outcome.entry.amount, outcome.entry.balance_after) == (2, -400, 600)
    assert outcome.wallet.balance == 600
    assert await database.fetchval("SELECT amount FROM entries WHERE company_id = 'acme' AND number = 2") == -400
    with pytest.raises(InsufficientFunds):
        await wallets.engine.submit(charge(601))


@pytest.mark.parametrize("redis_server", ["valkey", "redis"], indirect=True)
async def test_p1_64_charges_on_a_wallet_that_affords_10_make_10(
    wallets: Wallets, database: asyncpg.Connection
) -> None:
    await make_company(database)
    await wallets.engine.submit(top_up(1_000))
    results = await asyncio.gather(*(wallets.engine.submit(charge(100)) for _ in range(64)), return_exceptions=True)
    assert sum(isinstance(result, Outcome) for result in results) == 10
    assert sum(isinstance(result, InsufficientFunds) for result in results) == 54
    assert await database.fetchval("SELECT balance FROM wallets") == 0
