"""The HTTP server of a worker process."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from aiohttp import web, web_response

from admin.http.boundary import application
from admin.http.route import Route
from admin.settings import AdminSettings
from server.lifetime import DRAIN_SECONDS_MAX, Lifetime
from server.settings import Misconfigured
from server.tokens import read_tokens

IDLE_SECONDS_MAX = 30.0
"""How long a connection may stay open without a complete request line and headers."""
BACKLOG = 128

log = structlog.get_logger(__name__)

_quiet = logging.getLogger(f"{__name__}.protocol")
_quiet.setLevel(logging.CRITICAL)
"""aiohttp logs a traceback for each client that speaks no HTTP. Errors of requests are logged by the boundary."""


web_response.SERVER_SOFTWARE = "charging"  # type: ignore[attr-defined]  # aiohttp has no other way
"""aiohttp itself answers clients that speak no HTTP, without the boundary; its answer must not show its version."""


@asynccontextmanager
async def serving(settings: AdminSettings, routes: Sequence[Route], lifetime: Lifetime) -> AsyncIterator[None]:
    """Serve `routes` until `lifetime.stopping` is set or the context ends, then finish the requests that have begun.

    Raises Misconfigured if the address or the certificate cannot be used.
    """
    runner = web.AppRunner(
        application(routes, read_tokens(settings.token_file)),
        access_log=None,
        logger=_quiet,
        keepalive_timeout=IDLE_SECONDS_MAX,
        shutdown_timeout=DRAIN_SECONDS_MAX,
    )
    await runner.setup()
    site = web.TCPSite(
        runner,
        settings.http_host,
        settings.http_port,
        ssl_context=tls_context(settings),
        backlog=BACKLOG,
        reuse_port=True,
    )
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise Misconfigured(f"cannot serve on {settings.http_host}:{settings.http_port}: {error}") from error
    log.info("serving_http", address=f"{settings.http_host}:{settings.http_port}", tls=bool(settings.tls_cert_file))

    async def stop() -> None:
        # Stop at the same time as gRPC does, not after it.
        await lifetime.stopping.wait()
        await runner.cleanup()

    stopping = asyncio.create_task(stop(), name="http stop")
    try:
        yield
    finally:
        if not lifetime.stopping.is_set():
            stopping.cancel()
            await asyncio.wait((stopping,))
            await runner.cleanup()
        else:
            await stopping


def tls_context(settings: AdminSettings) -> ssl.SSLContext | None:
    """Return a TLS context with gRPC's certificate, or None if there is none. Raises Misconfigured."""
    if not settings.tls_cert_file or not settings.tls_key_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(f"TLS_CERT_FILE and TLS_KEY_FILE cannot be used: {error}") from error
    return context
