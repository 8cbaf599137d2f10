"""Runs scenarios in rounds, and compares the ledger with the books after each run."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.companies import Admin
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.client import Target
from benchmarks.loadgen.closed_loop import ClosedLoop, Measurement
from benchmarks.loadgen.cpu import Processes
from benchmarks.scenarios import ECHO, Ledgers, Scenario

DIFFERENCES_SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class Service:
    """What is measured, and how to get in."""

    charging: Target
    admin_address: str
    echo: Target
    token: str | None
    processes: Processes
    """Those of the service that run on this machine."""
    echo_processes: Processes


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is run."""

    scenarios: Sequence[Scenario]
    companies: int
    connections: int
    rounds: int
    seconds: float
    """Of each measured stretch."""
    seconds_max: float
    """No round begins that would end later than this."""
    warm_up_seconds: float = 1.0
    """Before each measured stretch, and for each scenario before the first round: plans, caches and
    pools fill."""


@dataclass(slots=True)
class Results:
    """What all rounds have shown."""

    measurements: dict[str, list[Measurement]] = field(default_factory=dict)
    """By the scenario's name, one for each run."""
    differences: int = 0
    """Companies whose balance was not what was acknowledged, after any run."""
    seconds: float = 0.0
    """Of the whole suite."""


class Suite:
    """One benchmark of one service."""

    def __init__(self, service: Service, plan: Plan) -> None:
        """Prepare; nothing is sent yet."""
        self._service = service
        self._plan = plan
        self._results = Results()

    async def run(self) -> Results:
        """Make companies, warm up, and run rounds. Raises `TargetUnreachable`, `grpc.RpcError`."""
        began = time.monotonic()
        _say(f"making {self._plan.companies + 1} companies")
        async with Admin.at(self._service.admin_address, self._service.token) as admin:
            ledgers = Ledgers.of(await admin.make_companies(self._plan.companies + 1))
        _say("warming up")
        for scenario in self._plan.scenarios:
            await self._run(scenario, ledgers, self._plan.warm_up_seconds)
        round_seconds = 0.0
        for number in range(1, self._plan.rounds + 1):
            round_began = time.monotonic()
            if round_began - began + round_seconds > self._plan.seconds_max:
                _say(f"no time for round {number}")
                break
            await self._round(number, ledgers)
            round_seconds = max(round_seconds, time.monotonic() - round_began)
        self._results.seconds = time.monotonic() - began
        return self._results

    async def _round(self, number: int, ledgers: Ledgers) -> None:
        scenarios = list(self._plan.scenarios)
        if ECHO in scenarios:
            scenarios.append(ECHO)
        for scenario in scenarios:
            measurement = await self._run(scenario, ledgers, self._plan.seconds)
            self._results.measurements.setdefault(scenario.name, []).append(measurement)
            _say(f"round {number}: {scenario.title}: {measurement.units_per_second:,.0f}/s")

    async def _run(self, scenario: Scenario, ledgers: Ledgers, seconds: float) -> Measurement:
        service = self._service
        books = scenario.books(ledgers)
        loop = ClosedLoop(
            scenario.workload(books),
            in_flight=scenario.in_flight,
            connections=min(self._plan.connections, scenario.in_flight),
        )
        measurement = await loop.run(
            service.echo if scenario.is_echo else service.charging,
            token=service.token,
            warm_up_seconds=self._plan.warm_up_seconds,
            seconds=seconds,
            processes=service.echo_processes if scenario.is_echo else service.processes,
        )
        if not scenario.is_echo:
            await self._compare(scenario, books)
        return measurement

    async def _compare(self, scenario: Scenario, books: Books) -> None:
        # On a connection that is closed again: nothing of it runs while something is measured.
        async with Admin.at(self._service.admin_address, self._service.token) as admin:
            differences = await admin.differences(books)
        self._results.differences += len(differences)
        for difference in differences[:DIFFERENCES_SHOWN_MAX]:
            _say(f"{scenario.title}: {difference}")
        if differences:
            _say(f"{scenario.title}: the ledger differs for {len(differences)} companies")


def _say(text: str) -> None:
    """Show progress; figures go to stdout."""
    print(text, file=sys.stderr, flush=True)
