"""Spend limits for tests, and assertions on them."""

import asyncpg
import pytest

from tests.support.wallets import Wallets
from wallet.domain.commands import Command
from wallet.domain.errors import (
    SpendLimitReached,
)
from wallet.domain.limits import SpendLimit, Window

DAY = SpendLimit("acme", "daily", Window.DAY, 1000)


async def spent(wallets: Wallets, limit: str = "daily") -> int:
    """Return the spend of a limit in its current window."""
    return (await wallets.spend_limits.get("acme", limit)).spent


async def assert_refused(wallets: Wallets, command: Command, *, limit: str = "daily", spent: int) -> SpendLimitReached:
    """Assert that a limit refuses a command at this spend; return the error."""
    with pytest.raises(SpendLimitReached) as caught:
        await wallets.engine.submit(command)
    assert (caught.value.limit.id, caught.value.spent) == (limit, spent)
    return caught.value


async def let_a_day_pass(database: asyncpg.Connection) -> None:
    """Move all entries back by a day."""
    day = 86_400_000_000
    await database.execute("UPDATE entries SET created_at = created_at - $1", day)
    await database.execute("UPDATE authorizations SET created_at = created_at - $1", day)
    await database.execute("UPDATE spend_limits SET counts_from = counts_from - $1", day)
    await database.execute("UPDATE spend_counters SET starts_at = starts_at - $1", day)
    await database.execute("UPDATE wallets SET last_at = last_at - $1, epoch = epoch + 1, last_seq = 0", day)
