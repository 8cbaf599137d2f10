"""AutoTopUpService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from google.protobuf.empty_pb2 import Empty

from admin.auto_top_ups.messages import change_of, check, message_of
from admin.auto_top_ups.store import AutoTopUps
from admin.top_ups.customers import Customers
from server.context import Context
from veloconnect.admin.v1 import auto_top_up_pb2, auto_top_up_pb2_grpc
from wallet.domain.errors import AutoTopUpNotFound, CurrencyMismatch, PaymentMethodNotFound, PaymentsNotConfigured
from wallet.domain.resource_names import AUTO_TOP_UP
from wallet.ledger.reader import Reader


class AutoTopUpServicer(auto_top_up_pb2_grpc.AutoTopUpServiceServicer):
    """The service. Errors are raised; server.boundary answers them."""

    def __init__(self, rules: AutoTopUps, reader: Reader, customers: Customers) -> None:
        """Store rules in `rules`, and check their cards with `customers`."""
        self._rules = rules
        self._reader = reader
        self._customers = customers

    async def GetAutoTopUp(
        self, request: auto_top_up_pb2.GetAutoTopUpRequest, context: Context
    ) -> auto_top_up_pb2.AutoTopUp:
        """Read a company's rule."""
        return message_of(await self._rules.get(AUTO_TOP_UP.parse(request.name)))

    async def UpdateAutoTopUp(
        self, request: auto_top_up_pb2.UpdateAutoTopUpRequest, context: Context
    ) -> auto_top_up_pb2.AutoTopUp:
        """Create or change a company's rule."""
        company, change, currency = change_of(request)
        wallet = await self._reader.wallet(company)
        if currency not in (None, wallet.currency):
            raise CurrencyMismatch(wallet=wallet.currency, given=currency or "")
        try:
            before = (await self._rules.get(company)).terms
        except AutoTopUpNotFound:
            before = None
        check(before, change, wallet.currency)
        if change.payment_method is not None:
            await self._check_card(company, change.payment_method)
        return message_of(await self._rules.put(company, change))

    async def _check_card(self, company: str, card: str) -> None:
        """Raise PaymentMethodNotFound if a company has no such card; without a provider nothing is checked."""
        try:
            cards = await self._customers.cards(company)
        except PaymentsNotConfigured:
            return
        if card not in (known.id for known in cards):
            raise PaymentMethodNotFound(card)

    async def PauseAutoTopUp(
        self, request: auto_top_up_pb2.PauseAutoTopUpRequest, context: Context
    ) -> auto_top_up_pb2.AutoTopUp:
        """Pause a company's rule."""
        return message_of(await self._rules.pause_by_request(AUTO_TOP_UP.parse(request.name)))

    async def ResumeAutoTopUp(
        self, request: auto_top_up_pb2.ResumeAutoTopUpRequest, context: Context
    ) -> auto_top_up_pb2.AutoTopUp:
        """Resume a company's rule."""
        return message_of(await self._rules.resume(AUTO_TOP_UP.parse(request.name)))

    async def DeleteAutoTopUp(self, request: auto_top_up_pb2.DeleteAutoTopUpRequest, context: Context) -> Empty:
        """Delete a company's rule."""
        await self._rules.delete(AUTO_TOP_UP.parse(request.name))
        return Empty()
