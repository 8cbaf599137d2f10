"""Connections and transactions for reads and writes, with errors that say what may have been applied.

| | transaction | `applied`, if Postgres does not answer |
|---|---|---|
| `reading` | each statement its own | NO |
| `snapshot` | one, in which every statement sees the same | NO |
| `autocommitting` | each statement its own | UNKNOWN: it may be committed |
| `writing` | one, committed at the end of the block | UNKNOWN |

Each raises LedgerUnavailable if Postgres does not answer, and lets every other error pass. A connection is held as long
as the block lasts: a block must not open another, or a pool with all its connections in use would wait for itself.
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
    """Yield a connection whose statements each commit by themselves: a single write needs no more round trips.

    Pass `applied=NO` if it makes no difference to the caller whether the write is done again or not at all.
    """
    with translated(applied):
        async with pool.acquire() as connection:
            yield connection


@asynccontextmanager
async def writing(pool: asyncpg.Pool, applied: Applied = Applied.UNKNOWN) -> AsyncIterator[Connection]:
    """Yield a connection in a transaction, which an exception rolls back.

    Pass `applied=NO` if the transaction changes nothing that the caller requested.
    """
    async with autocommitting(pool, applied) as connection, connection.transaction():
        yield connection
