"""Background work: one process does it, another takes over, and a fault ends nothing."""

import asyncio

import asyncpg
import pytest

from admin.app import features
from admin.settings import AdminSettings
from admin.work.leases import Leases
from admin.work.runner import LEASE_SECONDS, Worker, run_once, running
from tests.conftest import OpenWallets
from tests.support.builders import make_company, top_up
from tests.support.engine_steps import until
from tests.support.wallets import Wallets
from wallet.domain.errors import Applied, LedgerUnavailable


def workers(wallets: Wallets) -> list[Worker]:
    """Return all background work of the back office, without a payment provider and without mail."""
    return [worker for feature in features(wallets, AdminSettings(), None, None) for worker in feature.workers]


async def expire(database: asyncpg.Connection, name: str) -> None:
    """Let a lease's time be up, without waiting for it."""
    await database.execute("UPDATE leases SET expires_at = clock_timestamp() - interval '1 ms' WHERE name = $1", name)


async def test_a_lease_is_held_by_one_until_it_ends_or_is_given_up(
    wallets: Wallets, database: asyncpg.Connection
) -> None:
    first, second = Leases(wallets.pool), Leases(wallets.pool)
    assert await first.hold("mail", LEASE_SECONDS)
    assert await first.hold("mail", LEASE_SECONDS), "its holder renews it"
    assert not await second.hold("mail", LEASE_SECONDS)
    assert await second.hold("rollups", LEASE_SECONDS), "another lease is another one"
    await expire(database, "mail")
    assert await second.hold("mail", LEASE_SECONDS)
    assert not await first.hold("mail", LEASE_SECONDS)
    await first.release("mail", "rollups")
    assert not await first.hold("mail", LEASE_SECONDS), "nobody gives up what is another's"
    await second.release("mail", "rollups")
    assert await first.hold("mail", LEASE_SECONDS)


async def test_of_many_that_ask_at_once_one_has_it(wallets: Wallets) -> None:
    asked = await asyncio.gather(*(Leases(wallets.pool).hold("mail", LEASE_SECONDS) for _ in range(20)))
    assert sum(asked) == 1


async def test_work_is_done_under_its_lease_only(wallets: Wallets, database: asyncpg.Connection) -> None:
    runs: list[str] = []

    async def work(who: str) -> None:
        runs.append(who)

    mine = Worker("work", lambda: work("mine"), 0.0)
    other = Worker("work", lambda: work("other"), 0.0)
    leases = Leases(wallets.pool), Leases(wallets.pool)
    assert await run_once(mine, leases[0])
    assert not await run_once(other, leases[1])
    await expire(database, "work")
    assert await run_once(other, leases[1])
    assert runs == ["mine", "other"]


@pytest.mark.parametrize("error", [ValueError("a fault"), LedgerUnavailable("away", applied=Applied.NO)])
async def test_what_fails_runs_again(wallets: Wallets, error: Exception) -> None:
    ran = 0

    async def work() -> None:
        nonlocal ran
        ran += 1
        raise error

    assert not await run_once(Worker("work", work, 0.0), wallets.leases)
    async with running([Worker("work", work, 0.0)], wallets.leases):
        await until(lambda: ran > 3)


async def test_the_back_offices_work_runs_and_is_handed_over(
    wallets: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    await make_company(database)
    await wallets.engine.submit(top_up(1_000))
    query = "SELECT number FROM rollups WHERE company_id = 'acme'"
    async with running(workers(wallets), wallets.leases):
        await until(lambda: database.fetchval(query))
        names = {worker.name for worker in workers(wallets)}
        held = await database.fetch("SELECT name FROM leases")
        assert {row["name"] for row in held} <= names
    assert not await database.fetch("SELECT FROM leases"), "given up at the end"
    await wallets.engine.submit(top_up(1_000))
    beside = await open_more()
    async with running(workers(beside), beside.leases):
        await until(lambda: database.fetchval(f"{query} AND number = 2"))
