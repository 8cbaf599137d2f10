"""Real servers for the tests: started once, emptied for each test."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

import asyncpg
import psycopg
import pytest
import redis
import structlog
import uvloop

import devstack
from devstack.binaries import Flavour
from devstack.local_stripe import LocalStripe
from tests.support import fronts
from tests.support.audit import assert_clean
from tests.support.temporary_root import use_memory
from tests.support.wallets import Wallets, open_wallets
from wallet.ledger.migrate import migrate
from wallet.settings import WalletSettings

TEMPLATE = "template_migrated"
POSTGRES_SETTINGS = {
    # Tests that kill this server start one of their own, as durable as in production.
    "fsync": "off",
    "full_page_writes": "off",
    "max_wal_size": "256MB",
}

_numbers = count(1)
"""Of databases."""

OpenWallets = Callable[..., Coroutine[Any, Any, Wallets]]


def pytest_configure() -> None:
    """Choose where temporary directories are made, before the first, and have no traceback drawn in colours."""
    use_memory()
    # Drawing one takes as long as a hundred charges, and tests of what breaks log thousands.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests out over several processes, each with servers of its own."""
    from tests.support.distribution import Distribution  # pytest-xdist is there, since it asks.

    return Distribution(config, log)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the tests on the event loop that the servers run on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[devstack.Postgres]:
    """A Postgres with a migrated database to copy."""
    with devstack.Postgres(tmp_path_factory.mktemp("postgres"), settings=POSTGRES_SETTINGS) as server:
        migrate(server.create_database(TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def _servers(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Flavour], devstack.Valkey]]:
    """Start each flavour of Redis when a test first asks for it."""
    started: dict[str, devstack.Valkey] = {}

    def start(flavour: Flavour) -> devstack.Valkey:
        if flavour not in started:
            server = devstack.Valkey(tmp_path_factory.mktemp(flavour), flavour=flavour)
            server.__enter__()
            started[flavour] = server
        return started[flavour]

    yield start
    for server in started.values():
        server.__exit__(None, None, None)


@pytest.fixture(scope="session")
def local_stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStripe]:
    """A Stripe server, for all tests: each makes customers of its own."""
    with LocalStripe(tmp_path_factory.mktemp("stripe")) as server:
        yield server


@pytest.fixture
def front(request: pytest.FixtureRequest) -> str:
    """The front of charging: the default one, or each for a test that is marked with ON_BOTH_FRONTS."""
    chosen: str = getattr(request, "param", None) or fronts.default_front(os.environ)
    fronts.require(chosen)
    return chosen


@pytest.fixture
def redis_server(request: pytest.FixtureRequest, _servers: Callable[[Flavour], devstack.Valkey]) -> devstack.Valkey:
    """An empty Valkey; parametrize it indirectly with "valkey" and "redis" to run a test on both."""
    server = _servers(getattr(request, "param", "valkey"))
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    return server


@pytest.fixture
def redis_url(redis_server: devstack.Valkey) -> str:
    """The URL of an empty Valkey."""
    return redis_server.url


@pytest.fixture
def database_url(postgres: devstack.Postgres) -> Iterator[str]:
    """A migrated database of the test's own."""
    name = f"test_{next(_numbers)}"
    with_template(postgres, name)
    yield postgres.database_dsn(name)
    postgres.drop_database(name)


def with_template(postgres: devstack.Postgres, name: str) -> None:
    """Make a database as a copy of the migrated one."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        # Copying files costs a checkpoint, which is cheap here, and half of copying through the log.
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE} STRATEGY file_copy'.encode())


@pytest.fixture
def settings(database_url: str, redis_url: str) -> WalletSettings:
    """Settings for an engine on the test's own servers."""
    return WalletSettings(database_url=database_url, redis_url=redis_url)


@pytest.fixture
async def open_more(settings: WalletSettings) -> AsyncIterator[OpenWallets]:
    """Open engines as separate processes would: each with connections of its own. No sweeps unless asked for."""
    async with AsyncExitStack() as stack:

        async def open_one(*, sweeps: bool = False) -> Wallets:
            return await stack.enter_async_context(open_wallets(settings, sweeps=sweeps))

        yield open_one


@pytest.fixture
async def wallets(open_more: OpenWallets) -> Wallets:
    """One engine, without sweeps: tests call run_once."""
    return await open_more()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection to the test's database, to read what the engine wrote."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
def hot(redis_server: devstack.Valkey) -> Iterator[redis.Redis]:
    """A plain connection to the test's Redis, to read what the engine wrote."""
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
async def clean_afterwards(wallets: Wallets, database: asyncpg.Connection) -> AsyncIterator[None]:
    """Every promise holds over the whole ledger and the hot state when the test is done."""
    yield
    await assert_clean(wallets, database)
