"""Leases decide which of several processes does a kind of background work.

They save work and guarantee nothing: a process may be stopped for longer than its lease lasts and then continue beside
another one. So all work under a lease must be correct when two processes do it at the same time.
"""

from secrets import token_hex

import asyncpg

from wallet.domain.errors import Applied
from wallet.ledger.transactions import autocommitting

_ACQUIRE = """
    INSERT INTO leases VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
    WHERE leases.holder = excluded.holder OR leases.expires_at < clock_timestamp()
    RETURNING true
"""
_RELEASE = "DELETE FROM leases WHERE name = ANY ($1) AND holder = $2"


class Leases:
    """The leases of one holder, by Postgres's clock.

    Every method raises LedgerUnavailable if Postgres does not answer.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool; the holder's name is random."""
        self._pool = pool
        self._holder = token_hex(8)

    async def acquire(self, name: str, seconds: float) -> bool:
        """Acquire or renew a lease for a number of seconds from now; return False if another holder has it."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            return bool(await connection.fetchval(_ACQUIRE, name, self._holder, seconds))

    async def release(self, *names: str) -> None:
        """Release the leases of this holder, so that another process need not wait until they expire."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(_RELEASE, list(names), self._holder)
