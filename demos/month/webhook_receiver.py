"""The company's webhook: it receives events and verifies each as docs/guides/webhooks.md says."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook, WebhookVerificationError

from devstack.ports import LOOPBACK


class WebhookReceiver:
    """An HTTP server; `with` starts and stops it."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.secret = ""
        """The signing secret of the webhook, which the service shows once, on creation."""
        self._lock = threading.Lock()
        self._events: dict[str, Mapping[str, Any]] = {}
        self._forged = 0
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="company's webhook")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The URL of the webhook."""
        return f"http://{LOOPBACK}:{self._server.server_port}/hooks/charging"

    @property
    def events(self) -> list[Mapping[str, Any]]:
        """Each verified event once, in order of first arrival."""
        with self._lock:
            return list(self._events.values())

    @property
    def forged(self) -> int:
        """The number of requests that did not verify."""
        with self._lock:
            return self._forged

    def receive(self, headers: Mapping[str, str], body: bytes) -> int:
        """Verify and store a request; return the HTTP status."""
        with self._lock:
            if not is_verified(self.secret, headers, body):
                self._forged += 1
                return 400
            self._events.setdefault(headers["webhook-id"], json.loads(body))
            return 204

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            """Passes each request to the receiver."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(receiver.receive(headers, body))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Log nothing."""

        return Handler


def is_verified(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Return whether the signature of a request is valid."""
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: the signature is no base64, or the body no UTF-8.
        return False
    return True
