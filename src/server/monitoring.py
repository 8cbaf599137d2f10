"""/metrics and /healthz over plain HTTP, for all workers of a service."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

REQUEST_SECONDS_MAX = 10.0
"""How long a client may take with its request."""

_TEXT = ("Content-Type", "text/plain; charset=utf-8")


class WorkerMetrics(Collector):
    """The metrics of the supervisor: workers wanted, serving and restarted."""

    def __init__(self, wanted: int, serving: Callable[[], int], restarts: Callable[[], int]) -> None:
        """Call `serving` and `restarts` with every scrape."""
        self._wanted = wanted
        self._serving = serving
        self._restarts = restarts

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the metrics."""
        yield GaugeMetricFamily("server_workers", "Worker processes that there should be.", self._wanted)
        yield GaugeMetricFamily("server_workers_serving", "Worker processes that serve.", self._serving())
        yield GaugeMetricFamily("server_worker_restarts", "Workers that died and were replaced.", self._restarts())


@contextmanager
def serve_monitoring(
    host: str, port: int, *, folder: Path, healthy: Callable[[], bool], collectors: Sequence[Collector]
) -> Iterator[int]:
    """Serve /metrics and /healthz in threads while the context lasts; yield the port.

    `folder` has the files of the workers' metrics; `collectors` are asked with every scrape. Raises OSError if the
    port is taken.
    """
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]  # prometheus_client has no types there
    for collector in collectors:
        registry.register(collector)
    server = _Server((host, port), _Handler)
    server.set_app(_application(make_wsgi_app(registry), healthy))
    thread = threading.Thread(target=server.serve_forever, name="monitoring", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _application(metrics: WSGIApplication, healthy: Callable[[], bool]) -> WSGIApplication:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return metrics(environ, start_response)
            case "/healthz" if healthy():
                return _text(start_response, "200 OK", b"ok\n")
            case "/healthz":
                return _text(start_response, "503 Service Unavailable", b"not all workers serve\n")
            case _:
                return _text(start_response, "404 Not Found", b"/metrics and /healthz are here\n")

    return application


def _text(start_response: StartResponse, status: str, body: bytes) -> Iterable[bytes]:
    # Each response needs a header list of its own: wsgiref adds the Content-Length to it.
    start_response(status, [_TEXT])
    return [body]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # Not HTTPServer's method, which resolves this machine's name by DNS.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_SECONDS_MAX

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  The name is the base class's.
        """Log nothing: scrapes would fill the log."""
