"""The lifecycle of a gRPC server, from its bind to its last answer."""

import asyncio
import gc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from server.boundary import Boundary
from server.lifetime import BEAT_SECONDS, Lifetime
from server.settings import Misconfigured, ServerSettings
from server.tokens import read_tokens

DRAIN_SECONDS_MAX = 3.0
"""How long a stopping server waits for its calls before it cancels them."""
TRANSPORT_MESSAGE_BYTES_MAX = 16 * 1024 * 1024
"""gRPC itself refuses a larger message; one between MESSAGE_BYTES_MAX and this is answered by the error table."""
CONNECTION_AGE_SECONDS = 300
"""After this time clients connect again, so that a new worker or machine gets its share."""
CONNECTION_AGE_GRACE_SECONDS = 900
"""How long a connection's calls may take after that: longer than the longest stream."""
KEEPALIVE_SECONDS = 60
KEEPALIVE_TIMEOUT_SECONDS = 20
CLIENT_PING_SECONDS_MIN = 10

OPTIONS = (
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", TRANSPORT_MESSAGE_BYTES_MAX),
    ("grpc.max_connection_age_ms", CONNECTION_AGE_SECONDS * 1000),
    ("grpc.max_connection_age_grace_ms", CONNECTION_AGE_GRACE_SECONDS * 1000),
    ("grpc.keepalive_time_ms", KEEPALIVE_SECONDS * 1000),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", CLIENT_PING_SECONDS_MIN * 1000),
)

_REFLECTION: str = reflection.SERVICE_NAME
_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_STATUS = health_pb2.HealthCheckResponse

log = structlog.get_logger(__name__)


class Service(NamedTuple):
    """A service to serve: its full name, and the function that adds its servicer to a server, here to the boundary."""

    name: str
    add_to: Callable[[Any], None]


async def serve(
    settings: ServerSettings, services: Sequence[Service], *, healthy: Callable[[], bool], lifetime: Lifetime
) -> None:
    """Serve until `lifetime.stopping` is set, then finish the calls that have begun.

    Health and reflection are served beside `services`; health follows `healthy`. Raises Misconfigured.
    """
    names = [service.name for service in services]
    open_services = {_HEALTH, _REFLECTION} if settings.on_loopback else {_HEALTH}
    boundary = Boundary(read_tokens(settings.token_file), ours=frozenset(names), open_services=frozenset(open_services))
    for service in services:
        service.add_to(boundary)
    checks: Any = health.aio.HealthServicer()  # type: ignore[attr-defined]  # missing in the stubs
    health_pb2_grpc.add_HealthServicer_to_server(checks, boundary)
    reflected: Any = reflection.aio.ReflectionServicer([*names, _HEALTH, _REFLECTION])  # type: ignore[attr-defined]  # as above
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflected, boundary)
    server = grpc.aio.server(handlers=[boundary], options=OPTIONS)
    bind(server, settings)

    await server.start()
    # Imported modules and open stores stay: the collector need not traverse them again.
    gc.collect()
    gc.freeze()
    lifetime.started = True
    log.info("serving", address=settings.address, tls=bool(settings.tls_cert_file))
    await _report(checks, names, healthy, lifetime)
    log.info("stopping")
    await checks.enter_graceful_shutdown()
    lifetime.beat(serving=False)
    await server.stop(DRAIN_SECONDS_MAX)


def bind(server: grpc.aio.Server, settings: ServerSettings) -> None:
    """Listen on the address of the settings. Raises Misconfigured."""
    try:
        if settings.tls_cert_file and settings.tls_key_file:
            pair = settings.tls_key_file.read_bytes(), settings.tls_cert_file.read_bytes()
            # Client certificates would be configured here: root_certificates and require_client_auth.
            server.add_secure_port(settings.address, grpc.ssl_server_credentials([pair]))
        else:
            server.add_insecure_port(settings.address)
    except (RuntimeError, OSError) as error:
        raise Misconfigured(f"cannot serve on {settings.address}: {error}") from error


async def _report(checks: Any, names: Sequence[str], healthy: Callable[[], bool], lifetime: Lifetime) -> None:
    """Report to health watchers and the supervisor whether this process serves, until it is to stop."""
    reported = None
    while not lifetime.stopping.is_set():
        serving = healthy()
        if serving is not reported:
            status = _STATUS.SERVING if serving else _STATUS.NOT_SERVING
            for name in ("", *names):
                await checks.set(name, status)
            reported = serving
        lifetime.beat(serving=serving)
        try:
            await asyncio.wait_for(lifetime.stopping.wait(), BEAT_SECONDS)
        except TimeoutError:
            continue
