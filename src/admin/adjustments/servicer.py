"""AdjustmentService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from admin.payments.amounts import check_bound, check_text
from server.context import Context
from server.fingerprint import fingerprint
from server.wire import timestamp
from veloconnect.admin.v1 import adjustment_pb2, adjustment_pb2_grpc
from wallet.domain.commands import Command, Kind
from wallet.domain.entries import Entry, Wallet, WalletState
from wallet.domain.errors import (
    BalanceLimitReached,
    CompanyClosed,
    CurrencyMismatch,
    IdempotencyKeyReused,
    InsufficientFunds,
    TransactionNotFound,
)
from wallet.domain.money import format_money, within_bounds
from wallet.domain.resource_names import ADJUSTMENT, COMPANY, TRANSACTION
from wallet.engine import Engine
from wallet.ledger.reader import Reader


class AdjustmentServicer(adjustment_pb2_grpc.AdjustmentServiceServicer):
    """The service. Errors are raised; server.boundary answers them."""

    def __init__(self, engine: Engine, reader: Reader, *, manual_micros_max: int) -> None:
        """Adjust with `engine`, by at most `manual_micros_max` at once."""
        self._engine = engine
        self._reader = reader
        self._bound = manual_micros_max

    async def CreateAdjustment(
        self, request: adjustment_pb2.CreateAdjustmentRequest, context: Context
    ) -> adjustment_pb2.Adjustment:
        """Correct a balance."""
        requested = request.adjustment
        check_text("adjustment.amount_text", requested.amount_micros, requested.currency_code, requested.amount_text)
        check_bound("adjustment.amount_micros", requested.amount_micros, requested.currency_code, self._bound)
        command = _command(request)
        wallet = await self._reader.wallet(command.company)
        if wallet.currency != requested.currency_code:
            # Nothing in another currency can be recorded, so a key that is recorded belongs to another request.
            if await self._reader.key_recorded(command.company, command.idempotency_key):
                raise IdempotencyKeyReused(command.idempotency_key)
            raise CurrencyMismatch(wallet=wallet.currency, given=requested.currency_code)
        if request.validate_only:
            return _preview(command, wallet)
        outcome = await self._engine.submit(command, timeout=context.time_remaining())
        return _message(outcome.entry)

    async def GetAdjustment(
        self, request: adjustment_pb2.GetAdjustmentRequest, context: Context
    ) -> adjustment_pb2.Adjustment:
        """Read an adjustment."""
        company, number = ADJUSTMENT.parse(request.name)
        entry = await self._reader.entry(company, number)
        if entry.kind is not Kind.ADJUSTMENT:
            raise TransactionNotFound(str(number))
        return _message(entry)


def _command(request: adjustment_pb2.CreateAdjustmentRequest) -> Command:
    requested = request.adjustment
    client_fields = adjustment_pb2.CreateAdjustmentRequest(
        parent=request.parent,
        idempotency_key=request.idempotency_key,
        adjustment=adjustment_pb2.Adjustment(
            amount_micros=requested.amount_micros,
            currency_code=requested.currency_code,
            reason=requested.reason,
            requested_by=requested.requested_by,
            reference=requested.reference,
            allow_below_floor=requested.allow_below_floor,
        ),
    )
    return Command(
        Kind.ADJUSTMENT,
        COMPANY.parse(request.parent),
        request.idempotency_key,
        fingerprint(Kind.ADJUSTMENT, client_fields),
        requested.amount_micros,
        below_floor=requested.allow_below_floor,
        reference=requested.reference,
        reason=requested.reason,
        requested_by=requested.requested_by,
    )


def _preview(command: Command, wallet: Wallet) -> adjustment_pb2.Adjustment:
    """Return the adjustment that would be made, or raise its error. Nothing is reserved for it."""
    after = wallet.balance + command.amount
    if wallet.state is WalletState.CLOSED:
        raise CompanyClosed(wallet.company)
    if command.checked and command.amount < 0 and wallet.available + command.amount < 0:
        raise InsufficientFunds(
            available=wallet.available, required=-command.amount, floor=wallet.floor, currency=wallet.currency
        )
    if not within_bounds(after):
        raise BalanceLimitReached(wallet.company)
    return adjustment_pb2.Adjustment(
        amount_micros=command.amount,
        amount_text=format_money(command.amount, wallet.currency),
        currency_code=wallet.currency,
        reason=command.reason,
        requested_by=command.requested_by,
        reference=command.reference,
        allow_below_floor=command.below_floor,
        balance_after_micros=after,
    )


def _message(entry: Entry) -> adjustment_pb2.Adjustment:
    return adjustment_pb2.Adjustment(
        name=ADJUSTMENT.name(entry.company, entry.number),
        amount_micros=entry.amount,
        amount_text=format_money(entry.amount, entry.currency),
        currency_code=entry.currency,
        reason=entry.reason,
        requested_by=entry.requested_by,
        reference=entry.reference,
        transaction=TRANSACTION.name(entry.company, entry.number),
        balance_after_micros=entry.balance_after,
        create_time=timestamp(entry.created_at),
    )
