"""Concurrent commands of several engines on one wallet, on Redis and Valkey."""

import asyncio

import asyncpg
import pytest
import redis

from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    capture,
    charge,
    make_company,
    top_up,
)
from tests.support.wallets import Wallets
from wallet.domain.entries import Outcome
from wallet.domain.errors import IdempotencyKeyReused, InsufficientFunds

pytestmark = [
    pytest.mark.usefixtures("clean_afterwards"),
    pytest.mark.parametrize("redis_server", ["valkey", "redis"], indirect=True),
]

ENGINES = 4


@pytest.fixture
async def engines(wallets: Wallets, open_more: OpenWallets, database: asyncpg.Connection) -> list[Wallets]:
    """Four engines, and a company with 1 000 micros."""
    engines = [wallets, *[await open_more() for _ in range(ENGINES - 1)]]
    await make_company(database)
    await wallets.engine.submit(top_up(1_000))
    return engines


async def test_p1_p5_of_64_concurrent_charges_10_are_affordable_and_54_declined(
    engines: list[Wallets], database: asyncpg.Connection
) -> None:
    """P1, P5: a wallet that can afford 10 of 64 concurrent charges makes exactly 10, and declines 54."""
    results = await asyncio.gather(
        *(engines[i % ENGINES].engine.submit(charge(100)) for i in range(64)), return_exceptions=True
    )
    numbers = [result.entry.number for result in results if isinstance(result, Outcome)]
    declines = [result for result in results if isinstance(result, InsufficientFunds)]
    assert sorted(numbers) == list(range(2, 12))
    assert len(declines) == 54, [repr(result) for result in results]
    assert all((decline.required, decline.floor) == (100, 0) for decline in declines)
    assert all(decline.available < decline.required for decline in declines)
    assert await database.fetchval("SELECT balance FROM wallets") == 0


async def test_p1_p5_the_same_on_a_cold_wallet(
    engines: list[Wallets], hot: redis.Redis, database: asyncpg.Connection
) -> None:
    hot.flushall()
    results = await asyncio.gather(
        *(engines[i % ENGINES].engine.submit(charge(100)) for i in range(64)), return_exceptions=True
    )
    assert sum(isinstance(result, Outcome) for result in results) == 10
    assert sum(isinstance(result, InsufficientFunds) for result in results) == 54
    assert await database.fetchval("SELECT balance FROM wallets") == 0


async def test_p2_one_key_sent_50_times_at_once_makes_one_entry(
    engines: list[Wallets], database: asyncpg.Connection
) -> None:
    """P2: all 50 answers name the one entry."""
    request = charge(400)
    outcomes = await asyncio.gather(*(engines[i % ENGINES].engine.submit(request) for i in range(50)))
    assert {outcome.entry.number for outcome in outcomes} == {2}
    assert len({outcome.entry.created_at for outcome in outcomes}) == 1
    assert await database.fetchval("SELECT count(*) FROM entries") == 2
    assert await database.fetchval("SELECT balance FROM wallets") == 600


async def test_p2_two_requests_that_race_for_one_key_make_one_entry(
    engines: list[Wallets], database: asyncpg.Connection
) -> None:
    """P2: the other request gets IdempotencyKeyReused."""
    rivals = [charge(100, key="contended"), charge(200, key="contended")]
    results = await asyncio.gather(
        *(engines[i % ENGINES].engine.submit(rivals[i // 2 % 2]) for i in range(40)), return_exceptions=True
    )
    outcomes = [result for result in results if isinstance(result, Outcome)]
    assert len({outcome.entry.amount for outcome in outcomes}) == 1
    assert len(outcomes) == sum(isinstance(result, IdempotencyKeyReused) for result in results) == 20
    assert await database.fetchval("SELECT count(*) FROM entries") == 2


async def test_p1_p4_captures_that_race_for_one_authorization_take_it_once(
    engines: list[Wallets], database: asyncpg.Connection
) -> None:
    await engines[0].engine.submit(authorize(600, "call"))
    results = await asyncio.gather(
        *(engines[i % ENGINES].engine.submit(capture(600, "call")) for i in range(32)), return_exceptions=True
    )
    assert sum(isinstance(result, Outcome) for result in results) == 1
    assert await database.fetchval("SELECT balance FROM wallets") == 400


async def test_p1_holds_and_charges_that_race_never_pass_the_floor(
    engines: list[Wallets], database: asyncpg.Connection
) -> None:
    commands = [charge(100) if i % 2 else authorize(100, f"call-{i}") for i in range(64)]
    results = await asyncio.gather(
        *(engines[i // 2 % ENGINES].engine.submit(each) for i, each in enumerate(commands)), return_exceptions=True
    )
    assert sum(isinstance(result, Outcome) for result in results) == 10
    assert sum(isinstance(result, InsufficientFunds) for result in results) == 54
    assert await database.fetchval("SELECT balance - held FROM wallets") == 0
