"""Figures for people, as a table, and for programs, as one line of JSON."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.loadgen.closed_loop import Measurement
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.suite import Results


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario: medians over its runs."""

    scenario: Scenario
    rps: float
    """Acknowledged charges (or empty calls) a second."""
    p50_ms: float
    p99_ms: float
    """Of calls that ended well; a batch is one call."""
    errors: Counter[str]
    """Of all runs, by status and reason."""
    client_cpu_us: float
    """CPU time of the generator for each acknowledged charge."""
    server_cpu_us: dict[str, float]
    """The same of each watched server."""


def rows(results: Results) -> dict[str, Row]:
    """Take medians, by the scenario's name."""
    return {
        scenario.name: _row(scenario, results.measurements[scenario.name])
        for scenario in SCENARIOS
        if scenario.name in results.measurements
    }


def table(found: dict[str, Row]) -> str:
    """Lay the figures out for reading."""
    servers = list(dict.fromkeys(name for row in found.values() for name in row.server_cpu_us))
    head = ["", "rps", "p50 ms", "p99 ms", "errors", "client", *servers]
    lines = [head] + [
        [
            row.scenario.title,
            f"{row.rps:,.0f}",
            f"{row.p50_ms:.2f}",
            f"{row.p99_ms:.2f}",
            f"{row.errors.total():,}",
            f"{row.client_cpu_us:.1f}",
            *(f"{row.server_cpu_us[name]:.1f}" if name in row.server_cpu_us else "" for name in servers),
        ]
        for row in found.values()
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines]
    text.append("client and the servers after it: µs of CPU for each acknowledged charge")
    text += [f"{row.scenario.title}: {_errors(row.errors)}" for row in found.values() if row.errors]
    return "\n".join(text)


def json_line(results: Results, found: dict[str, Row], *, fsync_ms: float | None) -> str:
    """Make the line that programs read. A scenario that did not run leaves its keys out."""
    figures: dict[str, float | int | bool | dict[str, float] | None] = {}

    def put(key: str, scenario: str, value: Callable[[Row], float], digits: int) -> None:
        if scenario in found:
            figures[key] = round(value(found[scenario]), digits or None)

    put("echo_rps", "echo", _rps, 0)
    put("echo_p50_ms", "echo", _p50_ms, 3)
    put("charge_rps_16", "charge16", _rps, 0)
    put("charge_p50_ms_16", "charge16", _p50_ms, 3)
    put("charge_p99_ms_16", "charge16", _p99_ms, 3)
    put("charge_rps_64", "charge64", _rps, 0)
    put("charge_p50_ms", "charge64", _p50_ms, 3)
    put("charge_p99_ms", "charge64", _p99_ms, 3)
    put("one_p50_ms", "one", _p50_ms, 3)
    put("hot1_rps_64", "hot1", _rps, 0)
    put("batch100_rps", "batch100", _rps, 0)
    put("batch100_p50_ms", "batch100", _p50_ms, 3)
    put("batch100_p99_ms", "batch100", _p99_ms, 3)
    if {"echo", "charge64"} <= found.keys() and found["echo"].rps:
        figures["charge_over_echo"] = round(found["charge64"].rps / found["echo"].rps, 3)
    if {"hot1", "charge64"} <= found.keys() and found["charge64"].rps:
        figures["hot_over_many"] = round(found["hot1"].rps / found["charge64"].rps, 3)
    put("client_cpu_us", "charge64", lambda row: row.client_cpu_us, 1)
    for name, cpu_us in found["charge64"].server_cpu_us.items() if "charge64" in found else ():
        figures[f"{name}_cpu_us"] = round(cpu_us, 1)
    figures["errors"] = sum(row.errors.total() for row in found.values())
    figures["ledger_differences"] = results.differences
    figures["seconds"] = round(results.seconds, 1)
    if fsync_ms is not None:
        figures["fsync_ms"] = round(fsync_ms, 3)
    return json.dumps(figures)


def _row(scenario: Scenario, runs: Sequence[Measurement]) -> Row:
    return Row(
        scenario=scenario,
        rps=median(run.units_per_second for run in runs),
        p50_ms=median(run.tally.latencies.percentile_ns(50) / 1e6 for run in runs),
        p99_ms=median(run.tally.latencies.percentile_ns(99) / 1e6 for run in runs),
        errors=sum((run.tally.errors for run in runs), Counter()),
        client_cpu_us=median(_per_unit_us(run, run.client_cpu_seconds) for run in runs),
        server_cpu_us={
            name: median(_per_unit_us(run, run.server_cpu_seconds[name]) for run in runs)
            for name in runs[0].server_cpu_seconds
        },
    )


def _per_unit_us(run: Measurement, seconds: float) -> float:
    return seconds / max(1, run.tally.units) * 1e6


def _errors(errors: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in errors.most_common())


def _rps(row: Row) -> float:
    return row.rps


def _p50_ms(row: Row) -> float:
    return row.p50_ms


def _p99_ms(row: Row) -> float:
    return row.p99_ms
