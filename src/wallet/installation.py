"""Settings that all processes of an installation share: the number of partitions, and the ledger of the hot state."""

import asyncpg

from wallet.domain.errors import Applied
from wallet.hot.store import HotStore
from wallet.ledger.transactions import autocommitting, reading

PARTITIONS_ON_CLUSTER = 64


class NotThisInstallation(Exception):
    """Serving with these settings would mix up wallets. The text says what to change."""


async def agree_on_partitions(pool: asyncpg.Pool, wanted: int | None, *, cluster: bool) -> int:
    """Return the number of partitions, which the first process of the installation decides.

    Raises NotThisInstallation if `wanted` is another number; LedgerUnavailable.
    """
    agreed = int(await _setting(pool, "partitions", str(wanted or (PARTITIONS_ON_CLUSTER if cluster else 1))))
    if wanted is not None and wanted != agreed:
        raise NotThisInstallation(
            f"PARTITIONS is {wanted}, but this ledger's wallets are kept in {agreed}. Unset it, or set it to {agreed}."
        )
    return agreed


async def claim_hot_state(pool: asyncpg.Pool, hot: HotStore) -> None:
    """Claim the hot state for this ledger: recovery writes every journal entry that it finds there.

    Raises NotThisInstallation if the hot state belongs to another ledger; LedgerUnavailable, WalletUnavailable.
    """
    async with reading(pool) as connection:
        proposed = str(await connection.fetchval("SELECT gen_random_uuid()"))
    ours = await _setting(pool, "ledger", proposed)
    owner = await hot.claim(ours)
    if owner != ours:
        raise NotThisInstallation(
            f"The Redis of REDIS_URL holds the wallets of another ledger ({owner}) than the database of DATABASE_URL "
            f"({ours}). Give each database a Redis, or a Redis database, of its own."
        )


async def _setting(pool: asyncpg.Pool, name: str, proposed: str) -> str:
    """Return the stored value of a setting, which is the first one that was proposed."""
    insert = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING"
    async with autocommitting(pool, Applied.NO) as connection:
        await connection.execute(insert, name, proposed)
        value: str = await connection.fetchval("SELECT value FROM settings WHERE name = $1", name)
    return value
