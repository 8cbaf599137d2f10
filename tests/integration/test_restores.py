"""Postgres was restored to the past: Redis is ahead of it, and is never believed."""

import asyncpg
import pytest

from tests.builders import charge
from tests.engine_steps import entries_of
from wallet.domain.errors import Applied, WalletUnavailable
from wallet.runtime import Wallets

pytestmark = pytest.mark.usefixtures("clean_afterwards")


async def test_p2_a_redis_ahead_of_the_ledger_is_unavailable_until_the_wallet_is_rebuilt(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    """Postgres was restored to the past, and the epoch that Redis has was never begun there."""
    for _ in range(2):
        await acme.rebuild("acme")
    await database.execute("UPDATE wallets SET epoch = 1")
    request = charge(400)
    for _ in range(2):
        with pytest.raises(WalletUnavailable) as raised:
            await acme.engine.submit(request)
        assert raised.value.applied is Applied.UNKNOWN
    with pytest.raises(WalletUnavailable):
        await acme.engine.submit(charge(100_000))
    await acme.rebuild("acme")
    assert (await acme.engine.submit(request)).entry.number == 2
    assert len(await entries_of(database)) == 2
