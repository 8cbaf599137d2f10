"""TransactionService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from admin.pages import NUMBER, cursor_of, page_size, page_token
from server import wire
from server.context import Context
from server.names import parse_company, parse_transaction
from veloconnect.admin.v1 import transaction_pb2, transaction_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2
from wallet.ledger.reader import Reader


class TransactionServicer(transaction_pb2_grpc.TransactionServiceServicer):
    """The service. Errors are raised; server.boundary answers them."""

    def __init__(self, reader: Reader) -> None:
        """Read the ledger with `reader`."""
        self._reader = reader

    async def GetTransaction(
        self, request: transaction_pb2.GetTransactionRequest, context: Context
    ) -> wallet_pb2.Transaction:
        """Read one row of a company's ledger."""
        company, number = parse_transaction(request.name)
        return wire.transaction(await self._reader.entry(company, number))

    async def ListTransactions(
        self, request: transaction_pb2.ListTransactionsRequest, context: Context
    ) -> transaction_pb2.ListTransactionsResponse:
        """Read rows of a company's ledger, newest first."""
        size = page_size(request.page_size)
        cursor = cursor_of(request.page_token, request.parent, NUMBER)
        entries = await self._reader.entries(
            parse_company(request.parent), before=int(cursor) if cursor else None, limit=size
        )
        # Numbers have no gaps: whatever is above 1 has a row before it.
        last = entries[-1].number if entries else 1
        return transaction_pb2.ListTransactionsResponse(
            transactions=map(wire.transaction, entries),
            next_page_token=page_token(request.parent, str(last)) if last > 1 else "",
        )
