"""ChargingService: decode, one call of the engine or the ledger, encode."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

import asyncio
from collections.abc import AsyncIterator

from charging import decode, deliveries, encode
from charging.batches import Batches
from charging.pricing import Pricing
from charging.streams import ChargeStream
from charging.turns import Turns
from refunds.delivery_reports import DeliveryReports
from server import wire
from server.context import Context
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import AUTHORIZATION, WALLET
from wallet.engine import Engine
from wallet.ledger.reader import Reader


class ChargingServicer(charging_pb2_grpc.ChargingServiceServicer):
    """The gateways' service. Errors are raised; server.boundary answers them."""

    def __init__(
        self, engine: Engine, reader: Reader, pricing: Pricing, reports: DeliveryReports, stopping: asyncio.Event
    ) -> None:
        """Charge with `engine`, priced by `pricing`; end streams when `stopping` is set."""
        self._engine = engine
        self._pricing = pricing
        self._reader = reader
        self._reports = reports
        self._stopping = stopping
        self._turns = Turns()
        self._batches = Batches(engine, pricing, self._turns, method="BatchCharge")
        self._streamed = Batches(engine, pricing, self._turns, method="StreamCharges")

    async def Charge(
        self,
        request: charging_pb2.ChargeRequest,
        context: Context,
    ) -> charging_pb2.ChargeResponse:
        """Charge the price of a usage."""
        command = decode.charge(request, self._pricing)
        return encode.charged(await self._engine.submit(command, timeout=context.time_remaining()))

    async def BatchCharge(
        self,
        request: charging_pb2.BatchChargeRequest,
        context: Context,
    ) -> charging_pb2.BatchChargeResponse:
        """Make many charges, each on its own."""
        response = charging_pb2.BatchChargeResponse()
        with self._turns.admitted(request.requests[0].company, len(request.requests)):
            await self._batches.charge(request.requests, response.results, timeout=context.time_remaining())
        return response

    async def StreamCharges(
        self,
        request_iterator: AsyncIterator[charging_pb2.StreamChargesRequest],
        context: Context,
    ) -> None:
        """Make batches of charges as they come."""
        stream = ChargeStream(
            self._streamed, context.write, stopping=self._stopping, time_remaining=context.time_remaining
        )
        await stream.run(request_iterator)

    async def Authorize(
        self,
        request: charging_pb2.AuthorizeRequest,
        context: Context,
    ) -> wallet_pb2.Authorization:
        """Hold an amount for a usage."""
        command = decode.authorize(request, self._pricing)
        outcome = await self._engine.submit(command, timeout=context.time_remaining())
        self._pricing.remember(outcome.authorization)
        return encode.authorized(outcome)

    async def IncrementAuthorization(
        self,
        request: charging_pb2.IncrementAuthorizationRequest,
        context: Context,
    ) -> wallet_pb2.Authorization:
        """Change the held amount."""
        priced = await self._pricing.increment(decode.authorization_usage(request))
        command = decode.increment(request, priced)
        return encode.authorized(await self._engine.submit(command, timeout=context.time_remaining()))

    async def Capture(
        self,
        request: charging_pb2.CaptureRequest,
        context: Context,
    ) -> charging_pb2.CaptureResponse:
        """Charge what was held."""
        priced = await self._pricing.capture(decode.authorization_usage(request), closes=not request.keep_open)
        command = decode.capture(request, priced)
        outcome = await self._engine.submit(command, timeout=context.time_remaining())
        self._pricing.remember(outcome.authorization)
        return encode.captured(outcome)

    async def Void(
        self,
        request: charging_pb2.VoidRequest,
        context: Context,
    ) -> wallet_pb2.Authorization:
        """Release what is held."""
        command = decode.void(request)
        outcome = await self._engine.submit(command, timeout=context.time_remaining())
        self._pricing.remember(outcome.authorization)
        return encode.authorized(outcome)

    async def ReportDelivery(
        self,
        request: charging_pb2.ReportDeliveryRequest,
        context: Context,
    ) -> charging_pb2.ReportDeliveryResponse:
        """Record the result of a delivery, and act upon it."""
        report = deliveries.report_of(request)
        return deliveries.response_of(report, await self._reports.report(report, timeout=context.time_remaining()))

    async def GetAuthorization(
        self,
        request: charging_pb2.GetAuthorizationRequest,
        context: Context,
    ) -> wallet_pb2.Authorization:
        """Read an authorization."""
        company, authorization = AUTHORIZATION.parse(request.name)
        return wire.authorization(await self._reader.authorization(company, authorization))

    async def GetWallet(
        self,
        request: charging_pb2.GetWalletRequest,
        context: Context,
    ) -> wallet_pb2.Wallet:
        """Read a wallet."""
        return wire.wallet(await self._reader.wallet(WALLET.parse(request.name)))
