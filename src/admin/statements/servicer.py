"""TransactionService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from collections.abc import AsyncIterator
from contextlib import aclosing

from admin.rpc.pages import Listing
from admin.statements.exporter import StatementExporter
from admin.statements.filters import filter_of, token_scope
from admin.statements.messages import days_of, summary_message
from admin.statements.store import Statements
from admin.statements.usage_store import UsageDays
from server import wire
from server.context import Context
from veloconnect.admin.v1 import transaction_pb2, transaction_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import COMPANY, TRANSACTION
from wallet.domain.usage import Channel
from wallet.ledger.reader import Reader


class TransactionServicer(transaction_pb2_grpc.TransactionServiceServicer):
    """TransactionService. Errors are raised; server.boundary answers them."""

    def __init__(self, reader: Reader, statements: Statements, exporter: StatementExporter, usage: UsageDays) -> None:
        """Read the ledger by `reader`, `statements` and `exporter`, and sums of usage by `usage`."""
        self._reader = reader
        self._statements = statements
        self._usage = usage
        self._exporter = exporter

    async def GetTransaction(
        self, request: transaction_pb2.GetTransactionRequest, context: Context
    ) -> wallet_pb2.Transaction:
        """Read one row of a company's ledger."""
        company, number = TRANSACTION.parse(request.name)
        return wire.transaction(await self._reader.entry(company, number))

    async def ListTransactions(
        self, request: transaction_pb2.ListTransactionsRequest, context: Context
    ) -> transaction_pb2.ListTransactionsResponse:
        """List rows of a company's ledger, newest first."""
        where = filter_of(request.filter)
        listing = Listing(request, token_scope(request.parent, where))
        # A page may end before it is full, so it has its own position of the next one.
        page = await self._statements.list_entries(
            COMPANY.parse(request.parent), where, before=listing.before, limit=listing.size
        )
        more = "" if page.next_before is None else listing.token(page.next_before)
        return transaction_pb2.ListTransactionsResponse(
            transactions=map(wire.transaction, page.entries), next_page_token=more
        )

    async def ExportTransactions(
        self, request: transaction_pb2.ExportTransactionsRequest, context: Context
    ) -> AsyncIterator[transaction_pb2.ExportTransactionsResponse]:
        """Export rows of a company's ledger in CSV, between two balances."""
        async with aclosing(
            self._exporter.stream_csv(COMPANY.parse(request.parent), filter_of(request.filter))
        ) as pieces:
            async for piece in pieces:
                yield transaction_pb2.ExportTransactionsResponse(csv=piece)

    async def GetUsageSummary(
        self, request: transaction_pb2.GetUsageSummaryRequest, context: Context
    ) -> transaction_pb2.UsageSummary:
        """Sum up usage as of now."""
        days = days_of(request)
        company = COMPANY.parse(request.parent)
        complete = await self._usage.catch_up(company)
        usage = await self._usage.read(
            company,
            days,
            channel=Channel(int(request.channel)) if request.channel else None,
            country=request.country_code,
        )
        return summary_message(company, days, usage, complete=complete)
