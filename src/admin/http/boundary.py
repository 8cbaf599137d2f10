"""The boundary of an HTTP request: authentication, time limit, errors and metrics, as server.boundary is for gRPC."""

import asyncio
from collections.abc import Mapping, Sequence
from time import perf_counter

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from admin.http.errors import error_response
from admin.http.route import BODY_BYTES_MAX, Route
from admin.metrics import http_requests, http_seconds
from server.errors import answer, is_fault
from server.rejections import InvalidRequest, Unauthenticated
from server.tokens import Tokens
from wallet.domain.errors import Applied, DeadlineExceeded

ABORTED = "aborted"
"""Counted instead of a status if a response had begun and did not get to its end."""
NO_ROUTE = "none"

_STARTED = web.RequestKey("started", web.StreamResponse)
"""The response of which a part may have been sent."""
_CUT_OFF = web.RequestKey("cut off", bool)
"""Set if the response did not get to its end."""

log = structlog.get_logger(__name__)


def application(routes: Sequence[Route], tokens: Tokens) -> web.Application:
    """Return an application that serves `routes` to callers with one of `tokens`, and open routes to all callers."""
    boundary = _Boundary(tokens)
    served = web.Application(client_max_size=BODY_BYTES_MAX, middlewares=[boundary.serve])
    served.on_response_prepare.append(_on_prepare)
    for route in routes:
        boundary.routes[served.router.add_route(route.method, route.path, route.handle)] = route
    return served


class _Boundary:
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.routes: dict[web.AbstractRoute, Route] = {}

    @web.middleware
    async def serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started = perf_counter()
        route = self.routes.get(request.match_info.route)
        name = NO_ROUTE if route is None else route.path
        try:
            # A caller without a token learns nothing, not even which paths exist.
            if (route is None or not route.open) and not self._admits(request.headers):
                raise Unauthenticated  # noqa: TRY301  All errors are answered in one place.
            response = await _call_in_time(request, handler, route)
        except asyncio.CancelledError:
            http_requests.labels(name, ABORTED).inc()
            raise
        except Exception as error:  # noqa: BLE001  The boundary: every error is answered here.
            response = _answer_error(request, error)
        http_requests.labels(name, ABORTED if _CUT_OFF in request else str(response.status)).inc()
        http_seconds.labels(name).observe(perf_counter() - started)
        return response

    def _admits(self, headers: Mapping[str, str]) -> bool:
        credentials = headers.get("Authorization", "")
        return credentials.isascii() and self._tokens.admits([("authorization", credentials)])


async def _call_in_time(request: web.Request, handler: Handler, route: Route | None) -> web.StreamResponse:
    limit = None if route is None else route.seconds_max
    try:
        async with asyncio.timeout(limit) as timeout:
            response: web.StreamResponse = await handler(request)
            return response
    except TimeoutError as error:
        if not timeout.expired():
            raise
        raise DeadlineExceeded(f"it took longer than {limit:g} s", applied=Applied.UNKNOWN) from error


def _answer_error(request: web.Request, error: Exception) -> web.StreamResponse:
    """Return the response for an error. Faults are logged here, and only here."""
    if _STARTED in request:
        started: web.StreamResponse = request[_STARTED]
        request[_CUT_OFF] = True
        # It is too late for an error response. The connection is cut, so that no client takes the part for the whole.
        if not isinstance(error, ConnectionError):
            log.error("http_answer_broken_off", exc_info=error if is_fault(error) else None, error=type(error).__name__)
        if request.transport is not None:
            request.transport.abort()
        return started
    if isinstance(error, web.HTTPException):
        return _answer_http_error(request, error)
    if is_fault(error):
        log.error("http_request_failed", exc_info=error)
    return error_response(answer(error))


def _answer_http_error(request: web.Request, error: web.HTTPException) -> web.StreamResponse:
    """Return the response for an error of HTTP itself: no such path or method, or a body that is too large."""
    match error:
        case web.HTTPNotFound():
            message = f"There is no {request.path[:100]} here."
        case web.HTTPMethodNotAllowed():
            message = f"{request.path[:100]} accepts {', '.join(sorted(error.allowed_methods))}."
        case web.HTTPRequestEntityTooLarge():
            message = f"The body has more than {BODY_BYTES_MAX} bytes."
        case _:
            message = f"{error.reason}."
    response = error_response(answer(InvalidRequest(message)), error.status)
    if isinstance(error, web.HTTPMethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    return response


async def _on_prepare(request: web.Request, response: web.StreamResponse) -> None:
    request[_STARTED] = response
    response.headers.pop("Server", None)  # It would name the server software and its version.
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
