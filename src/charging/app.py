"""The composition root of the gateways' service."""

from functools import partial

from charging.pricing import Pricing
from charging.servicer import ChargingServicer
from charging.settings import ChargingSettings
from refunds.case_store import RefundCases
from refunds.delivery_reports import DeliveryReports
from refunds.delivery_store import DeliveryReportStore
from refunds.service import Refunds
from refunds.store import ChargeReader
from server.grpc_front import GrpcFront
from server.lifecycle import Front, Service, serve
from server.lifetime import Lifetime
from server.worker import Work, run_worker
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from wallet.runtime import Wallets

NAME: str = charging_pb2.DESCRIPTOR.services_by_name["ChargingService"].full_name


def run(settings: ChargingSettings, tether: int | None) -> int:
    """Serve with gRPC's own server until the process is to stop; return its exit status. Raises Misconfigured."""
    return run_worker(work_of(settings, GrpcFront(settings)), tether=tether)


def work_of(settings: ChargingSettings, front: Front) -> Work:
    """Return the work of a worker: to serve by `front`."""

    async def work(wallets: Wallets, lifetime: Lifetime) -> None:
        pricing = Pricing(lambda: wallets.rating.books, wallets.reader)
        refunds = Refunds(wallets.engine, ChargeReader(wallets.pool))
        deliveries = DeliveryReports(
            refunds, DeliveryReportStore(wallets.pool), RefundCases(wallets.pool), wallets.reader
        )
        servicer = ChargingServicer(wallets.engine, wallets.reader, pricing, deliveries, lifetime.stopping)
        service = Service(NAME, partial(charging_pb2_grpc.add_ChargingServiceServicer_to_server, servicer))
        await serve(settings, [service], front, healthy=wallets.healthy, lifetime=lifetime)

    return work
