"""Routes of the HTTP server. Features define them, and admin.app collects them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from aiohttp import web

from server.rejections import InvalidRequest

REQUEST_SECONDS_MAX = 30.0
"""How long a request may take, body and answer included, unless its route says otherwise."""
BODY_BYTES_MAX = 1024 * 1024

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
WebhookReceiver = Callable[[bytes, Mapping[str, str]], Awaitable[web.Response]]
"""Takes the raw body and the headers, whose names are case-insensitive."""


class Route(NamedTuple):
    """A served path. Its handler raises the errors of server.error_table, which admin.http.boundary answers."""

    method: str
    path: str
    """With variables in braces, such as /v1/companies/{company}/receipts/{number}.pdf."""
    handle: Handler
    open: bool = False
    """Whether it is served without a token. Its handler authenticates the caller, such as by a signature."""
    seconds_max: float = REQUEST_SECONDS_MAX


def webhook(path: str, receive: WebhookReceiver) -> Route:
    """Return the route of a sender without a token, which signs its requests.

    `receive` gets the bytes that the signature covers, verifies it, and raises or answers: any 2xx status tells the
    sender not to send it again.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        return await receive(await read_body(request), request.headers)

    return Route("POST", path, handle, open=True)


async def read_body(request: web.Request) -> bytes:
    """Return the body, which has at most BODY_BYTES_MAX bytes. Raises InvalidRequest if it breaks off."""
    try:
        return await request.read()
    except (web.RequestPayloadError, asyncio.IncompleteReadError) as error:
        raise InvalidRequest("The body breaks off.") from error


def attachment(body: bytes, *, filename: str, content_type: str) -> web.Response:
    """Return a response that browsers save as a file. `filename` has letters, digits and . _ - only."""
    return web.Response(body=body, content_type=content_type, headers=attachment_headers(filename))


def attachment_headers(filename: str) -> Mapping[str, str]:
    """Return the headers that make browsers save a response under this name."""
    assert filename.replace(".", "").replace("-", "").replace("_", "").isalnum()
    return {"Content-Disposition": f'attachment; filename="{filename}"'}
