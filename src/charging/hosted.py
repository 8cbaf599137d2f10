"""The gateways' service in Envoy's process: the module that Envoy loads."""
# ruff: noqa: PLC0415  Metrics are made after their files are chosen, so what makes them is imported later.
# ruff: noqa: E402  The collector is off before anything large is imported.

import gc

gc.disable()  # Until the worker serves: the collector would traverse all that is imported, again and again.

from server.envoy.application import Application
from server.envoy.front import EnvoyFront
from server.envoy.launch import Arguments
from server.lifetime import Lifetime


async def _serve(arguments: Arguments, front: EnvoyFront, lifetime: Lifetime) -> int:
    from charging.settings import ChargingSettings
    from server.commands import prepare
    from server.settings import check, read_settings

    settings = read_settings(ChargingSettings).model_copy(update=arguments.ports)
    check(settings, insecure=arguments.insecure)
    prepare(settings, "charging", arguments.slot)

    from charging.app import work_of
    from server.worker import work_until_stopped

    return await work_until_stopped(work_of(settings, front), lifetime)


app = Application(_serve)
