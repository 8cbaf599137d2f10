"""Connections to Postgres, with the settings that the ledger needs."""

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from wallet.domain.errors import Applied
from wallet.ledger.failures import translated

CONNECT_SECONDS_MAX = 5.0
COMMAND_SECONDS_MAX = 5.0
LOCK_TIMEOUT_MS = 250
"""The time that a statement waits for a wallet's row or another load, before that company's commands are refused."""

_SETTINGS = {
    "application_name": "veloconnect-charging",
    # P3, independent of the server's default.
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    "jit": "off",
    # A day has 24 hours and begins at midnight UTC, independent of the server's default.
    "timezone": "UTC",
    "lock_timeout": str(LOCK_TIMEOUT_MS),
    # A process or machine that has crashed must not keep its locks.
    "idle_in_transaction_session_timeout": "10000",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}

_APPEND_SETTINGS = {
    **_SETTINGS,
    # Compiling or planning a statement anew costs more than running it does.
    "plan_cache_mode": "force_generic_plan",
    # Fresh tables have no statistics yet; the ledger's functions always need their indexes.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


Connection = asyncpg.Connection | PoolConnectionProxy
"""A connection, dedicated or lent by a pool."""


async def open_pool(database_url: str, *, size_max: int) -> asyncpg.Pool:
    """Return a pool for reads, loads and the back office. Raises LedgerUnavailable."""
    with translated(Applied.NO):
        return await asyncpg.create_pool(
            database_url,
            min_size=1,
            max_size=size_max,
            timeout=CONNECT_SECONDS_MAX,
            command_timeout=COMMAND_SECONDS_MAX,
            server_settings=_SETTINGS,
        )


async def open_connection(database_url: str) -> asyncpg.Connection:
    """Return one connection for appends. Raises asyncpg's errors."""
    return await asyncpg.connect(
        database_url,
        timeout=CONNECT_SECONDS_MAX,
        command_timeout=COMMAND_SECONDS_MAX,
        server_settings=_APPEND_SETTINGS,
    )
