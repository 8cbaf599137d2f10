"""Rows of the report: one for each load of each scenario, with medians over its runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from benchmarks.loadgen.histogram import LatencyHistogram
from benchmarks.loadgen.measurement import Measurement
from benchmarks.loadgen.tally import Tally
from benchmarks.scenarios import Scenario
from benchmarks.suite import Results

PERCENTS = (50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9)
"""The percentiles of the curves in the report."""


@dataclass(frozen=True, slots=True)
class Row:
    """The results of one load."""

    title: str
    rps: float
    """Acknowledged charges (or RPCs, or empty calls) per second."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    p999_ms: float
    """Latencies are of calls that ended as expected; a batch is one call."""
    errors: Counter[str]
    """Errors of all runs, by status and reason."""
    client_cpu_us: float
    """CPU time of the generator for each acknowledged charge of the whole scenario."""
    server_cpu_us: dict[str, float]
    """The same of each measured server."""
    late_p99_ms: float
    """The lateness of the generator itself; 0 in a closed loop, which cannot be late."""
    method_p99_ms: dict[str, float] = field(default_factory=dict)
    """p99 by method, if there are several."""
    curve: tuple[tuple[float, float], ...] = ()
    """Percent and latency in ms, over all runs together."""
    rates: tuple[float, ...] = ()
    """`rps` of each run, in order."""


def rows(results: Results, scenarios: Sequence[Scenario]) -> dict[str, Row]:
    """Return rows by the name of the scenario or of its part ("burst", "burst/1")."""
    return {
        scenario.part_name(number): _row(part.title, scenario.part_name(number), results.measurements[scenario.name])
        for scenario in scenarios
        if scenario.name in results.measurements
        for number, part in enumerate(scenario.parts)
    }


def ratio(above: Row, below: Row) -> float | None:
    """Return the median of the ratios within rounds, since the machine's speed may drift between rounds.

    A row with several runs per round counts with their mean. Return None if nothing was acknowledged.
    """
    rounds = min(len(above.rates), len(below.rates))
    pairs = list(zip(_by_round(above, rounds), _by_round(below, rounds), strict=True))
    return median(one / other for one, other in pairs) if pairs and all(other for _, other in pairs) else None


def _by_round(row: Row, rounds: int) -> list[float]:
    each = len(row.rates) // rounds if rounds else 1
    return [fmean(row.rates[number * each : (number + 1) * each]) for number in range(rounds)]


def _row(title: str, name: str, runs: Sequence[Measurement]) -> Row:
    tallies = [run.tallies[name] for run in runs]
    rates = tuple(tally.units / run.seconds for tally, run in zip(tallies, runs, strict=True))
    together = LatencyHistogram()
    for tally in tallies:
        together.add(tally.latencies)
    return Row(
        title=title,
        rps=median(rates),
        p50_ms=_median_ms(tallies, 50),
        p95_ms=_median_ms(tallies, 95),
        p99_ms=_median_ms(tallies, 99),
        p999_ms=_median_ms(tallies, 99.9),
        errors=sum((tally.errors for tally in tallies), Counter()),
        client_cpu_us=median(_per_unit_us(run, run.client_cpu_seconds) for run in runs),
        server_cpu_us={
            server: median(_per_unit_us(run, run.server_cpu_seconds[server]) for run in runs)
            for server in runs[0].server_cpu_seconds
        },
        late_p99_ms=median(tally.late.percentile_ns(99) / 1e6 for tally in tallies),
        method_p99_ms=_methods(tallies),
        curve=tuple((percent, round(together.percentile_ns(percent) / 1e6, 3)) for percent in PERCENTS),
        rates=rates,
    )


def _median_ms(tallies: Sequence[Tally], percent: float) -> float:
    return median(tally.latencies.percentile_ns(percent) / 1e6 for tally in tallies)


def _methods(tallies: Sequence[Tally]) -> dict[str, float]:
    paths = tallies[0].paths
    if len(paths) == 1:
        return {}
    return {
        path.rsplit("/", 1)[1]: median(tally.by_path[number].percentile_ns(99) / 1e6 for tally in tallies)
        for number, path in enumerate(paths)
    }


def _per_unit_us(run: Measurement, seconds: float) -> float:
    return seconds / max(1, run.units) * 1e6
