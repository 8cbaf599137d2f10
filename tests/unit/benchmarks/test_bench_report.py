"""The results of a run: the page, the plots, the line of JSON, and the comparison with the last kept report."""

import json
import math
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks import archive
from benchmarks.comparison import Kept, Trend, compare, less_is_better
from benchmarks.loadgen.measurement import Measurement
from benchmarks.loadgen.tally import Tally
from benchmarks.plots import bars, curves, nines
from benchmarks.ramp import GROWTH, HALVINGS_MAX, Ramp, RampPlan, RampStep
from benchmarks.redis_memory import live_bytes
from benchmarks.report import Report, markdown, plots
from benchmarks.rows import Row, ratio

PAGE = """\
# Benchmark of 2026-01-31

- Machine: CPU Abacus, cores 2
- Versions: Python 3.11
- Settings: fsync on, workers 1
- Began 2026-01-31T12:00:00Z, took 61 s

| scenario | rps | p50 ms | p95 ms | p99 ms | p99.9 ms | errors | client | charging |
|---|---:|---:|---:|---:|---:|---:|---:|---:|
| Charge, 64 in flight | 8,000 | 7.00 | 9.00 | 10.00 | 20.00 | 3 | 20.0 | 80.0 |
| bare handler, 64 in flight | 11,000 | 5.00 | 6.00 | 7.00 | 8.00 | 0 | 20.0 |  |

Medians over rounds in which the scenarios take turns. A batch is one call; its charges are counted in rps. \
Latencies of open loops count from the intended send time. \
client and the servers after it: µs of CPU for each acknowledged charge.

Charge, 64 in flight: 2 UNAVAILABLE/OVERLOADED, 1 INTERNAL

![latency](latency.svg)

![throughput](throughput.svg)

## Ramp: the knee is at 4,000/s

The highest rate at which p99 was at most 25 ms and errors at most 0.1%.

| rate | rps | p50 ms | p99 ms | generator late, p99 ms | errors | |
|---:|---:|---:|---:|---:|---:|---|
| 4,000 | 3,999 | 2.00 | 9.00 | 0.10 | 0 | held |
| 5,000 | 4,800 | 30.00 | 99.00 | 0.20 | 7 | did not hold |

![ramp](ramp.svg)

## Compared with 2026-01-01-2-cores

| figure | now | then | ratio | |
|---|---:|---:|---:|---|
| charge_rps_64 | 8,000 | 4,000 | 2.00 | better |
| charge_p99_ms | 10 | 5 | 2.00 | worse |
| one_p50_ms | 0.8 | 0.81 | 0.99 |  |

```json
{
  "charge_rps_64": 8000,
  "charge_p99_ms": 10.0,
  "one_p50_ms": 0.8,
  "seconds": 61.0
}
```
"""


def row(title: str, rps: float, milliseconds: tuple[float, ...], **more: object) -> Row:
    p50_ms, p95_ms, p99_ms, p999_ms = milliseconds
    values: dict[str, object] = {
        "errors": Counter(),
        "client_cpu_us": 20.0,
        "server_cpu_us": {},
        "late_p99_ms": 0.0,
        "curve": ((50.0, p50_ms), (95.0, p95_ms), (99.0, p99_ms), (99.9, p999_ms)),
        **more,
    }
    return Row(title, rps, p50_ms, p95_ms, p99_ms, p999_ms, **values)  # type: ignore[arg-type]  # values of several types


@pytest.fixture
def report() -> Report:
    steps = [
        RampStep(4_000, 3_999, 2, 9, 0.1, errors=0, held=True),
        RampStep(5_000, 4_800, 30, 99, 0.2, errors=7, held=False),
    ]
    return Report(
        began="2026-01-31T12:00:00Z",
        machine={"CPU": "Abacus", "cores": "2"},
        versions={"Python": "3.11"},
        settings={"fsync": "on", "workers": "1"},
        rows={
            "charge64": row(
                "Charge, 64 in flight",
                8_000,
                (7, 9, 10, 20),
                errors=Counter({"UNAVAILABLE/OVERLOADED": 2, "INTERNAL": 1}),
                server_cpu_us={"charging": 80.0},
            ),
            "echo": row("bare handler, 64 in flight", 11_000, (5, 6, 7, 8)),
        },
        metrics={"charge_rps_64": 8_000, "charge_p99_ms": 10.0, "one_p50_ms": 0.8, "seconds": 61.0},
        ramp=Ramp(25.0, 0.001, steps),
        previous=Kept(
            "2026-01-01-2-cores",
            {"CPU": "Abacus", "cores": "2"},
            {"charge_rps_64": 4_000, "charge_p99_ms": 5.0, "one_p50_ms": 0.81, "seconds": 30.0},
        ),
    )


def test_the_page_has_all_sections(report: Report) -> None:
    assert markdown(report) == PAGE


def test_a_report_of_another_machine_is_marked(report: Report) -> None:
    assert report.previous is not None
    other = replace(report, previous=report.previous._replace(machine={"CPU": "Abacus", "cores": "64"}))
    assert "another machine" in markdown(other)
    assert "There is none." in markdown(replace(report, previous=None))


def test_ratios_are_taken_round_by_round() -> None:
    # The machine is half as fast in the second round, and the yardstick runs twice in each.
    charge = row("a", 0, (1, 1, 1, 1), rates=(80.0, 40.0, 80.0))
    echo = row("b", 0, (1, 1, 1, 1), rates=(90.0, 110.0, 50.0, 50.0, 120.0, 80.0))
    assert ratio(charge, echo) == pytest.approx(0.8)
    assert ratio(charge, row("c", 0, (1, 1, 1, 1), rates=(0.0, 1.0, 1.0))) is None
    assert ratio(charge, row("c", 0, (1, 1, 1, 1))) is None


def test_plots_are_drawn(report: Report) -> None:
    drawn = plots(report)
    assert set(drawn) == {"latency.svg", "throughput.svg", "ramp.svg"}
    for text in drawn.values():
        assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert "Charge, 64 in flight" in drawn["latency.svg"]
    assert "8,000/s" in drawn["throughput.svg"]


def test_plots_escape_names_and_draw_extremes() -> None:
    text = curves("t", {"<a & b>": [(1, 1.0), (2, 10.0), (3, 100.0)]}, x_ticks={1: "1", 3: "3"}, x_label="x")
    assert "&lt;a &amp; b&gt;" in text
    values = {"nothing": 0.0, "least": 1e-9, "most": 1e12}
    ET.fromstring(bars("t", values))
    ET.fromstring(bars("t", {}))
    ET.fromstring(curves("t", {}, x_ticks={0: "0", 1: "1"}, x_label="x"))
    flat = {name: [(0.0, value), (1.0, value)] for name, value in values.items()}
    ET.fromstring(curves("t", flat, x_ticks={0: "0", 1: "1"}, x_label="x"))


def test_each_nine_has_the_same_length() -> None:
    assert [nines(percent) for percent in (0, 90, 99, 99.9)] == pytest.approx([0, 1, 2, 3])


def test_metrics_are_compared_as_ratios_and_costs_improve_when_they_fall() -> None:
    now = {"charge_rps_64": 120, "one_p50_ms": 0.5, "valkey_cpu_us": 10.9, "redis_bytes_per_charge": 90, "errors": 5}
    then = {"charge_rps_64": 100, "one_p50_ms": 1.0, "valkey_cpu_us": 10, "redis_bytes_per_charge": 60, "gone": 1}
    changes = {change.key: change for change in compare(now, then)}
    assert set(changes) == {"charge_rps_64", "one_p50_ms", "valkey_cpu_us", "redis_bytes_per_charge"}
    assert changes["charge_rps_64"].ratio == pytest.approx(1.2)
    assert changes["charge_rps_64"].trend is Trend.BETTER
    assert changes["one_p50_ms"].trend is Trend.BETTER
    assert changes["valkey_cpu_us"].trend is Trend.SAME, "a tenth may be noise of the machine"
    assert changes["redis_bytes_per_charge"].trend is Trend.WORSE
    assert compare({"a": 1}, {"a": 0}) == []
    assert less_is_better("charge_p99_ms_16")
    assert not less_is_better("charge_over_echo")


def test_the_last_kept_report_began_last(tmp_path: Path, report: Report) -> None:
    kept = tmp_path / archive.KEPT
    assert archive.last_kept(kept) is None
    first = archive.write(report, name="b", is_kept=True, root=tmp_path)
    assert first == kept / "2026-01-31-b"
    later = replace(report, began="2026-01-31T13:00:00Z", metrics={**report.metrics, "x": 1})
    archive.write(later, name="a", is_kept=True, root=tmp_path)
    last = archive.last_kept(kept)
    assert last is not None
    assert last.name == "2026-01-31-a"
    assert last.metrics["x"] == 1
    assert {path.name for path in first.iterdir()} == {
        "report.md",
        "report.json",
        "latency.svg",
        "throughput.svg",
        "ramp.svg",
    }


def test_other_reports_are_written_elsewhere(tmp_path: Path, report: Report) -> None:
    directory = archive.write(report, name="a", is_kept=False, root=tmp_path)
    assert directory == tmp_path / ".local/bench/2026-01-31T120000Z-a"
    assert archive.last_kept(tmp_path / archive.KEPT) is None
    assert json.loads((directory / "report.json").read_text())["settings"] == {"fsync": "on", "workers": "1"}


@pytest.mark.parametrize("capacity", [10.0, 300.0, 500.0, 2_500.0, 7_000.0])
async def test_the_ramp_finds_the_knee(capacity: float) -> None:
    ramp = await RampPlan(start_rps=400).climb(_server_with(lambda rate: 100.0 if rate > capacity else 2.0))
    if capacity < 400 / 2**HALVINGS_MAX:
        assert ramp.knee_rps == 0
    elif capacity < 400:
        assert capacity / 1.25 <= ramp.knee_rps <= capacity
    else:
        assert capacity / (1 + (GROWTH - 1) / 4 + 0.01) <= ramp.knee_rps <= capacity
    assert len(ramp.steps) < 30


async def test_the_ramp_tries_each_rate_twice() -> None:
    seen: Counter[float] = Counter()

    def p99_ms(rate: float) -> float:
        seen[rate] += 1
        return 100.0 if seen[rate] == 1 or rate > 1_000 else 2.0

    assert (await RampPlan(start_rps=500).climb(_server_with(p99_ms))).knee_rps > 900


async def test_errors_end_the_ramp_and_so_does_the_step_limit() -> None:
    ramp = await RampPlan(start_rps=500).climb(_server_with(lambda _: 2.0, errors=5))
    assert ramp.knee_rps == 0
    ramp = await RampPlan(start_rps=500).climb(_server_with(lambda _: 2.0))
    assert len(ramp.steps) == 25


def test_live_bytes_are_values_and_tables() -> None:
    stats = {
        "dataset.bytes": 1_000,
        "clients.normal": 5_000,
        "db.0": {"overhead.hashtable.main": 200, "overhead.hashtable.expires": 30},
        "db.dict": 7,
    }
    assert live_bytes(stats) == 1_230


def _server_with(
    p99_ms: Callable[[float], float], errors: int = 0
) -> Callable[[float], Coroutine[None, None, Measurement]]:
    async def step(rate: float) -> Measurement:
        tally = Tally(["/a/b"])
        tally.units = tally.calls = math.ceil(rate)
        tally.errors.update({"INTERNAL": errors} if errors else {})
        tally.by_path[0].record(int(p99_ms(rate) * 1e6))
        return Measurement(1.0, {"ramp": tally}, 0.1, {})

    return step
