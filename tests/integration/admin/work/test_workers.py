"""Background work: one process runs it at a time, another takes over, and a fault ends only one run."""

import asyncio

import asyncpg
import pytest

from admin.app import features
from admin.settings import AdminSettings
from admin.work.leases import Leases
from admin.work.runner import LEASE_SECONDS, Worker, run_once, running
from tests.conftest import OpenWallets
from tests.support.builders import make_company, top_up
from tests.support.polling import until
from tests.support.wallets import Wallets
from wallet.domain.errors import Applied, LedgerUnavailable


def workers(wallets: Wallets) -> list[Worker]:
    """Return all background work of the back office, without a payment provider and without mail."""
    return [worker for feature in features(wallets, AdminSettings(), None, None) for worker in feature.workers]


async def expire(database: asyncpg.Connection, name: str) -> None:
    """Make a lease expire now."""
    await database.execute("UPDATE leases SET expires_at = clock_timestamp() - interval '1 ms' WHERE name = $1", name)


async def test_a_lease_is_held_until_it_expires_or_is_released(wallets: Wallets, database: asyncpg.Connection) -> None:
    first, second = Leases(wallets.pool), Leases(wallets.pool)
    assert await first.acquire("mail", LEASE_SECONDS)
    assert await first.acquire("mail", LEASE_SECONDS), "its holder renews it"
    assert not await second.acquire("mail", LEASE_SECONDS)
    assert await second.acquire("rollups", LEASE_SECONDS), "leases are independent of each other"
    await expire(database, "mail")
    assert await second.acquire("mail", LEASE_SECONDS)
    assert not await first.acquire("mail", LEASE_SECONDS)
    await first.release("mail", "rollups")
    assert not await first.acquire("mail", LEASE_SECONDS), "only its holder releases a lease"
    await second.release("mail", "rollups")
    assert await first.acquire("mail", LEASE_SECONDS)


async def test_one_of_many_concurrent_processes_gets_a_lease(wallets: Wallets) -> None:
    acquired = await asyncio.gather(*(Leases(wallets.pool).acquire("mail", LEASE_SECONDS) for _ in range(20)))
    assert sum(acquired) == 1


async def test_a_worker_runs_only_under_its_lease(wallets: Wallets, database: asyncpg.Connection) -> None:
    runs: list[str] = []

    async def work(process: str) -> None:
        runs.append(process)

    mine = Worker("work", lambda: work("mine"), 0.0)
    other = Worker("work", lambda: work("other"), 0.0)
    leases = Leases(wallets.pool), Leases(wallets.pool)
    assert await run_once(mine, leases[0])
    assert not await run_once(other, leases[1])
    await expire(database, "work")
    assert await run_once(other, leases[1])
    assert runs == ["mine", "other"]


@pytest.mark.parametrize("error", [ValueError("a fault"), LedgerUnavailable("away", applied=Applied.NO)])
async def test_a_failed_worker_runs_again(wallets: Wallets, error: Exception) -> None:
    ran = 0

    async def work() -> None:
        nonlocal ran
        ran += 1
        raise error

    assert not await run_once(Worker("work", work, 0.0), wallets.leases)
    async with running([Worker("work", work, 0.0)], wallets.leases):
        await until(lambda: ran > 3)


async def test_the_workers_run_and_are_handed_over(
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
    assert not await database.fetch("SELECT FROM leases"), "released at the end"
    await wallets.engine.submit(top_up(1_000))
    beside = await open_more()
    async with running(workers(beside), beside.leases):
        await until(lambda: database.fetchval(f"{query} AND number = 2"))
