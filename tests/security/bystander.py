"""The honest caller beside an attack: charges at a fixed rate, and what the service takes for them."""

import asyncio
import time
from itertools import count

import grpc
import psutil

from devstack import Server, Stack
from tests.support.clients import Clients
from veloconnect.admin.v1 import company_pb2, top_up_pb2
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2

CHARGES_PER_SECOND = 100
DEADLINE_SECONDS = 2.0
COMPANY = "companies/honest"

_numbers = count()


def fund(stack: Stack) -> None:
    """Create the honest caller's company."""
    with Clients.of(stack) as clients:
        company = company_pb2.Company(currency_code="EUR")
        request = company_pb2.CreateCompanyRequest(company_id="honest", company=company)
        clients.call(clients.companies.CreateCompany, request)
        top_up = top_up_pb2.TopUp(amount_micros=10**12, currency_code="EUR", method=top_up_pb2.TopUp.METHOD_MANUAL)
        wanted = top_up_pb2.CreateTopUpRequest(parent=COMPANY, idempotency_key="first", top_up=top_up)
        clients.call(clients.top_ups.CreateTopUp, wanted)


class Bystander:
    """Charges over one connection that was there before the attack."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        """Call by `channel`."""
        self._stub = charging_pb2_grpc.ChargingServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def charge(self) -> float:
        """Charge once; return the seconds that it took. Raises RpcError."""
        usage = wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="DE")
        request = charging_pb2.ChargeRequest(
            company=COMPANY, idempotency_key=f"honest-{next(_numbers)}", usage=usage, amount_micros=1
        )
        begun = time.perf_counter()
        await self._stub.Charge(request, metadata=self._metadata, timeout=DEADLINE_SECONDS)
        return time.perf_counter() - begun

    async def window(self, seconds: float) -> list[float]:
        """Charge at the fixed rate for a time, whatever the answers take; return the latencies. Raises RpcError."""
        begun = time.monotonic()
        calls: list[asyncio.Task[float]] = []
        for number in range(int(seconds * CHARGES_PER_SECOND)):
            await asyncio.sleep(max(0.0, begun + number / CHARGES_PER_SECOND - time.monotonic()))
            calls.append(asyncio.create_task(self.charge()))
        return list(await asyncio.gather(*calls))


def workers(server: Server) -> list[psutil.Process]:
    """Return the worker processes of a server."""
    children: list[psutil.Process] = psutil.Process(server.pid).children()
    return children


def cpu_seconds(server: Server) -> float:
    """Return the CPU time that the workers have used."""
    return sum(sum(worker.cpu_times()[:2]) for worker in workers(server))


def memory_bytes(server: Server) -> int:
    """Return the memory of the workers."""
    return sum(int(worker.memory_info().rss) for worker in workers(server))
