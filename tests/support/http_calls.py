"""An HTTP server of the back office for tests, and a client of it that is not aiohttp's."""

import asyncio
import http.client
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from admin.http import server
from admin.http.route import Route
from admin.settings import AdminSettings
from devstack.ports import LOOPBACK, free_port
from server.lifetime import Lifetime

TOKEN = "a token of the tests"
SECONDS_MAX = 10.0


class Response(NamedTuple):
    """A response; `whole` unless the body broke off."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True

    @property
    def error(self) -> Any:
        """The error in the body."""
        return json.loads(self.body)["error"]

    @property
    def reason(self) -> str:
        """The reason of the error, by which programs decide."""
        reason: str = self.error["details"][0]["reason"]
        return reason


class Caller:
    """Calls one server, by an HTTP client that is not aiohttp's."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.port = port
        self._tls = tls

    async def call(self, method: str, path: str, *, token: str | None = TOKEN, body: bytes | None = None) -> Response:
        """Send a request and return the response."""
        return await asyncio.to_thread(self._call, method, path, token, body)

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection, for a test that sends its request itself."""
        if self._tls is not None:
            return http.client.HTTPSConnection(LOOPBACK, self.port, timeout=SECONDS_MAX, context=self._tls)
        return http.client.HTTPConnection(LOOPBACK, self.port, timeout=SECONDS_MAX)

    def _call(self, method: str, path: str, token: str | None, body: bytes | None) -> Response:
        connection = self.connect()
        try:
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            head = response.status, dict(response.getheaders())
            try:
                return Response(*head, response.read())
            except (http.client.IncompleteRead, ConnectionError):
                return Response(*head, b"", whole=False)
        finally:
            connection.close()


def settings_in(folder: Path) -> AdminSettings:
    """Return settings with a token file in `folder` and a free port."""
    tokens = folder / "tokens"
    tokens.write_text(TOKEN)
    return AdminSettings(token_file=tokens, http_port=free_port())


@asynccontextmanager
async def serving(settings: AdminSettings, *routes: Route, tls: ssl.SSLContext | None = None) -> AsyncIterator[Caller]:
    """Serve routes, and yield a client for them."""
    async with server.serving(settings, routes, Lifetime()):
        yield Caller(settings.http_port, tls)
