"""Somebody sits on a lock in Postgres: that company waits, within a bound, and no other."""

import asyncio

import asyncpg
import pytest

import wallet.lane
import wallet.ledger.pool
from tests.builders import charge, make_company, top_up
from tests.engine_steps import definite
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, LedgerUnavailable, Unavailable, WalletError
from wallet.runtime import Wallets, open_wallets
from wallet.settings import WalletSettings

pytestmark = pytest.mark.usefixtures("clean_afterwards")


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds of tenths of seconds where production has seconds."""
    monkeypatch.setattr(wallet.lane, "ASIDE_SECONDS", 0.05)
    monkeypatch.setattr(wallet.ledger.pool, "COMMAND_SECONDS_MAX", 1.0)


@pytest.mark.usefixtures("short_waits")
async def test_p3_a_row_lock_that_somebody_sits_on_puts_that_company_aside_and_no_other(
    acme: Wallets, database: asyncpg.Connection, database_url: str
) -> None:
    await make_company(database, "other")
    await acme.engine.submit(top_up(1_000, company="other"))
    blocker = await asyncpg.connect(database_url)
    stuck = charge(100)
    try:
        transaction = blocker.transaction()
        await transaction.start()
        await blocker.execute("SELECT 1 FROM wallets WHERE company_id = 'acme' FOR UPDATE")
        results = await acme.engine.submit_many([stuck, charge(100, company="other")])
        assert isinstance(results[0], LedgerUnavailable)
        assert results[0].applied is Applied.UNKNOWN
        assert isinstance(results[1], Outcome)
        (aside,) = await acme.engine.submit_many([charge(50)])
        assert isinstance(aside, LedgerUnavailable)
        assert acme.healthy()
        await transaction.rollback()
    finally:
        await blocker.close()
    outcome = await definite(acme, stuck)
    assert isinstance(outcome, Outcome)
    assert outcome.entry.number == 2


@pytest.mark.parametrize("held", ["row", "advisory lock"])
async def test_p3_a_cold_wallet_that_somebody_sits_on_does_not_keep_the_others_from_charging(
    wallets: Wallets,
    database: asyncpg.Connection,
    database_url: str,
    settings: WalletSettings,
    monkeypatch: pytest.MonkeyPatch,
    held: str,
) -> None:
    """Its load waits, within a bound; nobody concludes from it that Postgres is away."""
    monkeypatch.setattr(wallet.ledger.pool, "COMMAND_SECONDS_MAX", 0.5)
    await make_company(database)
    await make_company(database, "other")
    await wallets.engine.submit(top_up(1_000, company="other"))
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
            with pytest.raises(Unavailable):
                await stuck
            assert refused == []
        await transaction.rollback()
    finally:
        await blocker.close()
