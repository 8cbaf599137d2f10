"""While Postgres is away, commands are refused; when it is back, the service continues."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import redis

import devstack
import wallet.health
from tests.support.builders import charge, make_company, top_up
from tests.support.engine_steps import settled
from tests.support.polling import until
from tests.support.redis_copies import keys_of
from tests.support.tcp_proxy import Proxy, through
from tests.support.wallets import Wallets, open_wallets
from wallet.domain.commands import Kind
from wallet.domain.errors import Applied, LedgerUnavailable
from wallet.health import LedgerHealth
from wallet.ledger.append import Appender
from wallet.ledger.migrate import migrate
from wallet.recovery import Recovery
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("unwatched", "clean_afterwards")


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the regular probes, so that only charges find out that Postgres is away."""
    monkeypatch.setattr(wallet.health, "WATCH_SECONDS", 3600.0)


async def test_p3_commands_do_not_touch_redis_while_postgres_is_away(
    acme: Wallets, postgres_proxy: Proxy, settings: WalletSettings, hot: redis.Redis
) -> None:
    """P3: they are refused before."""
    url = through(settings.database_url, postgres_proxy)
    async with open_wallets(settings.model_copy(update={"database_url": url}), sweeps=False) as cut_off:
        await cut_off.engine.submit(charge(100))
        await settled(cut_off)
        await postgres_proxy.shut()
        first = charge(100)
        with pytest.raises(LedgerUnavailable) as raised:
            await cut_off.engine.submit(first)
        assert raised.value.applied is Applied.UNKNOWN  # It was unknown before this one.
        before = {key: hot.dump(key) for key in keys_of(hot)}
        for refused in (charge(100), top_up(5), charge(1, company="cold")):
            with pytest.raises(LedgerUnavailable) as raised:
                await cut_off.engine.submit(refused)
            assert raised.value.applied is Applied.NO
        assert {key: hot.dump(key) for key in keys_of(hot)} == before
        await postgres_proxy.open()
        await until(cut_off.healthy)
        assert (await cut_off.engine.submit(first)).entry.number == 3


@pytest.fixture
async def service(database: asyncpg.Connection, settings: WalletSettings) -> AsyncIterator[tuple[str, WalletSettings]]:
    """A role with no more rights than the service needs, and the settings of a service that logs in by it."""
    name = await database.fetchval("SELECT current_database()")
    role = f"{name}_service"
    await database.execute(f"REVOKE TEMP ON DATABASE {name} FROM PUBLIC")
    await database.execute(f"CREATE ROLE {role} LOGIN")
    await database.execute(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role}")
    await database.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
    parts = urlsplit(settings.database_url)
    url = urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}"))
    yield role, settings.model_copy(update={"database_url": url})
    await database.execute(f"DROP OWNED BY {role}")
    await database.execute(f"DROP ROLE {role}")


async def cut_off(database: asyncpg.Connection, role: str) -> None:
    """Break the connections of a role off, and return when they are gone."""

    async def gone() -> bool:
        await database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role)
        return not await database.fetchval("SELECT count(*) FROM pg_stat_activity WHERE usename = $1", role)

    await until(gone)


def probes_of(wallets: Wallets, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that the results of probes are added to."""
    results: list[bool] = []
    probe = wallets.health.probe

    async def recorded() -> bool:
        results.append(await probe())
        return results[-1]

    monkeypatch.setattr(wallets.health, "probe", recorded)
    return results


async def assert_away_and_the_journal_does_not_grow(
    wallets: Wallets, hot: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One charge finds out, those after it are refused before they touch Redis, and probes change nothing."""
    probes = probes_of(wallets, monkeypatch)
    with pytest.raises(LedgerUnavailable) as raised:
        await wallets.engine.submit(charge(1))
    assert raised.value.applied is Applied.UNKNOWN
    for _ in range(20):
        with pytest.raises(LedgerUnavailable) as raised:
            await wallets.engine.submit(charge(1))
        assert raised.value.applied is Applied.NO
    assert hot.hlen("{w:0}:journal") == 1
    await until(lambda: len(probes) >= 3)
    assert not any(probes)
    assert not wallets.healthy()


async def assert_back(wallets: Wallets, hot: redis.Redis) -> None:
    """Assert that the journal and new commands are written."""
    await until(wallets.healthy)
    assert (await wallets.engine.submit(charge(1))).entry.kind is Kind.CHARGE
    appender = Appender(wallets.health._appender._database_url)
    await Recovery(wallets.hot, appender).run_once(age_seconds_min=0)
    appender.close()
    await settled(wallets)
    assert hot.hget("{w:0}:wallet:acme", "balance") == b"998"


async def test_p3_a_postgres_that_refuses_our_login_is_away(
    service: tuple[str, WalletSettings],
    database: asyncpg.Connection,
    hot: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P3: the journal does not grow meanwhile."""
    role, settings = service
    await make_company(database)
    async with open_wallets(settings, sweeps=False) as refused:
        await refused.engine.submit(top_up(1_000))
        await settled(refused)
        await database.execute(f"ALTER ROLE {role} NOLOGIN")
        await cut_off(database, role)
        await assert_away_and_the_journal_does_not_grow(refused, hot, monkeypatch)
        await database.execute(f"ALTER ROLE {role} LOGIN")
        await assert_back(refused, hot)


async def test_p3_a_postgres_that_was_told_to_be_read_only_is_away(
    service: tuple[str, WalletSettings],
    database: asyncpg.Connection,
    hot: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    role, settings = service
    await make_company(database)
    async with open_wallets(settings, sweeps=False) as reading:
        await reading.engine.submit(top_up(1_000))
        await settled(reading)
        await database.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
        await cut_off(database, role)
        await assert_away_and_the_journal_does_not_grow(reading, hot, monkeypatch)
        await database.execute(f"ALTER ROLE {role} RESET default_transaction_read_only")
        await assert_back(reading, hot)


async def test_p3_a_postgres_that_is_a_standby_is_away_until_it_is_promoted(
    settings: WalletSettings, hot: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with devstack.Postgres(tmp_path / "postgres") as server:
        migrate(server.dsn)
        admin = await asyncpg.connect(server.dsn)
        await make_company(admin)
        await admin.close()
        hot.flushall()  # It may have been claimed for the test's own database.
        async with open_wallets(settings.model_copy(update={"database_url": server.dsn}), sweeps=False) as following:
            await following.engine.submit(top_up(1_000))
            await settled(following)
            await become_standby(server)
            await assert_away_and_the_journal_does_not_grow(following, hot, monkeypatch)
            admin = await asyncpg.connect(server.dsn)
            assert await admin.fetchval("SELECT pg_promote()")
            await admin.close()
            await assert_back(following, hot)


async def become_standby(server: devstack.Postgres) -> None:
    """Start a server again as one that follows another one."""
    server.stop()
    (Path(server.child.command[2]) / "standby.signal").touch()
    server.child.start()

    async def answers() -> bool:
        try:
            connection = await asyncpg.connect(server.dsn)
        except (OSError, asyncpg.PostgresError):
            return False
        following = await connection.fetchval("SELECT pg_is_in_recovery()")
        await connection.close()
        return bool(following)

    await until(answers)


async def test_p3_postgres_is_back_without_a_right_to_temporary_tables(
    service: tuple[str, WalletSettings], database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P3: the probe needs no right to make temporary tables."""
    _, settings = service
    await make_company(database)
    async with open_wallets(settings, sweeps=False) as limited:
        probes = probes_of(limited, monkeypatch)
        limited.health.mark_away(ConnectionResetError())
        assert not limited.healthy()
        await until(limited.healthy)
        assert False not in probes
        assert (await limited.engine.submit(top_up(1_000))).entry.number == 1


async def test_cancelling_as_postgres_goes_away_ends_the_probe(appender: Appender) -> None:
    """Both in one step of the event loop."""
    health = LedgerHealth(appender)
    probing = asyncio.create_task(health.run())
    await until(lambda: health._away._waiters)
    health._away.set()
    probing.cancel()
    await asyncio.wait([probing], timeout=5)
    assert probing.cancelled()
