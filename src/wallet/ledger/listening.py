"""Hear what Postgres tells (LISTEN/NOTIFY), over a connection of one's own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg

from wallet.ledger.pool import COMMAND_SECONDS_MAX, CONNECT_SECONDS_MAX

CHECK_SECONDS = 30.0
"""How often the connection is looked at: one that is half open tells nothing, and would be waited at for ever."""


@asynccontextmanager
async def listening(database_url: str, channel: str, told: Callable[[], None]) -> AsyncIterator[asyncio.Event]:
    """Call `told` for every notification of a channel; yields what is set when the connection is lost.

    Raises what asyncpg raises where there is no connection to be had.
    """
    connection = await asyncpg.connect(
        database_url,
        timeout=CONNECT_SECONDS_MAX,
        command_timeout=COMMAND_SECONDS_MAX,
        server_settings={"application_name": "veloconnect-listener"},
    )
    lost = asyncio.Event()
    checking = None
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(channel, lambda *_: told())
        checking = asyncio.create_task(_check(connection, lost), name="listener check")
        yield lost
    finally:
        if checking is not None:
            checking.cancel()
            await asyncio.gather(checking, return_exceptions=True)
        connection.terminate()


async def _check(connection: asyncpg.Connection, lost: asyncio.Event) -> None:
    try:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            await connection.execute("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        lost.set()
