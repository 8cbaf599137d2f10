"""Classify asyncpg's errors in one place: Postgres is away, or it refuses the data."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from wallet.domain.errors import Applied, LedgerUnavailable

_AWAY_CLASSES = ("08", "53", "57", "58", "XX", "25")
"""SQLSTATE classes: connection, resources, operator intervention, system, internal, and read-only after a failover."""

_AWAY_STATES = ("40001", "40P01", "55P03", "55006")
"""Serialization failure, deadlock, lock not available, object in use: another try may pass."""


def unavailable(error: BaseException) -> bool:
    """Return whether the error means that Postgres cannot answer now, and might later."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or "08000"
        return state[:2] in _AWAY_CLASSES or state in _AWAY_STATES
    return isinstance(error, asyncpg.InterfaceError | OSError | TimeoutError | EOFError)


def is_lock_timeout(error: LedgerUnavailable) -> bool:
    """Return whether the error may concern one wallet only, whose locks another session holds."""
    return isinstance(error.__cause__, TimeoutError | asyncpg.LockNotAvailableError)


def data_refused(error: BaseException) -> bool:
    """Return whether Postgres refuses the data itself (classes 22 and 23), or asyncpg cannot encode it."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in ("22", "23")
    return isinstance(error, asyncpg.DataError)


@contextmanager
def translated(applied: Applied = Applied.NO) -> Iterator[None]:
    """Turn a driver error that means Postgres is away into LedgerUnavailable; let every other error pass."""
    try:
        yield
    except Exception as error:
        if not unavailable(error):
            raise
        raise LedgerUnavailable(f"Postgres does not answer: {type(error).__name__}", applied=applied) from error
