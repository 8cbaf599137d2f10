"""TopUpService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from datetime import UTC, datetime, timedelta

from google.protobuf.empty_pb2 import Empty

from admin.payments.amounts import check_bound, check_text, check_whole
from admin.payments.port import ProviderRefused
from admin.rpc.pages import Listing, check_company
from admin.statements.usage import Days
from admin.statements.usage_store import UsageDays
from admin.top_ups.domain import TopUpMethod, TopUpState
from admin.top_ups.messages import (
    card_message,
    chargeback_message,
    new_refund_of,
    new_top_up_of,
    refund_message,
    top_up_message,
)
from admin.top_ups.services import TopUpServices
from admin.top_ups.suggestions import USAGE_DAYS, suggested_amounts
from server.context import Context
from server.rejections import invalid
from veloconnect.admin.v1 import top_up_pb2, top_up_pb2_grpc
from wallet.domain.errors import CurrencyMismatch
from wallet.domain.money import format_money
from wallet.domain.resource_names import COMPANY, PAYMENT_METHOD, TOP_UP, TOP_UP_REFUND
from wallet.ledger.reader import Reader


class TopUpServicer(top_up_pb2_grpc.TopUpServiceServicer):
    """The service. Errors are raised; server.boundary answers them."""

    def __init__(self, services: TopUpServices, reader: Reader, usage: UsageDays, *, manual_micros_max: int) -> None:
        """Serve with `services`, and suggest amounts by `usage`. `manual_micros_max` bounds what staff enter."""
        self._records = services.stores.top_ups
        self._refund_records = services.stores.refunds
        self._chargeback_records = services.stores.chargebacks
        self._top_ups = services.top_ups
        self._bank_transfers = services.bank_transfers
        self._refunds = services.refunds
        self._customers = services.customers
        self._reader = reader
        self._usage = usage
        self._bound = manual_micros_max

    async def CreateTopUp(self, request: top_up_pb2.CreateTopUpRequest, context: Context) -> top_up_pb2.TopUp:
        """Start a top-up."""
        order = new_top_up_of(request, bound=self._bound)
        try:
            return top_up_message(await self._top_ups.start(order, timeout=context.time_remaining()))
        except ProviderRefused as error:
            raise invalid("top_up.amount_micros", str(error)) from error

    async def GetTopUp(self, request: top_up_pb2.GetTopUpRequest, context: Context) -> top_up_pb2.TopUp:
        """Read a top-up."""
        return top_up_message(await self._records.get(*TOP_UP.parse(request.name)))

    async def ListTopUps(
        self, request: top_up_pb2.ListTopUpsRequest, context: Context
    ) -> top_up_pb2.ListTopUpsResponse:
        """Read top-ups, newest first."""
        company = COMPANY.parse(request.parent)
        listing = Listing(request, f"{request.parent}/topUps/{request.state}/{request.method}")
        state = TopUpState(int(request.state)) if request.state else None
        method = TopUpMethod(int(request.method)) if request.method else None
        found = await self._records.page(
            company, state=state, method=method, before=listing.before, limit=listing.limit
        )
        await check_company(self._reader, company, found)
        page, more = listing.page(found, lambda top_up: top_up.serial)
        return top_up_pb2.ListTopUpsResponse(top_ups=map(top_up_message, page), next_page_token=more)

    async def ConfirmTopUp(self, request: top_up_pb2.ConfirmTopUpRequest, context: Context) -> top_up_pb2.TopUp:
        """Confirm a bank transfer, which credits it."""
        company, top_up = TOP_UP.parse(request.name)
        check_text("amount_text", request.amount_micros, request.currency_code, request.amount_text)
        check_bound("amount_micros", request.amount_micros, request.currency_code, self._bound)
        check_whole("amount_micros", request.amount_micros, request.currency_code)
        currency = (await self._records.get(company, top_up)).currency
        if currency != request.currency_code:
            raise CurrencyMismatch(wallet=currency, given=request.currency_code)
        confirmed = await self._bank_transfers.confirm(
            company, top_up, request.amount_micros, reference=request.reference
        )
        return top_up_message(confirmed)

    async def FailTopUp(self, request: top_up_pb2.FailTopUpRequest, context: Context) -> top_up_pb2.TopUp:
        """Fail a bank transfer that does not arrive."""
        return top_up_message(await self._bank_transfers.fail(*TOP_UP.parse(request.name), request.failure_message))

    async def CancelTopUp(self, request: top_up_pb2.CancelTopUpRequest, context: Context) -> top_up_pb2.TopUp:
        """Cancel a top-up that is not paid."""
        return top_up_message(await self._top_ups.cancel(*TOP_UP.parse(request.name)))

    async def SuggestTopUpAmounts(
        self, request: top_up_pb2.SuggestTopUpAmountsRequest, context: Context
    ) -> top_up_pb2.SuggestTopUpAmountsResponse:
        """Suggest amounts of a top-up."""
        company = COMPANY.parse(request.parent)
        today = datetime.now(UTC).date()
        await self._usage.catch_up(company)
        usage = await self._usage.read(company, Days(today - timedelta(days=USAGE_DAYS), today - timedelta(days=1)))
        spent = dict.fromkeys((line.day for line in usage.by_day if line.day), 0)
        for line in usage.by_day:
            if line.day:
                spent[line.day] += line.spent
        return top_up_pb2.SuggestTopUpAmountsResponse(
            suggestions=[
                top_up_pb2.SuggestTopUpAmountsResponse.Suggestion(
                    amount_micros=amount, amount_text=format_money(amount, usage.currency), days=days
                )
                for days, amount in suggested_amounts(spent, today)
            ],
            currency_code=usage.currency,
        )

    async def RefundTopUp(self, request: top_up_pb2.RefundTopUpRequest, context: Context) -> top_up_pb2.TopUpRefund:
        """Refund a top-up to its card."""
        order = new_refund_of(request)
        if order.amount is not None:
            check_whole("amount_micros", order.amount, (await self._records.get(order.company, order.top_up)).currency)
        return refund_message(await self._refunds.start(order, timeout=context.time_remaining()))

    async def GetTopUpRefund(
        self, request: top_up_pb2.GetTopUpRefundRequest, context: Context
    ) -> top_up_pb2.TopUpRefund:
        """Read a refund of a top-up."""
        return refund_message(await self._refund_records.get(*TOP_UP_REFUND.parse(request.name)))

    async def ListTopUpRefunds(
        self, request: top_up_pb2.ListTopUpRefundsRequest, context: Context
    ) -> top_up_pb2.ListTopUpRefundsResponse:
        """Read refunds of top-ups, newest first."""
        company = COMPANY.parse(request.parent)
        top_up = ""
        if request.top_up:
            of, top_up = TOP_UP.parse(request.top_up)
            if of != company:
                raise invalid("top_up", f"must be a top-up of {request.parent}")
        listing = Listing(request, f"{request.parent}/topUpRefunds/{request.top_up}")
        found = await self._refund_records.page(company, top_up, before=listing.before, limit=listing.limit)
        await check_company(self._reader, company, found)
        page, more = listing.page(found, lambda refund: refund.serial)
        return top_up_pb2.ListTopUpRefundsResponse(top_up_refunds=map(refund_message, page), next_page_token=more)

    async def ListChargebacks(
        self, request: top_up_pb2.ListChargebacksRequest, context: Context
    ) -> top_up_pb2.ListChargebacksResponse:
        """Read chargebacks, newest first."""
        company = COMPANY.parse(request.parent)
        listing = Listing(request, f"{request.parent}/chargebacks")
        found = await self._chargeback_records.page(company, before=listing.before, limit=listing.limit)
        await check_company(self._reader, company, found)
        page, more = listing.page(found, lambda chargeback: chargeback.serial)
        return top_up_pb2.ListChargebacksResponse(chargebacks=map(chargeback_message, page), next_page_token=more)

    async def ListPaymentMethods(
        self, request: top_up_pb2.ListPaymentMethodsRequest, context: Context
    ) -> top_up_pb2.ListPaymentMethodsResponse:
        """Read the saved cards of a company."""
        company = COMPANY.parse(request.parent)
        cards = await self._customers.cards(company)
        return top_up_pb2.ListPaymentMethodsResponse(payment_methods=[card_message(company, card) for card in cards])

    async def DeletePaymentMethod(self, request: top_up_pb2.DeletePaymentMethodRequest, context: Context) -> Empty:
        """Remove a saved card."""
        await self._customers.remove_card(*PAYMENT_METHOD.parse(request.name))
        return Empty()
