"""Construct the feature `top_ups`: its stores, services, workers and routes."""

from admin.feature import Feature, service
from admin.statements.usage_store import UsageDays
from admin.top_ups.http import routes
from admin.top_ups.servicer import TopUpServicer
from admin.top_ups.services import TopUpServices
from admin.top_ups.worker import PAUSE_SECONDS, TopUpSweep
from admin.work.runner import Worker
from veloconnect.admin.v1 import top_up_pb2, top_up_pb2_grpc
from wallet.runtime import Wallets


def top_ups(wallets: Wallets, services: TopUpServices, *, manual_micros_max: int) -> Feature:
    """Return TopUpService, the sweep, and the route of the provider's webhook."""
    servicer = TopUpServicer(services, wallets.reader, UsageDays(wallets.pool), manual_micros_max=manual_micros_max)
    return Feature(
        services=[service(top_up_pb2, top_up_pb2_grpc, servicer)],
        workers=[Worker("top-ups", TopUpSweep(services).run_once, PAUSE_SECONDS)],
        routes=routes(services.provider_events),
    )
