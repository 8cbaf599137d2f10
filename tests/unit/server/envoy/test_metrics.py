"""What the Envoys of several workers say is kept apart: a sum would fall with a worker, and add up dates."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer

from server.envoy.metrics import EnvoyMetrics

EXPIRY = "envoy_listener_ssl_certificate_expiration_unix_time_seconds"
REQUESTS = "envoy_http_downstream_rq_total"


@contextmanager
def envoy(folder: Path, worker: int, *, requests: int, expiry: float) -> Iterator[None]:
    """Answer as the Envoy of a worker does while the context lasts."""
    text = f"# TYPE {REQUESTS} counter\n{REQUESTS}{{}} {requests}\n# TYPE {EXPIRY} gauge\n{EXPIRY}{{}} {expiry}\n"

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Write nothing."""

    path = folder / f"envoy-{worker}.sock"
    with UnixStreamServer(str(path), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
            path.unlink()


def shown(folder: Path) -> dict[tuple[str, str], float]:
    """Return what is shown, by name and worker."""
    return {
        (sample.name, sample.labels["worker"]): sample.value
        for metric in EnvoyMetrics(folder).collect()
        for sample in metric.samples
    }


def test_a_worker_that_is_away_changes_nothing_of_the_others(tmp_path: Path) -> None:
    with envoy(tmp_path, 0, requests=1_000, expiry=1.8e9):
        with envoy(tmp_path, 1, requests=2_000, expiry=1.9e9):
            both = shown(tmp_path)
        alone = shown(tmp_path)
    assert both == {
        (REQUESTS, "0"): 1_000,
        (REQUESTS, "1"): 2_000,
        (EXPIRY, "0"): 1.8e9,
        (EXPIRY, "1"): 1.9e9,
    }
    assert alone == {(REQUESTS, "0"): 1_000, (EXPIRY, "0"): 1.8e9}
