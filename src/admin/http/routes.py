"""What is served over HTTP: a table of routes, which admin.app makes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from aiohttp import web

from server.rejections import InvalidRequest

REQUEST_SECONDS_MAX = 30.0
"""How long a request may take, body and answer included, unless its route says otherwise."""
BODY_BYTES_MAX = 1024 * 1024

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]
Receive = Callable[[bytes, Mapping[str, str]], Awaitable[web.Response]]
"""Takes a body as it came, and the headers (their names in any case)."""


class Route(NamedTuple):
    """A path that is served. The handler raises what server.error_table knows; admin.http.boundary answers it."""

    method: str
    path: str
    """With what varies in braces, such as /v1/companies/{company}/receipts/{number}.pdf."""
    handle: Handle
    open: bool = False
    """Served without a token: the handler itself finds out who calls."""
    seconds_max: float = REQUEST_SECONDS_MAX


def webhook(path: str, receive: Receive) -> Route:
    """Return the route of somebody who posts without a token of ours and signs what he sends.

    `receive` gets the bytes that the signature is over, verifies it, and raises or answers: any status of 2xx says that
    it need not be sent again.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        return await receive(await body_of(request), request.headers)

    return Route("POST", path, handle, open=True)


async def body_of(request: web.Request) -> bytes:
    """Return the body, which has at most BODY_BYTES_MAX bytes. Raises InvalidRequest where it breaks off."""
    try:
        return await request.read()
    except (web.RequestPayloadError, asyncio.IncompleteReadError) as error:
        raise InvalidRequest("The body breaks off.") from error


def attachment(body: bytes, *, filename: str, content_type: str) -> web.Response:
    """Return a file to be saved. `filename` is of letters, digits, and . _ - only."""
    return web.Response(body=body, content_type=content_type, headers=saved_as(filename))


def saved_as(filename: str) -> Mapping[str, str]:
    """Return the headers of an answer that is to be saved under this name."""
    assert filename.replace(".", "").replace("-", "").replace("_", "").isalnum()
    return {"Content-Disposition": f'attachment; filename="{filename}"'}
