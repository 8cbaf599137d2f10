"""Run scenarios in rounds, and compare the ledger with the books after each run."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.cleanup import close_companies
from benchmarks.companies import FUNDS_MICROS, Admin
from benchmarks.company_groups import AMOUNT_MICROS, CompanyGroups
from benchmarks.decks import sms_rates
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.measurement import Measurement, measure
from benchmarks.ramp import Ramp, RampPlan
from benchmarks.redis_memory import RedisMemory, measure_memory
from benchmarks.scenarios import Scenario
from benchmarks.servers import Server, ServerRole, Service

DIFFERENCES_SHOWN_MAX = 5
DRY_COMPANIES = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """The extent of a benchmark."""

    scenarios: Sequence[Scenario]
    companies: int
    connections: int
    rounds: int
    seconds: float
    """The measured time of each run."""
    seconds_max: float
    """No round begins that would end later than this."""
    warm_up_seconds: float = 0.5
    """Before each measured time, and for each scenario before the first round, to fill plans, caches
    and pools."""
    ramp: RampPlan | None = None
    """The ramp after the rounds; None for no ramp."""
    measures_memory: bool = False
    """Whether Redis's memory is measured too, if the benchmark may read it."""


@dataclass(slots=True)
class Results:
    """The results of all rounds."""

    measurements: dict[str, list[Measurement]] = field(default_factory=dict)
    """Measurements by scenario, one for each run."""
    differences: int = 0
    """The number of companies whose balance differed from what was acknowledged, after any run."""
    unclosed: int = 0
    """The number of holds and companies that could not be closed."""
    ramp: Ramp | None = None
    memory: RedisMemory | None = None
    seconds: float = 0.0
    """The duration of the whole suite."""


class Suite:
    """One benchmark of one service."""

    def __init__(self, service: Service, plan: Plan) -> None:
        """Prepare; send nothing."""
        self._service = service
        self._plan = plan
        self._results = Results()
        self._scenarios = [
            scenario for scenario in plan.scenarios if all(part.role in service.servers for part in scenario.parts)
        ]

    @property
    def _is_priced(self) -> bool:
        return any(part.role is ServerRole.PRICED for scenario in self._scenarios for part in scenario.parts)

    async def run(self) -> Results:
        """Create companies, run all scenarios, close the companies.

        Raise `TargetUnreachable`, `AdminFailed` or `grpc.RpcError`.
        """
        began = time.monotonic()
        if self._plan.measures_memory and self._service.redis_url is not None:
            _print_progress("measuring Redis's memory")
            self._results.memory = await measure_memory(self._service)
        _print_progress(f"making {self._plan.companies + 1 + DRY_COMPANIES} companies")
        groups: CompanyGroups | None = None
        begun: list[str] = []
        try:
            async with Admin.at(self._service.servers[ServerRole.ADMIN].endpoint) as admin:
                begun = admin.begun
                card = await admin.make_rate_card(sms_rates(AMOUNT_MICROS)) if self._is_priced else ""
                funded = await admin.make_companies(self._plan.companies + 1, rate_card=card)
                dry = await admin.make_companies(DRY_COMPANIES, funds_micros=0)
            groups = CompanyGroups.of(funded, dry)
            self._service.on_companies_created()
            await self._run_all(began, groups)
        finally:
            if not self._service.is_temporary:
                await self._close(begun, groups.ours if groups else ())
        self._results.seconds = time.monotonic() - began
        return self._results

    async def _run_all(self, began: float, groups: CompanyGroups) -> None:
        _print_progress("warming up")
        for scenario in self._scenarios:
            await self._run(scenario, groups, self._plan.warm_up_seconds)
        round_seconds = 0.0
        for number in range(1, self._plan.rounds + 1):
            round_began = time.monotonic()
            if number > 1 and round_began - began + round_seconds > self._plan.seconds_max:
                _print_progress(f"no time for round {number}")
                break
            await self._round(number, groups)
            round_seconds = max(round_seconds, time.monotonic() - round_began)
        if self._plan.ramp is not None:
            server = self._service.servers[ServerRole.CHARGING]
            self._results.ramp = await self._plan.ramp.run(
                server, groups.many, connections=self._plan.connections, print_line=_print_progress
            )
            await self._compare("ramp", [groups.many], groups)

    async def _round(self, number: int, groups: CompanyGroups) -> None:
        # The bare handler runs once more at the end, since the machine's speed may drift.
        again = [scenario for scenario in self._scenarios if scenario.main.role is ServerRole.ECHO]
        for scenario in [*self._scenarios, *again]:
            measurement = await self._run(scenario, groups, self._plan.seconds * scenario.seconds_factor)
            self._results.measurements.setdefault(scenario.name, []).append(measurement)
            _print_progress(f"round {number}: {scenario.main.title}: {measurement.units_per_second:,.0f}/s")

    async def _run(self, scenario: Scenario, groups: CompanyGroups, seconds: float) -> Measurement:
        servers = self._service.servers
        loads = {
            scenario.part_name(number): part.model.load(
                servers[part.role].endpoint, part.books(groups), self._plan.connections
            )
            for number, part in enumerate(scenario.parts)
        }
        measurement = await measure(
            loads,
            warm_up_seconds=self._plan.warm_up_seconds,
            seconds=seconds,
            processes=self._processes(scenario),
        )
        ours = [part.books(groups) for part in scenario.parts if part.role.uses_ledger]
        await self._compare(scenario.main.title, ours, groups)
        return measurement

    def _processes(self, scenario: Scenario) -> Processes:
        servers: Sequence[Server] = [self._service.servers[part.role] for part in scenario.parts]
        return Processes.together(server.processes for server in servers)

    async def _compare(self, title: str, ours: Sequence[Books], groups: CompanyGroups) -> None:
        # A connection of its own is closed again, so that it costs nothing during measurements.
        differences: list[str] = []
        async with Admin.at(self._service.servers[ServerRole.ADMIN].endpoint) as admin:
            for books in {id(books): books for books in ours}.values():
                initial_micros = groups.initial_micros(books, FUNDS_MICROS)
                differences += await admin.differences(books, initial_micros=initial_micros)
        self._results.differences += len(differences)
        for difference in differences[:DIFFERENCES_SHOWN_MAX]:
            _print_progress(f"{title}: {difference}")
        if differences:
            _print_progress(f"{title}: the ledger differs for {len(differences)} companies")

    async def _close(self, companies: Sequence[str], groups: Sequence[Books]) -> None:
        _print_progress("closing the companies")
        servers = self._service.servers
        problems = await close_companies(
            servers[ServerRole.ADMIN].endpoint, servers[ServerRole.CHARGING].endpoint, companies, groups
        )
        self._results.unclosed = len(problems)
        for problem in problems[:DIFFERENCES_SHOWN_MAX]:
            _print_progress(f"not closed: {problem}")
        if problems:
            _print_progress(f"{len(problems)} holds and companies could not be closed")


def _print_progress(text: str) -> None:
    """Print progress to stderr; metrics go to stdout."""
    print(text, file=sys.stderr, flush=True)
