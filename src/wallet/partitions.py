"""The number of partitions, on which every process of an installation must agree."""

import asyncpg

PARTITIONS_ON_CLUSTER = 64


class PartitionsDiffer(Exception):
    """This process was told another number than the installation uses; its wallets would not be theirs."""


async def agree(pool: asyncpg.Pool, wanted: int | None, *, cluster: bool) -> int:
    """Return the installation's number of partitions; the first process to ask decides it. Raises PartitionsDiffer."""
    proposed = wanted or (PARTITIONS_ON_CLUSTER if cluster else 1)
    await pool.execute(
        "INSERT INTO settings (name, value) VALUES ('partitions', $1) ON CONFLICT DO NOTHING", str(proposed)
    )
    agreed = int(await pool.fetchval("SELECT value FROM settings WHERE name = 'partitions'"))
    if wanted is not None and wanted != agreed:
        raise PartitionsDiffer(
            f"PARTITIONS is {wanted}, but this ledger's wallets are kept in {agreed}. Unset it, or set it to {agreed}."
        )
    return agreed
