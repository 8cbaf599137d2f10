"""A process refuses to start with stores that would mix up wallets or lose names."""

import asyncpg
import psycopg
import pytest

import devstack
from tests.conftest import with_template
from tests.support.builders import charge, make_company, top_up
from tests.support.wallets import Wallets, open_wallets
from wallet.installation import NotThisInstallation
from wallet.ledger.migrate import UnfitDatabase, migrate
from wallet.settings import WalletSettings


async def test_p2_a_redis_that_holds_another_ledgers_wallets_is_refused(
    wallets: Wallets, database: asyncpg.Connection, postgres: devstack.Postgres, settings: WalletSettings
) -> None:
    """Recovery would write the one's charges into the other."""
    await make_company(database)
    await wallets.engine.submit(top_up(1_000))
    with_template(postgres, "another_ledger")
    try:
        other = settings.model_copy(update={"database_url": postgres.database_dsn("another_ledger")})
        with pytest.raises(NotThisInstallation, match=r"REDIS_URL holds the wallets of another ledger"):
            async with open_wallets(other):
                pass
    finally:
        postgres.drop_database("another_ledger")
    async with open_wallets(settings, sweeps=False) as again:
        assert (await again.engine.submit(charge(400))).entry.balance_after == 600


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_name_is_refused(postgres: devstack.Postgres, encoding: str) -> None:
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE narrow TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'".encode())
    try:
        with pytest.raises(UnfitDatabase, match=f"encoding is {encoding}"):
            migrate(postgres.database_dsn("narrow"))
    finally:
        postgres.drop_database("narrow")


@pytest.mark.parametrize(
    ("variable", "value"), [("REDIS_URL", "127.0.0.1:6379"), ("DATABASE_URL", "mysql://127.0.0.1/wallets")]
)
def test_an_address_of_another_kind_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=variable.lower()):
        WalletSettings()
