"""`python -m benchmarks`: measure the service, print a table, write a report, end with one line of JSON.

The exit status is 0; 1 if the ledger differs from what was acknowledged; 2 if nothing could be measured.
"""

import json
import signal
import sys
import tempfile
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import click
import grpc
import uvloop

from benchmarks import archive, machine
from benchmarks.companies import AdminFailed
from benchmarks.http2.client import TargetUnreachable
from benchmarks.http2.endpoint import Target
from benchmarks.isolated.at_once import AtOnce
from benchmarks.isolated.growth import Growth
from benchmarks.isolated.rates import Rates
from benchmarks.isolated.refunds import Refunds
from benchmarks.isolated.scenario import InsufficientSpace, IsolatedScenario, Outcome, print_progress
from benchmarks.local import started_here
from benchmarks.metrics import collect_metrics
from benchmarks.options import all_options
from benchmarks.ramp import RampPlan
from benchmarks.remote import running_already
from benchmarks.report import Report, table
from benchmarks.rows import rows
from benchmarks.scenarios import Scenario, scenarios
from benchmarks.servers import Service
from benchmarks.suite import DIFFERENCES_SHOWN_MAX, Plan, Results, Suite
from devstack import DevstackError

LOCAL_DIRECTORY = Path(".local")
"""Not /tmp, which may be in memory, where no write is durable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The options of the command line; see `options`."""

    targets: tuple[Target, ...]
    admin_target: Target | None
    token_file: Path | None
    ca_file: Path | None
    insecure: bool
    full: bool
    only: tuple[str, ...]
    ramp: bool
    ramp_p99_ms: float
    rate: float
    companies: int
    connections: int
    workers: int
    rounds: int | None
    seconds: float | None
    seconds_max: float | None
    growth_companies: int
    growth_entries: int
    refunded_charges: int
    keep: bool
    name: str

    def plan(self) -> Plan:
        """Return the plan of scenarios, rounds and times."""
        return Plan(
            scenarios=[each for each in scenarios(self.rate) if self._is_chosen(each)],
            companies=self.companies,
            connections=self.connections,
            rounds=self.rounds or (5 if self.full else 3),
            seconds=self.seconds or (5.0 if self.full else 2.0),
            seconds_max=self.seconds_max or (900.0 if self.full else 215.0),
            ramp=RampPlan(p99_ms_max=self.ramp_p99_ms) if self.ramp or (self.full and not self.only) else None,
            measures_memory=not self.only,
        )

    def isolated_scenarios(self) -> list[IsolatedScenario]:
        """Return the chosen isolated scenarios. Raise `click.UsageError` if one is chosen with --target."""
        every: list[IsolatedScenario] = [
            Growth(self.growth_companies, self.growth_entries),
            Refunds(charges=self.refunded_charges),
            Rates(),
            AtOnce(),
        ]
        chosen = [each for each in every if each.name in self.only or (self.full and not self.only)]
        if not self.targets:
            return chosen
        if self.only and chosen:
            raise click.UsageError(f"{chosen[0].name} starts its own installations: omit --target")
        return []

    def service(self, directory: Path, plan: Plan) -> AbstractContextManager[Service]:
        """Return the service to measure, started here unless there are targets."""
        if self.targets:
            if self.admin_target is None or self.token_file is None:
                raise click.UsageError("--target needs --admin-target and --token-file")
            return running_already(
                directory,
                charging=self.targets,
                admin=self.admin_target,
                token_file=self.token_file,
                ca_file=self.ca_file,
                insecure=self.insecure,
            )
        if self.admin_target or self.token_file or self.ca_file:
            raise click.UsageError("--admin-target, --token-file and --ca-file go with --target")
        with_workers2 = any(scenario.name == "workers2" for scenario in plan.scenarios)
        return started_here(directory, workers=self.workers, with_workers2=with_workers2)

    def _is_chosen(self, scenario: Scenario) -> bool:
        return scenario.name in self.only if self.only else self.full or not scenario.in_full_only


@click.command(context_settings={"show_default": True})
@all_options
def main(**options: object) -> None:
    """Measure throughput, latency and CPU of the charging service; everything acknowledged is durable.

    Without --target, starts Postgres, Valkey and the service for the time of the run. With it, makes
    companies named bench-… there, and closes them in the end.
    """
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    choice = Choice(**options)  # type: ignore[arg-type]
    plan = choice.plan()
    began = archive.now()
    LOCAL_DIRECTORY.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=LOCAL_DIRECTORY) as name:
            directory = Path(name)
            fsync_ms = None if choice.targets else machine.fsync_ms(directory)
            service, results = Service({}), Results()
            if plan.scenarios:
                with choice.service(directory, plan) as service:
                    results = uvloop.run(Suite(service, plan).run())
            outcomes = [_run_isolated(scenario, directory) for scenario in choice.isolated_scenarios()]
    except (DevstackError, TargetUnreachable, AdminFailed, InsufficientSpace, grpc.RpcError, TimeoutError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    found = rows(results, plan.scenarios)
    report = Report(
        began=began,
        machine=machine.machine(),
        versions={**machine.versions(), **service.versions},
        settings={**service.settings, **_settings(plan)},
        rows=found,
        metrics=collect_metrics(results, found, fsync_ms=fsync_ms, outcomes=outcomes),
        ramp=results.ramp,
        previous=archive.last_kept(),
    )
    for outcome in outcomes:
        print(*outcome.lines, *outcome.differences[:DIFFERENCES_SHOWN_MAX], "", sep="\n")
    _show(report, results, archive.write(report, name=choice.name, is_kept=choice.keep))
    sys.exit(1 if results.differences or any(outcome.differences for outcome in outcomes) else 0)


def _run_isolated(scenario: IsolatedScenario, directory: Path) -> Outcome:
    print_progress(f"measuring {scenario.name}")
    own = directory / scenario.name
    own.mkdir()
    return scenario.run(own)


def _settings(plan: Plan) -> dict[str, str]:
    return {
        "companies": f"{plan.companies:,}",
        "connections": str(plan.connections),
        "rounds": str(plan.rounds),
        "seconds": f"{plan.seconds:g}",
    }


def _show(report: Report, results: Results, directory: Path) -> None:
    print(", ".join(f"{name} {value}" for name, value in {**report.machine, **report.versions}.items()))
    print(", ".join(f"{name} {value}" for name, value in report.settings.items()))
    print()
    print(table(report.rows))
    if results.differences:
        print(f"THE LEDGER DIFFERS from what was acknowledged: {results.differences} times")
    else:
        print("after every run the ledger had what was acknowledged, company by company")
    print(f"report: {directory}")
    print(json.dumps(report.metrics), flush=True)


if __name__ == "__main__":
    main()
