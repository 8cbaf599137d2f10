"""The parts of a feature of the back office. Its `wiring` module makes them, and admin.app lists the features."""

from collections.abc import Sequence
from functools import partial
from types import ModuleType
from typing import NamedTuple

from admin.http.route import Route
from admin.work.runner import Worker
from server.lifecycle import Service


class Feature(NamedTuple):
    """The gRPC services, the background work and the HTTP routes of a feature; each may be empty."""

    services: Sequence[Service] = ()
    workers: Sequence[Worker] = ()
    routes: Sequence[Route] = ()


def service(messages: ModuleType, stubs: ModuleType, servicer: object) -> Service:
    """Return the only service of a proto file, implemented by `servicer`."""
    (descriptor,) = messages.DESCRIPTOR.services_by_name.values()
    return Service(descriptor.full_name, partial(getattr(stubs, f"add_{descriptor.name}Servicer_to_server"), servicer))
