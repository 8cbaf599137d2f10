"""The suite: all scenarios in rounds, the ledger compared with the books, everything closed in the end."""

from collections.abc import Sequence

import pytest

from benchmarks.cleanup import close_companies
from benchmarks.companies import Admin
from benchmarks.http2.endpoint import Target
from benchmarks.isolated.scenario import Outcome
from benchmarks.loadgen.books import Books
from benchmarks.metrics import collect_metrics
from benchmarks.report import table
from benchmarks.rows import rows
from benchmarks.scenarios import Scenario, scenarios
from benchmarks.servers import Server, ServerRole, Service
from benchmarks.suite import Plan, Results, Suite
from tests.unit.benchmarks.bench_wallets import AMOUNT_MICROS, Wallets, endpoint, served

RATE = 100.0


@pytest.fixture
def wallets() -> Wallets:
    wallets = Wallets()
    wallets.allows_debt = False
    return wallets


async def run_suite(target: Target, peer: Target, chosen: Sequence[Scenario], *, keeps: bool = True) -> Results:
    server = Server(endpoint(target))
    service = Service(
        servers={role: Server(endpoint(target if role.uses_ledger else peer)) for role in ServerRole}
        if keeps
        else {ServerRole.CHARGING: server, ServerRole.ADMIN: server},
        is_temporary=keeps,
    )
    plan = Plan(
        scenarios=chosen,
        companies=5,
        connections=2,
        rounds=1,
        seconds=0.15,
        seconds_max=60,
        warm_up_seconds=0.05,
    )
    return await Suite(service, plan).run()


async def test_all_scenarios_run_and_the_ledger_agrees(wallets: Wallets) -> None:
    chosen = scenarios(RATE)
    async with served(wallets) as target, served(Wallets()) as peer:
        results = await run_suite(target, peer, chosen)
    assert results.differences == 0
    found = rows(results, chosen)
    assert len(results.measurements["echo"]) == 2, "once more at the end of the round"
    metrics = collect_metrics(results, found, fsync_ms=0.1, outcomes=[Outcome({"growth_companies": 1.0})])
    assert {
        "echo_rps",
        "charge_rps_16",
        "charge_rps_64",
        "charge_p50_ms",
        "charge_p99_ms",
        "batch100_rps",
        "hot1_rps_64",
        "one_p50_ms",
        "open_p95_ms",
        "open_p99_ms",
        "open_p999_ms",
        "stream_rps",
        "calls_rps",
        "naive_rps_hot",
        "naive_batch_rps",
        "workers2_rps_64",
        "burst_others_p99_ms",
        "charge_over_echo",
        "charge_rps_64_grpc",
        "charge_rps_16_grpc",
        "one_p50_ms_grpc",
        "echo_envoy_rps",
        "envoy_over_grpc_64",
        "envoy_over_grpc_16",
        "envoy_over_grpc_1",
        "charge_priced_ratio",
        "charge_over_naive_hot",
        "batch_over_naive",
        "growth_companies",
    } <= metrics.keys()
    assert metrics["errors"] == 0
    assert all(value > 0 for key, value in metrics.items() if key.endswith(("_rps", "_ms")))
    assert metrics["open_rps"] == pytest.approx(RATE, rel=0.2)
    text = table(found)
    assert all(part.title in text for scenario in chosen for part in scenario.parts)


async def test_a_charge_missing_in_the_ledger_is_found(wallets: Wallets) -> None:
    wallets.forgets_every = 100
    async with served(wallets) as target, served(Wallets()) as peer:
        results = await run_suite(target, peer, [each for each in scenarios() if each.name in {"charge64", "batch100"}])
    assert results.differences > 0


async def test_companies_of_a_permanent_service_are_closed(wallets: Wallets) -> None:
    chosen = [each for each in scenarios(RATE) if each.name in {"charge64", "calls", "mixed", "declines", "echo"}]
    async with served(wallets) as target:
        results = await run_suite(target, target, chosen, keeps=False)
    assert "echo" not in results.measurements, "there is no bare handler to measure"
    assert results.unclosed == 0
    assert len(wallets.closed) == 5 + 1 + 100
    assert not wallets.held
    assert not +wallets.balances


async def test_companies_that_cannot_be_closed_are_named(wallets: Wallets) -> None:
    async with served(wallets) as target:
        async with Admin.at(endpoint(target)) as admin:
            companies = await admin.make_companies(3, funds_micros=10 * AMOUNT_MICROS)
        books = Books(companies, AMOUNT_MICROS)
        # The books know one hold that was never made, but not the one that is open.
        books.open_holds.add((0, b"0" * 24))
        wallets.held[f"{companies[1]}/authorizations/unknown"] = AMOUNT_MICROS
        problems = await close_companies(endpoint(target), endpoint(target), companies, [books])
    assert problems == [f"{companies[1]}: the wallet is not empty"]
    assert wallets.closed == {companies[0], companies[2]}


def test_names_of_scenarios_are_unique() -> None:
    names = [scenario.name for scenario in scenarios()]
    assert len(names) == len(set(names))
    titles = [part.title for scenario in scenarios() for part in scenario.parts]
    assert len(titles) == len(set(titles))
