"""How Postgres is read and written: a connection, a transaction, and errors that say what may have happened.

| | transaction | Applied, where Postgres does not answer |
|---|---|---|
| `reading` | each statement its own | NO |
| `snapshot` | one, in which every statement sees the same | NO |
| `autocommitting` | each statement its own | UNKNOWN: it may be committed |
| `writing` | one, committed at the end of the block | UNKNOWN |

Each raises LedgerUnavailable where Postgres does not answer, and lets every other error pass. A connection is held as
long as the block lasts: a block must not open another, or a pool whose every connection is held waits for itself.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from wallet.domain.errors import Applied
from wallet.ledger.failures import translated
from wallet.ledger.pool import Connection


@asynccontextmanager
async def reading(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """Yield a connection to read from; every statement sees what is committed when it begins."""
    async with autocommitting(pool, Applied.NO) as connection:
        yield connection


@asynccontextmanager
async def snapshot(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """Yield a connection to read from; all statements see what was committed before the first of them."""
    async with reading(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection


@asynccontextmanager
async def autocommitting(pool: asyncpg.Pool, applied: Applied = Applied.UNKNOWN) -> AsyncIterator[Connection]:
    """Yield a connection each statement of which commits by itself: a single write needs no more round trips.

    `applied` is NO where doing the write again, or not at all, makes no difference to the caller.
    """
    with translated(applied):
        async with pool.acquire() as connection:
            yield connection


@asynccontextmanager
async def writing(pool: asyncpg.Pool, applied: Applied = Applied.UNKNOWN) -> AsyncIterator[Connection]:
    """Yield a connection in a transaction, which an exception rolls back.

    `applied` is NO where the transaction changes nothing that the caller asked for.
    """
    async with autocommitting(pool, applied) as connection, connection.transaction():
        yield connection
