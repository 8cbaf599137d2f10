"""The ledger that benchmarks fill is sound, and can be charged."""

import asyncio
import subprocess
import sys

import asyncpg
import pytest

from benchmarks.isolated.filling import FUNDS_MICROS, fill
from benchmarks.isolated.installation import read_balances
from tests.support.audit import assert_clean
from tests.support.builders import charge
from tests.support.wallets import Wallets
from wallet.settings import WalletSettings

COMPANIES, ENTRIES = 7, 5_003
"""Not a multiple of the companies, so that some have one entry more."""
INDEXES = "SELECT indexname FROM pg_indexes WHERE tablename = 'entries' ORDER BY 1"
VERIFY_SECONDS_MAX = 60


async def test_a_filled_ledger_is_verified_clean(settings: WalletSettings, database: asyncpg.Connection) -> None:
    indexes = await database.fetch(INDEXES)
    fill(settings.database_url, companies=COMPANIES, entries=ENTRIES)
    assert await database.fetch(INDEXES) == indexes, "all indexes are there again"
    assert await database.fetchval("SELECT count(*) FROM entries WHERE kind = 1") == ENTRIES
    verified = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "admin", "verify"],
        env={"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url},
        capture_output=True,
        text=True,
        timeout=VERIFY_SECONDS_MAX,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert f"{COMPANIES} wallets, {ENTRIES + COMPANIES} transactions" in verified.stdout


@pytest.mark.parametrize("entries", [0, 100])
async def test_a_filled_ledger_can_be_charged(wallets: Wallets, settings: WalletSettings, entries: int) -> None:
    fill(settings.database_url, companies=COMPANIES, entries=entries)
    company, before = next(iter(read_balances(settings.database_url).items()))
    assert before <= FUNDS_MICROS
    outcome = await wallets.engine.submit(charge(75_000, company=company))
    assert outcome.entry.balance_after == before - 75_000
    assert outcome.entry.number == 2 + -(-entries // COMPANIES)


@pytest.fixture(autouse=True)
async def clean(wallets: Wallets, database: asyncpg.Connection) -> object:
    """Verify all promises after the test."""
    yield
    await assert_clean(wallets, database)
