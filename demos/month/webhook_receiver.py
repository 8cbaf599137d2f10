"""A program of the company that is told of events, and verifies each as docs/guides/webhooks.md says."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from standardwebhooks import Webhook, WebhookVerificationError

from devstack.ports import LOOPBACK


class Hook:
    """An HTTP server; `with` starts and stops it."""

    def __init__(self) -> None:
        """Take a free port."""
        self.secret = ""
        """What the service signs with: shown once, when the webhook is made."""
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
        """Where it listens."""
        return f"http://{LOOPBACK}:{self._server.server_port}/hooks/charging"

    @property
    def events(self) -> list[Mapping[str, Any]]:
        """Each verified event once, in the order in which they came first."""
        with self._lock:
            return list(self._events.values())

    @property
    def forged(self) -> int:
        """How many requests did not verify."""
        with self._lock:
            return self._forged

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Take a request; return the status."""
        with self._lock:
            if not verified(self.secret, headers, body):
                self._forged += 1
                return 400
            self._events.setdefault(headers["webhook-id"], json.loads(body))
            return 204

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(hook.take(headers, body))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def verified(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Say whether a request is the service's."""
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: the signature is no base64, or the body no UTF-8.
        return False
    return True
