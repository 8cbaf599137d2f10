"""Receive notifications of Postgres (LISTEN/NOTIFY) over a dedicated connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg

from wallet.ledger.pool import COMMAND_SECONDS_MAX, CONNECT_SECONDS_MAX

CHECK_SECONDS = 30.0
"""Time between two checks of the connection: a half-open one delivers nothing and reports no error by itself."""


@asynccontextmanager
async def listening(database_url: str, channel: str, notify: Callable[[], None]) -> AsyncIterator[asyncio.Event]:
    """Call `notify` for every notification of a channel; yield an event that is set when the connection is lost.

    Raises asyncpg's errors if it cannot connect.
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
        await connection.add_listener(channel, lambda *_: notify())
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
