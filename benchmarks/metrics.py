"""Metrics of a run, for programs, as one line of JSON. Keys of scenarios that did not run are absent."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from benchmarks.isolated.scenario import Outcome
from benchmarks.rows import Row, ratio
from benchmarks.suite import Results

Metrics = dict[str, float | int]


class _Metric(NamedTuple):
    """A key, the name of its row, and the value of that row."""

    key: str
    row: str
    value: Callable[[Row], float]
    digits: int = 3


def _rps(row: Row) -> float:
    return row.rps


def _p50_ms(row: Row) -> float:
    return row.p50_ms


def _p95_ms(row: Row) -> float:
    return row.p95_ms


def _p99_ms(row: Row) -> float:
    return row.p99_ms


def _p999_ms(row: Row) -> float:
    return row.p999_ms


def _method_p99_ms(method: str) -> Callable[[Row], float]:
    return lambda row: row.method_p99_ms[method]


_METRICS = (
    _Metric("echo_rps", "echo", _rps, 0),
    _Metric("echo_p50_ms", "echo", _p50_ms),
    _Metric("echo_envoy_rps", "echo_envoy", _rps, 0),
    _Metric("charge_rps_16", "charge16", _rps, 0),
    _Metric("charge_p50_ms_16", "charge16", _p50_ms),
    _Metric("charge_p99_ms_16", "charge16", _p99_ms),
    _Metric("charge_rps_64", "charge64", _rps, 0),
    _Metric("charge_p50_ms", "charge64", _p50_ms),
    _Metric("charge_p99_ms", "charge64", _p99_ms),
    _Metric("charge_rps_64_grpc", "charge64_grpc", _rps, 0),
    _Metric("charge_p50_ms_grpc", "charge64_grpc", _p50_ms),
    _Metric("charge_p99_ms_grpc", "charge64_grpc", _p99_ms),
    _Metric("charge_rps_16_grpc", "charge16_grpc", _rps, 0),
    _Metric("charge_p99_ms_16_grpc", "charge16_grpc", _p99_ms),
    _Metric("one_p50_ms_grpc", "one_grpc", _p50_ms),
    _Metric("charge_priced_rps_64", "priced", _rps, 0),
    _Metric("one_p50_ms", "one", _p50_ms),
    _Metric("one_p99_ms", "one", _p99_ms),
    _Metric("hot1_rps_64", "hot1", _rps, 0),
    _Metric("zipf_rps_64", "zipf", _rps, 0),
    _Metric("batch100_rps", "batch100", _rps, 0),
    _Metric("batch100_p50_ms", "batch100", _p50_ms),
    _Metric("batch100_p99_ms", "batch100", _p99_ms),
    _Metric("stream_rps", "stream", _rps, 0),
    _Metric("stream_p50_ms", "stream", _p50_ms),
    _Metric("stream_p99_ms", "stream", _p99_ms),
    _Metric("open_rps", "open", _rps, 0),
    _Metric("open_p50_ms", "open", _p50_ms),
    _Metric("open_p95_ms", "open", _p95_ms),
    _Metric("open_p99_ms", "open", _p99_ms),
    _Metric("open_p999_ms", "open", _p999_ms),
    _Metric("open_client_late_p99_ms", "open", lambda row: row.late_p99_ms),
    _Metric("burst_others_p50_ms", "burst", _p50_ms),
    _Metric("burst_others_p99_ms", "burst", _p99_ms),
    _Metric("burst_flood_rps", "burst/1", _rps, 0),
    _Metric("calls_rps", "calls", _rps, 0),
    _Metric("calls_p50_ms", "calls", _p50_ms),
    _Metric("authorize_p99_ms", "calls", _method_p99_ms("Authorize")),
    _Metric("increment_p99_ms", "calls", _method_p99_ms("IncrementAuthorization")),
    _Metric("capture_p99_ms", "calls", _method_p99_ms("Capture")),
    _Metric("replays_rps", "replays", _rps, 0),
    _Metric("declines_rps", "declines", _rps, 0),
    _Metric("mixed_rps", "mixed", _rps, 0),
    _Metric("mixed_p99_ms", "mixed", _p99_ms),
    _Metric("mixed_top_up_p99_ms", "mixed/1", _p99_ms),
    _Metric("mixed_listing_p99_ms", "mixed/2", _p99_ms),
    _Metric("naive_rps_hot", "naive_hot", _rps, 0),
    _Metric("naive_p99_ms_hot", "naive_hot", _p99_ms),
    _Metric("naive_batch_rps", "naive_batch", _rps, 0),
    _Metric("workers2_rps_64", "workers2", _rps, 0),
)

_RATIOS = (
    ("charge_over_echo", "charge64", "echo"),
    ("envoy_over_grpc_64", "charge64", "charge64_grpc"),
    ("envoy_over_grpc_16", "charge16", "charge16_grpc"),
    ("envoy_over_grpc_1", "one", "one_grpc"),
    ("charge_priced_ratio", "priced", "charge64"),
    ("hot_over_many", "hot1", "charge64"),
    ("charge_over_naive_hot", "hot1", "naive_hot"),
    ("batch_over_naive", "batch100", "naive_batch"),
    ("calls_over_charge", "calls", "charge64"),
    ("workers2_over_one", "workers2", "charge64"),
)
"""A key, and the two rows whose rates are divided."""


def collect_metrics(
    results: Results,
    found: Mapping[str, Row],
    *,
    fsync_ms: float | None = None,
    outcomes: Sequence[Outcome] = (),
) -> Metrics:
    """Return all metrics; `outcomes` are those of isolated scenarios."""
    metrics: Metrics = {
        metric.key: round(metric.value(found[metric.row]), metric.digits or None)
        for metric in _METRICS
        if metric.row in found
    }
    for key, above, below in _RATIOS:
        if {above, below} <= found.keys() and (value := ratio(found[above], found[below])) is not None:
            metrics[key] = round(value, 3)
    if "charge64" in found:
        metrics["client_cpu_us"] = round(found["charge64"].client_cpu_us, 1)
        for name, cpu_us in found["charge64"].server_cpu_us.items():
            metrics[f"{name}_cpu_us"] = round(cpu_us, 1)
        metrics["servers_cpu_us"] = round(sum(found["charge64"].server_cpu_us.values()), 1)
    if "charge64_grpc" in found:
        metrics["servers_cpu_us_grpc"] = round(sum(found["charge64_grpc"].server_cpu_us.values()), 1)
    if results.ramp is not None:
        metrics["knee_rps"] = round(results.ramp.knee_rps)
    if results.memory is not None:
        metrics["redis_bytes_per_company"] = round(results.memory.bytes_per_company, 1)
        metrics["redis_bytes_per_charge"] = round(results.memory.bytes_per_charge, 1)
    for outcome in outcomes:
        metrics |= outcome.metrics
    metrics["errors"] = sum(row.errors.total() for row in found.values())
    metrics["ledger_differences"] = results.differences
    metrics["unclosed"] = results.unclosed
    metrics["seconds"] = round(results.seconds, 1)
    if fsync_ms is not None:
        metrics["fsync_ms"] = round(fsync_ms, 3)
    return metrics
