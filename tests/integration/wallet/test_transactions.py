"""Each kind of transaction: its commits, and the `applied` of its errors."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import asyncpg
import pytest

from wallet.domain.errors import Applied, LedgerUnavailable
from wallet.ledger.pool import Connection, open_pool
from wallet.ledger.transactions import autocommitting, reading, snapshot, writing

INSERT = "INSERT INTO settings (name, value) VALUES ($1, '')"
COUNT = "SELECT count(*) FROM settings WHERE name LIKE 'test-%'"


class Interrupted(Exception):
    """Any error that is none of Postgres's."""


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """An open pool of two connections."""
    opened = await open_pool(database_url, size_max=2)
    yield opened
    await opened.close()


@pytest.mark.parametrize(("open_block", "kept"), [(writing, 0), (autocommitting, 1)])
async def test_an_exception_rolls_back_a_transaction(
    pool: asyncpg.Pool, open_block: Callable[[asyncpg.Pool], AbstractAsyncContextManager[Connection]], kept: int
) -> None:
    """`writing` rolls back what was done before the exception; `autocommitting` has committed it."""

    async def interrupted() -> None:
        async with open_block(pool) as connection:
            await connection.execute(INSERT, "test-1")
            raise Interrupted

    with pytest.raises(Interrupted):
        await interrupted()
    assert await pool.fetchval(COUNT) == kept


async def test_a_snapshot_does_not_see_later_commits(pool: asyncpg.Pool) -> None:
    """All statements of `snapshot` see the same; those of `reading` see what is committed meanwhile."""
    async with snapshot(pool) as still:
        assert await still.fetchval(COUNT) == 0
        async with writing(pool) as connection:
            await connection.execute(INSERT, "test-1")
        assert await still.fetchval(COUNT) == 0
    async with reading(pool) as connection:
        assert await connection.fetchval(COUNT) == 1


async def test_a_snapshot_cannot_write(pool: asyncpg.Pool) -> None:
    """Postgres refuses a write in `snapshot`, which is read-only."""
    with pytest.raises(LedgerUnavailable) as refused:
        async with snapshot(pool) as connection:
            await connection.execute(INSERT, "test-1")
    assert isinstance(refused.value.__cause__, asyncpg.ReadOnlySQLTransactionError)


@pytest.mark.parametrize(
    ("open_block", "applied"),
    [
        (reading, Applied.NO),
        (snapshot, Applied.NO),
        (autocommitting, Applied.UNKNOWN),
        (writing, Applied.UNKNOWN),
    ],
)
async def test_a_lost_connection_says_what_may_be_applied(
    pool: asyncpg.Pool, open_block: Callable[[asyncpg.Pool], AbstractAsyncContextManager[Connection]], applied: Applied
) -> None:
    """A connection that is lost in a write may have committed, one that is lost in a read has changed nothing."""
    with pytest.raises(LedgerUnavailable) as lost:
        async with open_block(pool) as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert lost.value.applied is applied
