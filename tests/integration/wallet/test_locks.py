"""Locks of other sessions in Postgres delay their company within a bound, and no other company."""

import asyncio
from collections.abc import Iterable

import asyncpg
import pytest

import wallet.lane
import wallet.ledger.pool
from tests.support.builders import charge, make_company, top_up
from tests.support.engine_steps import definite, rows_locked
from tests.support.polling import until
from tests.support.wallets import Wallets, open_wallets
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, LedgerUnavailable, Unavailable, WalletError
from wallet.ledger.pool import COMMAND_SECONDS_MAX, open_connection, open_pool
from wallet.loading import LOADS_AT_ONCE_MAX
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("clean_afterwards")


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of tenths of seconds where production has seconds."""
    monkeypatch.setattr(wallet.lane, "LOCKED_SECONDS", 0.05)
    monkeypatch.setattr(wallet.ledger.pool, "COMMAND_SECONDS_MAX", 1.0)


@pytest.mark.usefixtures("short_waits")
async def test_p3_a_locked_row_refuses_only_its_company(
    acme: Wallets, database: asyncpg.Connection, database_url: str
) -> None:
    """P3: a row lock that another session holds refuses the commands of that company and of no other."""
    await make_company(database, "other")
    await acme.engine.submit(top_up(1_000, company="other"))
    stuck = charge(100)
    async with rows_locked(database_url, "acme"):
        results = await acme.engine.submit_many([stuck, charge(100, company="other")])
        assert isinstance(results[0], LedgerUnavailable)
        assert results[0].applied is Applied.UNKNOWN
        assert isinstance(results[1], Outcome)
        (refused,) = await acme.engine.submit_many([charge(50)])
        assert isinstance(refused, LedgerUnavailable)
        assert acme.healthy()
    outcome = await definite(acme, stuck)
    assert isinstance(outcome, Outcome)
    assert outcome.entry.number == 2


@pytest.mark.parametrize("held", ["row", "advisory lock"])
async def test_p3_a_locked_cold_wallet_does_not_delay_other_charges(
    wallets: Wallets,
    database: asyncpg.Connection,
    database_url: str,
    settings: WalletSettings,
    monkeypatch: pytest.MonkeyPatch,
    held: str,
) -> None:
    """Its load waits within a bound, and Postgres is not taken to be away because of it."""
    monkeypatch.setattr(wallet.ledger.pool, "COMMAND_SECONDS_MAX", 0.5)
    await make_company(database)
    await make_company(database, "other")
    await wallets.engine.submit(top_up(1_000_000, company="other"))
    blocker = await asyncpg.connect(database_url)
    try:
        transaction = blocker.transaction()
        await transaction.start()
        if held == "row":
            await blocker.execute("SELECT 1 FROM wallets WHERE company_id = 'acme' FOR UPDATE")
        else:
            await blocker.execute("SELECT pg_advisory_xact_lock(4269, hashtext('acme'))")
        async with open_wallets(settings, sweeps=False) as impatient:
            stuck = asyncio.create_task(impatient.engine.submit(top_up(1_000)))
            refused = []
            while not stuck.done():
                (result,) = await impatient.engine.submit_many([charge(1, company="other")])
                refused += [result] if isinstance(result, WalletError) else []
            (result,) = await impatient.engine.submit_many([charge(1, company="other")])
            refused += [result] if isinstance(result, WalletError) else []
            if held == "row":
                with pytest.raises(Unavailable):
                    await stuck
            else:  # The load goes on without it.
                assert (await stuck).entry.number == 1
            assert refused == []
        await transaction.rollback()
    finally:
        await blocker.close()


async def test_p3_eight_locked_cold_companies_do_not_delay_a_ninth_for_long(
    wallets: Wallets, database: asyncpg.Connection, database_url: str
) -> None:
    """They take every place that there is for loads."""
    companies = [f"locked-{i}" for i in range(LOADS_AT_ONCE_MAX)]
    for company in [*companies, "ninth"]:
        await make_company(database, company)
    async with rows_locked(database_url, *companies):
        stuck = [asyncio.create_task(wallets.engine.submit(top_up(1, company=company))) for company in companies]
        await until(lambda: wallets.engine._lanes[0]._parking._loads.keys() == set(companies))
        async with asyncio.timeout(COMMAND_SECONDS_MAX / 2):
            assert (await wallets.engine.submit(top_up(1, company="ninth"))).entry.number == 1
        for result in await asyncio.gather(*stuck, return_exceptions=True):
            assert isinstance(result, LedgerUnavailable)
            assert result.applied is Applied.NO
        assert wallets.healthy()


@pytest.mark.parametrize("connection", ["pool", "append"])
async def test_p3_a_connection_commits_to_disk_in_utc_by_its_own_settings(
    database: asyncpg.Connection, database_url: str, connection: str
) -> None:
    """P3: a connection commits to the disk and uses UTC, independent of the database's settings."""
    expected = {
        "synchronous_commit": ("off", "on"),
        "default_transaction_isolation": ("serializable", "read committed"),
        "timezone": ("Europe/Berlin", "UTC"),
        "lock_timeout": ("0", "250ms"),
        "idle_in_transaction_session_timeout": ("0", "10s"),
    }
    name = await database.fetchval("SELECT current_database()")
    for setting, (worse, _) in expected.items():
        await database.execute(f"ALTER DATABASE {name} SET {setting} = '{worse}'")
    plain = await asyncpg.connect(database_url)
    assert await shown(plain, expected) == {setting: worse for setting, (worse, _) in expected.items()}
    await plain.close()
    pool = await open_pool(database_url, size_max=2)
    ours = pool if connection == "pool" else await open_connection(database_url)
    try:
        assert await shown(ours, expected) == {setting: ours for setting, (_, ours) in expected.items()}
    finally:
        if ours is not pool:
            await ours.close()
        await pool.close()


async def shown(connection: asyncpg.Connection | asyncpg.Pool, settings: Iterable[str]) -> dict[str, str]:
    """Return settings of a session."""
    return {setting: await connection.fetchval(f"SHOW {setting}") for setting in settings}
