"""The hot state on a real cluster of three: partitions, lanes, and slots that move while charging goes on."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

import devstack
from admin.auto_top_ups.domain import AutoTopUpChange
from tests.support.audit import assert_clean
from tests.support.builders import (
    authorize,
    capture,
    charge,
    make_company,
    top_up,
)
from tests.support.polling import until
from tests.support.wallets import Wallets, open_wallets
from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.domain.errors import InsufficientFunds, Unavailable
from wallet.hot.keys import Keys
from wallet.installation import NotThisInstallation
from wallet.requests import Result
from wallet.settings import WalletSettings

PARTITIONS = 64
COMPANIES = [f"company-{i}" for i in range(40)]
SLOTS_MOVED = 6
RETRY_SECONDS = 0.01
DEFINITE_SECONDS_MAX = 20.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[devstack.ValkeyCluster]:
    """Three primaries that share the slots."""
    with devstack.ValkeyCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def cluster_settings(cluster: devstack.ValkeyCluster, database_url: str) -> WalletSettings:
    """Settings for an engine on the emptied cluster."""
    for node in cluster.nodes:
        execute(node, "FLUSHALL")
    return WalletSettings(database_url=database_url, redis_url=cluster.url, partitions=PARTITIONS)


@pytest.fixture
async def engines(cluster_settings: WalletSettings, database: asyncpg.Connection) -> AsyncIterator[list[Wallets]]:
    """Two engines and 40 companies with 1 000 micros each. All promises hold afterwards."""
    async with AsyncExitStack() as stack:
        engines = [
            await stack.enter_async_context(open_wallets(cluster_settings, sweeps=bool(sweeps))) for sweeps in range(2)
        ]
        for company in COMPANIES:
            await make_company(database, company)
        await engines[0].engine.submit_many([top_up(1_000, company=company) for company in COMPANIES])
        yield engines
        await assert_clean(engines[0], database)


def execute(node: devstack.Valkey, *command: str | int) -> Any:
    """Run one command on one node."""
    with node.connect() as client:
        return client.execute_command(*command)


async def definite(wallets: Wallets, command: Command) -> Result:
    """Retry as a gateway does, until the answer is definite."""
    deadline = asyncio.get_running_loop().time() + DEFINITE_SECONDS_MAX
    while True:
        (result,) = await wallets.engine.submit_many([command])
        if not isinstance(result, Unavailable):
            return result
        assert asyncio.get_running_loop().time() < deadline, repr(result)
        await asyncio.sleep(RETRY_SECONDS)


async def test_p2_p3_p4_two_engines_charge_40_companies_on_a_cluster(
    engines: list[Wallets], database: asyncpg.Connection
) -> None:
    """P2, P3, P4: charges and authorizations of 40 companies from two engines."""
    requests = [
        request
        for company in COMPANIES
        for request in (
            *(charge(10, company=company) for _ in range(10)),
            authorize(300, "call", company=company),
            capture(250, "call", company=company),
        )
    ]
    by_company = [requests[i : i + 12] for i in range(0, len(requests), 12)]
    results = await asyncio.gather(
        *(engines[i % 2].engine.submit_many(some) for i, some in enumerate(by_company)),
    )
    first = [result for some in results for result in some]
    assert [repr(result) for result in first if not isinstance(result, Outcome)] == []
    again = await engines[1].engine.submit_many(requests)
    for one, other in zip(first, again, strict=True):
        assert isinstance(one, Outcome)
        assert isinstance(other, Outcome)
        assert one.entry == other.entry
    assert await database.fetchval("SELECT count(*) FROM wallets WHERE balance <> 650 OR held <> 0") == 0


async def test_p1_64_charges_at_once_on_a_wallet_that_affords_10_make_10(engines: list[Wallets]) -> None:
    results = await asyncio.gather(
        *(engines[i % 2].engine.submit(charge(100, company="company-7")) for i in range(64)), return_exceptions=True
    )
    assert sum(isinstance(result, Outcome) for result in results) == 10
    assert sum(isinstance(result, InsufficientFunds) for result in results) == 54


async def test_scale_partitions_spread_over_the_nodes_and_each_node_has_a_lane(engines: list[Wallets]) -> None:
    lanes = Counter(engines[0].hot.lanes().values())
    assert sum(lanes.values()) == PARTITIONS
    assert len(lanes) == 3
    assert min(lanes.values()) >= PARTITIONS // 6
    assert len({Keys(PARTITIONS).partition(company) for company in COMPANIES}) > PARTITIONS // 4


async def test_p2_a_process_with_another_number_of_partitions_does_not_serve(
    engines: list[Wallets], cluster_settings: WalletSettings
) -> None:
    assert engines
    with pytest.raises(NotThisInstallation):
        async with open_wallets(cluster_settings.model_copy(update={"partitions": 32})):
            pass
    async with open_wallets(cluster_settings.model_copy(update={"partitions": None})) as agreed:
        assert agreed.hot.keys.partitions == PARTITIONS


async def test_scale_signals_of_all_partitions_are_taken_once(engines: list[Wallets]) -> None:
    for company in COMPANIES[:10]:
        await engines[0].auto_top_ups.put(company, AutoTopUpChange(900, 1_000, "pm_1"))
    await engines[0].engine.submit_many([charge(200, company=company) for company in COMPANIES])
    taken = await asyncio.gather(*(each.hot.take_signals(100) for each in engines))
    assert sorted(company for some in taken for company in some) == sorted(COMPANIES[:10])


def move_slot(cluster: devstack.ValkeyCluster, slot: int) -> None:
    """Move a slot to the next node, key by key, as an operator's tool does."""
    names = [execute(node, "CLUSTER", "MYID").decode() for node in cluster.nodes]
    at = next(i for i, node in enumerate(cluster.nodes) if _serves(node, slot))
    source, target = cluster.nodes[at], cluster.nodes[(at + 1) % len(cluster.nodes)]
    target_name = names[(at + 1) % len(names)]
    execute(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", names[at])
    execute(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", target_name)
    while keys := execute(source, "CLUSTER", "GETKEYSINSLOT", slot, 5):
        execute(source, "MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", *keys)
    for node in (target, source, *cluster.nodes):
        execute(node, "CLUSTER", "SETSLOT", slot, "NODE", target_name)


def _serves(node: devstack.Valkey, slot: int) -> bool:
    me = execute(node, "CLUSTER", "MYID")
    for first, last, primary, *_ in execute(node, "CLUSTER", "SLOTS"):
        if first <= slot <= last:
            return bool(primary[2] == me)
    return False


async def charged_more(charged: Counter[str], company: str) -> None:
    """Wait for some charges more."""
    enough = charged[company] + 5
    await until(lambda: charged[company] >= enough, seconds_max=DEFINITE_SECONDS_MAX)


async def test_p2_p3_p4_slots_move_while_charging(
    engines: list[Wallets], cluster: devstack.ValkeyCluster, database: asyncpg.Connection
) -> None:
    """Every call is definite in the end, and the ledger has each charge once."""
    moving = COMPANIES[:SLOTS_MOVED]
    stop = asyncio.Event()
    charged: Counter[str] = Counter()
    busy = COMPANIES[: 2 * SLOTS_MOVED]
    await engines[0].engine.submit_many([top_up(999_000, company=company) for company in busy])

    async def gateway(wallets: Wallets, company: str) -> None:
        while not stop.is_set():
            result = await definite(wallets, charge(1, company=company))
            assert isinstance(result, Outcome), repr(result)
            charged[company] += 1

    gateways = [asyncio.create_task(gateway(wallets, company)) for company in busy for wallets in engines]
    for company in moving:
        tag = engines[0].hot.keys.wallet(company)
        slot = execute(cluster.nodes[0], "CLUSTER", "KEYSLOT", tag)
        await asyncio.to_thread(move_slot, cluster, slot)
        await charged_more(charged, company)
    stop.set()
    await asyncio.gather(*gateways)
    for company in busy:
        balance = await database.fetchval("SELECT balance FROM wallets WHERE company_id = $1", company)
        assert balance == 1_000_000 - charged[company]
