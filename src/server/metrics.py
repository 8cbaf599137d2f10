"""The metrics of calls to both servers. Labels are bounded: methods, codes and reasons, never a company."""

from time import perf_counter

import grpc
from prometheus_client import Counter, Histogram

from server.reasons import Reason

rpc_requests = Counter(
    "rpc_requests_total",
    "Calls that ended, by code and reason; a stream is one call.",
    ["service", "method", "code", "reason"],
)
rpc_seconds = Histogram(
    "rpc_seconds",
    "Time from a request's arrival to its answer; streams are left out.",
    ["service", "method"],
    buckets=(0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 2.5, 5.0),
)
batch_items = Counter(
    "rpc_batch_items_total",
    "Charges in batches and streams, by reason; OK where one is recorded.",
    ["method", "reason"],
)


class CallMetrics:
    """The metrics of one method. Labels are looked up once, not with every call."""

    def __init__(self, service: str, method: str, *, timed: bool) -> None:
        """Count calls of `service`/`method`, and time them where `timed`."""
        self._labels = service, method
        self._seconds = rpc_seconds.labels(service, method) if timed else None
        self._ok = rpc_requests.labels(service, method, grpc.StatusCode.OK.name, "")

    def succeeded(self, started: float) -> None:
        """Count a call that succeeded; `started` is perf_counter's."""
        self._ok.inc()
        if self._seconds is not None:
            self._seconds.observe(perf_counter() - started)

    def failed(self, started: float, code: grpc.StatusCode, reason: Reason | None) -> None:
        """Count a call that failed; there is no reason if it was cancelled."""
        rpc_requests.labels(*self._labels, code.name, reason or "").inc()
        if self._seconds is not None:
            self._seconds.observe(perf_counter() - started)
