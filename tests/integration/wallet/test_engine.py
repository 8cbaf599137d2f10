"""The engine's answers to single commands, on Redis and Valkey, and to calls of several."""

import asyncpg
import pytest
import redis

from tests.support.builders import change_settings, charge, make_company, top_up
from tests.support.wallets import Wallets
from wallet.domain.entries import Outcome
from wallet.domain.errors import IdempotencyKeyReused, InsufficientFunds

pytestmark = pytest.mark.usefixtures("clean_afterwards")


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


async def test_p2_answers_of_one_call_name_one_entry_when_it_sends_a_key_twice(acme: Wallets) -> None:
    request = charge(400)
    results = await acme.engine.submit_many([request, request, charge(500, key=request.idempotency_key), request])
    outcomes = [result for result in results if isinstance(result, Outcome)]
    assert [outcome.entry.number for outcome in outcomes] == [2, 2, 2]
    assert isinstance(results[2], IdempotencyKeyReused)


async def test_p5_commands_of_one_call_keep_their_order_over_a_load(
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
