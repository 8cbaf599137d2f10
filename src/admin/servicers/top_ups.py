"""TopUpService."""
# ruff: noqa: N802  Names are gRPC's.

from server.context import Context
from server.fingerprint import fingerprint
from server.names import parse_company, top_up_name, transaction_name
from server.wire import timestamp
from veloconnect.admin.v1 import top_up_pb2, top_up_pb2_grpc
from wallet.domain.commands import Command, Kind
from wallet.domain.entries import Entry
from wallet.domain.errors import CurrencyMismatch, IdempotencyKeyReused
from wallet.engine import Engine
from wallet.ledger.reader import Reader


class TopUpServicer(top_up_pb2_grpc.TopUpServiceServicer):
    """The service. Errors are raised; server.boundary answers them."""

    def __init__(self, engine: Engine, reader: Reader) -> None:
        """Credit with `engine`."""
        self._engine = engine
        self._reader = reader

    async def CreateTopUp(self, request: top_up_pb2.CreateTopUpRequest, context: Context) -> top_up_pb2.TopUp:
        """Put money into a wallet."""
        command = _command(request)
        await self._check_currency(command, request.top_up.currency_code)
        outcome = await self._engine.submit(command, timeout=context.time_remaining())
        return _message(outcome.entry, request.top_up.method)

    async def _check_currency(self, command: Command, given: str) -> None:
        """Raise where the wallet is in another currency than `given`; which it is, it always was."""
        wallet = await self._reader.wallet(command.company)
        if wallet.currency == given:
            return
        # Nothing in another currency was ever recorded, so a key that is belongs to another request.
        if await self._reader.key_recorded(command.company, command.idempotency_key):
            raise IdempotencyKeyReused(command.idempotency_key)
        raise CurrencyMismatch(wallet=wallet.currency, given=given)


def _command(request: top_up_pb2.CreateTopUpRequest) -> Command:
    top_up = request.top_up
    return Command(
        Kind.TOP_UP,
        parse_company(request.parent),
        request.idempotency_key,
        fingerprint(Kind.TOP_UP, _as_asked(request)),
        top_up.amount_micros,
        reference=top_up.reference,
    )


def _as_asked(request: top_up_pb2.CreateTopUpRequest) -> top_up_pb2.CreateTopUpRequest:
    """Return the request without the fields that are ours to fill: a caller may send them back, or not."""
    top_up = request.top_up
    return top_up_pb2.CreateTopUpRequest(
        parent=request.parent,
        idempotency_key=request.idempotency_key,
        top_up=top_up_pb2.TopUp(
            amount_micros=top_up.amount_micros,
            currency_code=top_up.currency_code,
            method=top_up.method,
            reference=top_up.reference,
        ),
    )


def _message(entry: Entry, method: top_up_pb2.TopUp.Method) -> top_up_pb2.TopUp:
    return top_up_pb2.TopUp(
        name=top_up_name(entry.company, entry.idempotency_key),
        amount_micros=entry.amount,
        currency_code=entry.currency,
        method=method,
        reference=entry.reference,
        state=top_up_pb2.TopUp.STATE_SUCCEEDED,
        transaction=transaction_name(entry.company, entry.number),
        balance_after_micros=entry.balance_after,
        create_time=timestamp(entry.created_at),
    )
