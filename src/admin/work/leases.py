"""Leases: which of several processes does a piece of background work for now.

They spare work. A process may be stopped for longer than its lease lasts and then go on, beside another: so whatever is
done under a lease must be right also when two do it at once.
"""

from secrets import token_hex

import asyncpg

from wallet.domain.errors import Applied
from wallet.ledger.transactions import autocommitting

_HOLD = """
    INSERT INTO leases VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
    WHERE leases.holder = excluded.holder OR leases.expires_at < clock_timestamp()
    RETURNING true
"""
_RELEASE = "DELETE FROM leases WHERE name = ANY ($1) AND holder = $2"


class Leases:
    """The leases of one holder. Time is Postgres's. Every method raises LedgerUnavailable where it does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool; the holder's name is made up."""
        self._pool = pool
        self._holder = token_hex(8)

    async def hold(self, name: str, seconds: float) -> bool:
        """Take or renew a lease, from now on for so many seconds; return False where somebody else has it."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            return bool(await connection.fetchval(_HOLD, name, self._holder, seconds))

    async def release(self, *names: str) -> None:
        """Give leases up, so that another process need not wait for their end; those of others stay."""
        async with autocommitting(self._pool, Applied.NO) as connection:
            await connection.execute(_RELEASE, list(names), self._holder)
