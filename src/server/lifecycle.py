"""The lifecycle of a server, from its first call to its last answer, whichever front accepts the calls."""

import asyncio
import gc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from server.boundary import Boundary
from server.lifetime import BEAT_SECONDS, Lifetime
from server.settings import ServerSettings
from server.tokens import read_tokens

_REFLECTION: str = reflection.SERVICE_NAME
_HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_STATUS = health_pb2.HealthCheckResponse

log = structlog.get_logger(__name__)


class Service(NamedTuple):
    """A service to serve: its full name, and the function that adds its servicer to a server, here to the boundary."""

    name: str
    add_to: Callable[[Any], None]


class Front(Protocol):
    """What accepts connections and hands each call to the boundary."""

    name: str
    """As in CHARGING_FRONT."""

    async def start(self, boundary: Boundary) -> None:
        """Accept calls. Raises Misconfigured."""

    async def stop(self) -> None:
        """Accept no new calls, and return when those that have begun have ended, after DRAIN_SECONDS_MAX at most."""


async def serve(
    settings: ServerSettings,
    services: Sequence[Service],
    front: Front,
    *,
    healthy: Callable[[], bool],
    lifetime: Lifetime,
) -> None:
    """Serve by `front` until `lifetime.stopping` is set, then finish the calls that have begun.

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

    await front.start(boundary)
    # Imported modules and open stores stay: the collector, off since the start, need not traverse them.
    gc.freeze()
    gc.enable()
    lifetime.started = True
    log.info("serving", front=front.name, address=settings.address, tls=bool(settings.tls_cert_file))
    await _report(checks, names, healthy, lifetime)
    log.info("stopping")
    await checks.enter_graceful_shutdown()
    lifetime.beat(serving=False)
    await front.stop()


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
