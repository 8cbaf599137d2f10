"""The report for people: a table for the terminal, and a Markdown page with plots."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath

from benchmarks.comparison import Kept, compare
from benchmarks.plots import bars, curves, nines
from benchmarks.ramp import Ramp
from benchmarks.rows import Row

CURVES = ("one", "charge16", "charge64", "open", "burst", "calls", "mixed", "naive_hot", "workers2")
"""The rows whose latencies are drawn."""
PEERS = ("echo", "echo_envoy", "charge64_grpc", "charge16_grpc", "one_grpc", "naive_hot", "naive_batch")
PERCENT_TICKS = {nines(percent): f"p{percent:g}" for percent in (50, 90, 99, 99.9)}
BATCH_ROWS = ("batch100", "stream", "naive_batch", "burst/1")
GIVEN_RATES = ("open", "burst", "mixed/1", "mixed/2")
"""Their throughput is the given rate, so it is not drawn."""
RAMP_TICKS = 6


@dataclass(frozen=True, slots=True)
class Report:
    """The contents of a report."""

    began: str
    """Date and time, UTC: "2026-01-31T12:00:00Z"."""
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    settings: Mapping[str, str]
    rows: Mapping[str, Row]
    metrics: Mapping[str, float]
    ramp: Ramp | None = None
    previous: Kept | None = None
    """The last kept report, to compare with."""


def table(found: Mapping[str, Row]) -> str:
    """Return the table of results for a terminal."""
    lines = _cells(found)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines]
    text.append("client and the servers after it: µs of CPU for each acknowledged charge")
    text += _error_lines(found)
    return "\n".join(text)


def markdown(report: Report) -> str:
    """Return the Markdown page."""
    cells = _cells(report.rows)
    head = ["| " + " | ".join(cells[0]) + " |", "|---|" + "---:|" * (len(cells[0]) - 1)]
    lines = [
        f"# Benchmark of {report.began[:10]}",
        "",
        f"- Machine: {_list(report.machine)}",
        f"- Versions: {_list(report.versions)}",
        f"- Settings: {_list(report.settings)}",
        f"- Began {report.began}, took {report.metrics['seconds']:,.0f} s",
        "",
        *head,
        *("| " + " | ".join(line) + " |" for line in cells[1:]),
        "",
        (
            "Medians over rounds in which the scenarios take turns. "
            "A batch is one call; its charges are counted in rps. "
            "Latencies of open loops count from the intended send time. "
            "client and the servers after it: µs of CPU for each acknowledged charge."
        ),
        *(f"\n{line}" for line in _error_lines(report.rows)),
        "",
        *(line for file in _row_plots(report) for line in (f"![{file.stem}]({file})", "")),
        *_ramp_lines(report.ramp),
        *_comparison_lines(report),
        "```json",
        json_lines(report.metrics),
        "```",
    ]
    return "\n".join(lines) + "\n"


def plots(report: Report) -> dict[str, str]:
    """Return the SVG files by name, as far as there are results for them."""
    drawn = {str(file): draw() for file, draw in _row_plots(report).items()}
    if report.ramp is not None and report.ramp.steps:
        drawn["ramp.svg"] = _ramp_plot(report.ramp)
    return drawn


def _row_plots(report: Report) -> dict[PurePath, Callable[[], str]]:
    """Return the functions that draw the plots of rows, by file."""
    latencies = {
        report.rows[name].title: [(nines(percent), ms) for percent, ms in report.rows[name].curve]
        for name in CURVES
        if name in report.rows
    }
    singles, batches = (_rates(report.rows, in_batches=in_batches) for in_batches in (False, True))
    peers = [report.rows[name].title for name in PEERS if name in report.rows]
    found: dict[PurePath, Callable[[], str]] = {}
    if latencies:
        found[PurePath("latency.svg")] = partial(
            curves, "Latency by percentile", latencies, x_ticks=PERCENT_TICKS, x_label="percentile of calls"
        )
    if singles:
        title = "Calls of one charge (or RPC) each"
        found[PurePath("throughput.svg")] = partial(bars, title, singles, grey=peers)
    if batches:
        found[PurePath("throughput-batches.svg")] = partial(bars, "Charges in batches", batches, grey=peers)
    return found


def json_lines(metrics: Mapping[str, float]) -> str:
    """Return metrics as JSON, one per line, so that two reports can be compared by diff."""
    return "{\n" + ",\n".join(f'  "{key}": {value}' for key, value in metrics.items()) + "\n}"


def _cells(found: Mapping[str, Row]) -> list[list[str]]:
    servers = list(dict.fromkeys(name for row in found.values() for name in row.server_cpu_us))
    head = ["scenario", "rps", "p50 ms", "p95 ms", "p99 ms", "p99.9 ms", "errors", "client", *servers]
    return [head] + [
        [
            row.title,
            f"{row.rps:,.0f}",
            f"{row.p50_ms:.2f}",
            f"{row.p95_ms:.2f}",
            f"{row.p99_ms:.2f}",
            f"{row.p999_ms:.2f}",
            f"{row.errors.total():,}",
            f"{row.client_cpu_us:.1f}",
            *(f"{row.server_cpu_us[name]:.1f}" if name in row.server_cpu_us else "" for name in servers),
        ]
        for row in found.values()
    ]


def _rates(found: Mapping[str, Row], *, in_batches: bool) -> dict[str, float]:
    return {
        row.title: row.rps
        for name, row in found.items()
        if name not in GIVEN_RATES and (name in BATCH_ROWS) == in_batches
    }


def _ramp_lines(ramp: Ramp | None) -> Sequence[str]:
    if ramp is None:
        return ()
    return (
        f"## Ramp: the knee is at {ramp.knee_rps:,.0f}/s",
        "",
        (
            f"The highest rate at which p99 was at most {ramp.p99_ms_max:g} ms "
            f"and errors at most {ramp.error_share_max:.1%}."
        ),
        "",
        "| rate | rps | p50 ms | p99 ms | generator late, p99 ms | errors | |",
        "|---:|---:|---:|---:|---:|---:|---|",
        *(
            f"| {step.rate:,.0f} | {step.rps:,.0f} | {step.p50_ms:.2f} | {step.p99_ms:.2f} | {step.late_p99_ms:.2f} "
            f"| {step.errors:,} | {'held' if step.held else 'did not hold'} |"
            for step in ramp.steps
        ),
        "",
        "![ramp](ramp.svg)",
        "",
    )


def _ramp_plot(ramp: Ramp) -> str:
    steps = sorted(ramp.steps, key=lambda step: step.rate)
    highest = steps[-1].rate
    return curves(
        "Latency by rate, open loop",
        {
            "p50": [(step.rate, step.p50_ms) for step in steps],
            "p99": [(step.rate, step.p99_ms) for step in steps],
            "bound": [(0, ramp.p99_ms_max), (highest, ramp.p99_ms_max)],
        },
        x_ticks={highest * part / RAMP_TICKS: f"{highest * part / RAMP_TICKS:,.0f}" for part in range(RAMP_TICKS + 1)},
        x_label="calls a second",
    )


def _comparison_lines(report: Report) -> Sequence[str]:
    previous = report.previous
    if previous is None:
        return ("## Compared with the last kept report", "", "There is none.", "")
    changes = compare(report.metrics, previous.metrics)
    note = ("That was another machine: only ratios within a run can be compared.", "")
    return (
        f"## Compared with {previous.name}",
        "",
        *(note if dict(previous.machine) != dict(report.machine) else ()),
        "| figure | now | then | ratio | |",
        "|---|---:|---:|---:|---|",
        *(
            f"| {change.key} | {change.now:,g} | {change.before:,g} | {change.ratio:.2f} | {change.trend} |"
            for change in changes
        ),
        "",
    )


def _error_lines(found: Mapping[str, Row]) -> list[str]:
    return [f"{row.title}: {_errors(row.errors)}" for row in found.values() if row.errors]


def _errors(errors: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in errors.most_common())


def _list(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
