"""Fixtures for tests of the engine."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

import devstack
from tests.support.builders import make_company, top_up
from tests.support.engine_steps import settled
from tests.support.tcp_proxy import Proxy
from tests.support.wallets import Wallets
from wallet.ledger.append import Appender


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """A company with 1 000 micros, warm and at rest."""
    await make_company(database)
    await wallets.engine.submit(top_up(1_000))
    await settled(wallets)
    return wallets


@pytest.fixture
def appender(database_url: str) -> Iterator[Appender]:
    """An appender of the test's own."""
    appender = Appender(database_url)
    yield appender
    appender.close()


@pytest.fixture
async def postgres_proxy(postgres: devstack.Postgres) -> AsyncIterator[Proxy]:
    """A way to Postgres, open."""
    async with Proxy(postgres.port) as proxy:
        yield proxy


@pytest.fixture
async def redis_proxy(redis_server: devstack.Valkey) -> AsyncIterator[Proxy]:
    """A way to Redis, open."""
    async with Proxy(redis_server.port) as proxy:
        yield proxy
