"""Runs scenarios in rounds, and compares the ledger with the books after each run."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.cleanup import close_companies
from benchmarks.companies import FUNDS_MICROS, Admin
from benchmarks.company_groups import AMOUNT_MICROS, Ledgers
from benchmarks.decks import sms_rates
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.measurement import Measurement, measure
from benchmarks.ramp import Ramp, RampPlan
from benchmarks.redis_memory import RedisMemory, measure_memory
from benchmarks.scenarios import Scenario
from benchmarks.servers import Place, Server, Service

DIFFERENCES_SHOWN_MAX = 5
DRY_COMPANIES = 100


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
    warm_up_seconds: float = 0.5
    """Before each measured stretch, and for each scenario before the first round: plans, caches and
    pools fill."""
    ramp: RampPlan | None = None
    """After the rounds, where there is one."""
    measures_memory: bool = False
    """Whether Redis's memory is measured too, where we may look into it."""


@dataclass(slots=True)
class Results:
    """What all rounds have shown."""

    measurements: dict[str, list[Measurement]] = field(default_factory=dict)
    """By the scenario's name, one for each run."""
    differences: int = 0
    """Companies whose balance was not what was acknowledged, after any run."""
    unclosed: int = 0
    """Holds and companies that could not be closed afterwards."""
    ramp: Ramp | None = None
    memory: RedisMemory | None = None
    seconds: float = 0.0
    """Of the whole suite."""


class Suite:
    """One benchmark of one service."""

    def __init__(self, service: Service, plan: Plan) -> None:
        """Prepare; nothing is sent yet."""
        self._service = service
        self._plan = plan
        self._results = Results()
        self._scenarios = [
            scenario for scenario in plan.scenarios if all(part.place in service.servers for part in scenario.parts)
        ]

    @property
    def _is_priced(self) -> bool:
        return any(part.place is Place.PRICED for scenario in self._scenarios for part in scenario.parts)

    async def run(self) -> Results:
        """Make companies, run everything, close the companies.

        Raises `TargetUnreachable`, `AdminFailed`, `grpc.RpcError`.
        """
        began = time.monotonic()
        if self._plan.measures_memory and self._service.redis_url is not None:
            _say("measuring Redis's memory")
            self._results.memory = await measure_memory(self._service)
        _say(f"making {self._plan.companies + 1 + DRY_COMPANIES} companies")
        ledgers: Ledgers | None = None
        begun: list[str] = []
        try:
            async with Admin.at(self._service.servers[Place.ADMIN].endpoint) as admin:
                begun = admin.begun
                card = await admin.make_rate_card(sms_rates(AMOUNT_MICROS)) if self._is_priced else ""
                funded = await admin.make_companies(self._plan.companies + 1, rate_card=card)
                dry = await admin.make_companies(DRY_COMPANIES, funds_micros=0)
            ledgers = Ledgers.of(funded, dry)
            self._service.companies_made()
            await self._run_all(began, ledgers)
        finally:
            if not self._service.is_temporary:
                await self._close(begun, ledgers.ours if ledgers else ())
        self._results.seconds = time.monotonic() - began
        return self._results

    async def _run_all(self, began: float, ledgers: Ledgers) -> None:
        _say("warming up")
        for scenario in self._scenarios:
            await self._run(scenario, ledgers, self._plan.warm_up_seconds)
        round_seconds = 0.0
        for number in range(1, self._plan.rounds + 1):
            round_began = time.monotonic()
            if number > 1 and round_began - began + round_seconds > self._plan.seconds_max:
                _say(f"no time for round {number}")
                break
            await self._round(number, ledgers)
            round_seconds = max(round_seconds, time.monotonic() - round_began)
        if self._plan.ramp is not None:
            server = self._service.servers[Place.CHARGING]
            self._results.ramp = await self._plan.ramp.run(
                server, ledgers.many, connections=self._plan.connections, say=_say
            )
            await self._compare("ramp", [ledgers.many], ledgers)

    async def _round(self, number: int, ledgers: Ledgers) -> None:
        # The bare handler comes once more at the end: the machine's speed may drift.
        again = [scenario for scenario in self._scenarios if scenario.main.place is Place.ECHO]
        for scenario in [*self._scenarios, *again]:
            measurement = await self._run(scenario, ledgers, self._plan.seconds * scenario.seconds_factor)
            self._results.measurements.setdefault(scenario.name, []).append(measurement)
            _say(f"round {number}: {scenario.main.title}: {measurement.units_per_second:,.0f}/s")

    async def _run(self, scenario: Scenario, ledgers: Ledgers, seconds: float) -> Measurement:
        servers = self._service.servers
        loads = {
            scenario.part_name(number): part.shape.load(
                servers[part.place].endpoint, part.books(ledgers), self._plan.connections
            )
            for number, part in enumerate(scenario.parts)
        }
        measurement = await measure(
            loads,
            warm_up_seconds=self._plan.warm_up_seconds,
            seconds=seconds,
            processes=self._processes(scenario),
        )
        ours = [part.books(ledgers) for part in scenario.parts if part.place.is_ours]
        await self._compare(scenario.main.title, ours, ledgers)
        return measurement

    def _processes(self, scenario: Scenario) -> Processes:
        servers: Sequence[Server] = [self._service.servers[part.place] for part in scenario.parts]
        return Processes.together(server.processes for server in servers)

    async def _compare(self, title: str, ours: Sequence[Books], ledgers: Ledgers) -> None:
        # On a connection that is closed again: nothing of it runs while something is measured.
        differences: list[str] = []
        async with Admin.at(self._service.servers[Place.ADMIN].endpoint) as admin:
            for books in {id(books): books for books in ours}.values():
                initial_micros = ledgers.initial_micros(books, FUNDS_MICROS)
                differences += await admin.differences(books, initial_micros=initial_micros)
        self._results.differences += len(differences)
        for difference in differences[:DIFFERENCES_SHOWN_MAX]:
            _say(f"{title}: {difference}")
        if differences:
            _say(f"{title}: the ledger differs for {len(differences)} companies")

    async def _close(self, companies: Sequence[str], ledgers: Sequence[Books]) -> None:
        _say("closing the companies")
        servers = self._service.servers
        problems = await close_companies(
            servers[Place.ADMIN].endpoint, servers[Place.CHARGING].endpoint, companies, ledgers
        )
        self._results.unclosed = len(problems)
        for problem in problems[:DIFFERENCES_SHOWN_MAX]:
            _say(f"not closed: {problem}")
        if problems:
            _say(f"{len(problems)} holds and companies could not be closed")


def _say(text: str) -> None:
    """Show progress; figures go to stdout."""
    print(text, file=sys.stderr, flush=True)
