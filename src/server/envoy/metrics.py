"""Envoy's own counters beside ours: connections, streams, floods and limits that were reached."""

import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

ANSWER_SECONDS_MAX = 1.0
SHOWN = r"^(http\.grpc\.|http2\.|listener\.grpc\.|overload\.|server\.memory)"
"""Envoy's names of what is shown. Most of its several hundred are about proxying, and stay 0 here."""

_PATH = f"/stats/prometheus?usedonly&filter={SHOWN}"
_TYPES = ("counter", "gauge")
"""Histograms are left out: the times of calls are measured closer to the wallet."""


class EnvoyMetrics(Collector):
    """The counters of the Envoys of all workers of a service, if they have any, each with its worker's number.

    They are not added up: a sum falls when a worker is replaced, which Prometheus takes for a restart of all and counts
    as new what the others have; and some are times, such as when a certificate ends.
    """

    def __init__(self, folder: Path) -> None:
        """Ask the Envoys whose sockets are in `folder`."""
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        """Yield each of Envoy's counters and gauges, for the workers that answer."""
        metrics: dict[str, Metric] = {}
        for path in sorted(self._folder.glob("envoy-*.sock")):
            worker = path.stem.removeprefix("envoy-")
            for family in _families(path):
                if family.type in _TYPES:
                    metric = metrics.setdefault(family.name, Metric(family.name, _help(family.name), family.type))
                    for sample in family.samples:
                        metric.add_sample(sample.name, {**sample.labels, "worker": worker}, sample.value)
        yield from metrics.values()


def _help(name: str) -> str:
    return f"Envoy's {name.removeprefix('envoy_')}; see its documentation."


def _families(path: Path) -> list[Metric]:
    """Return what an Envoy answers; nothing while it starts or ends."""
    connection = _UnixConnection(path)
    try:
        connection.request("GET", _PATH)
        answer = connection.getresponse()
        return list(text_string_to_metric_families(answer.read().decode())) if answer.status == 200 else []
    except (OSError, HTTPException, ValueError):
        return []
    finally:
        connection.close()


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("envoy", timeout=ANSWER_SECONDS_MAX)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
