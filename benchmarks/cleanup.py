"""Void the holds, spend the remaining balances, and close the companies of a benchmark.

A company can only be closed with an empty wallet, and only a charge takes money out of one.
"""

import secrets
from collections.abc import Sequence

import grpc

from benchmarks.companies import CALL_SECONDS_MAX, Admin, AdminFailed, each
from benchmarks.http2.endpoint import Endpoint
from benchmarks.loadgen.books import Books
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2

CHARGE_MICROS_MAX = 9_000_000_000_000_000
NOT_FOUND = grpc.StatusCode.NOT_FOUND
NO_HOLD = {NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION}
"""The statuses of Void for a hold that was never made, or has ended."""


async def close_companies(
    admin_endpoint: Endpoint, charging_endpoint: Endpoint, companies: Sequence[str], groups: Sequence[Books]
) -> list[str]:
    """Void the open holds of `groups` and close `companies`; return a line for each failure.

    A failure (money is still held, a server is unavailable) does not keep the others open.
    """
    async with Admin.at(admin_endpoint) as admin, charging_endpoint.channel() as channel:
        cleanup = _Cleanup(admin, charging_pb2_grpc.ChargingServiceStub(channel), charging_endpoint.metadata)
        holds = [
            f"{books.companies[company]}/authorizations/{hold.decode()}"
            for books in groups
            for company, hold in books.open_holds
        ]
        try:
            problems = [*await each(holds, cleanup.void), *await each(companies, cleanup.close)]
        except AdminFailed as error:
            return [str(error)]
    return [problem for problem in problems if problem is not None]


class _Cleanup:
    """The calls of the clean-up; each returns an error as text, or None."""

    def __init__(
        self, admin: Admin, charging: charging_pb2_grpc.ChargingServiceStub, metadata: tuple[tuple[str, str], ...]
    ) -> None:
        self._admin = admin
        self._charging = charging
        self._metadata = metadata
        self._run = secrets.token_hex(4)

    async def void(self, hold: str) -> str | None:
        """Void a hold, if it is open."""
        request = charging_pb2.VoidRequest(authorization=hold, idempotency_key=f"bench-void-{self._run}-{hold[-24:]}")
        try:
            await self._charging.Void(request, metadata=self._metadata, timeout=CALL_SECONDS_MAX)
        except grpc.aio.AioRpcError as error:
            return None if error.code() in NO_HOLD else f"{hold}: {error.details()}"
        return None

    async def close(self, company: str) -> str | None:
        """Spend the available amount, and close the company."""
        try:
            wallet = await self._admin.wallet(company)
            if wallet.available_micros > 0:
                await self._charging.Charge(
                    charging_pb2.ChargeRequest(
                        company=company,
                        idempotency_key=f"bench-close-{self._run}",
                        usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, campaign_id="benchmark-closing"),
                        amount_micros=min(wallet.available_micros, CHARGE_MICROS_MAX),
                    ),
                    metadata=self._metadata,
                    timeout=CALL_SECONDS_MAX,
                )
            await self._admin.close(company)
        except grpc.aio.AioRpcError as error:
            return None if error.code() is NOT_FOUND else f"{company}: {error.details()}"
        return None
