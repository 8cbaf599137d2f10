"""Refund a charge: compute the amount and submit the command."""

from refunds.amounts import Refundable
from refunds.domain import RefundRequest
from refunds.store import ChargeReader
from wallet.domain.commands import Command, Kind
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, RefundExceedsCharge, TransactionNotFound, WalletUnavailable
from wallet.engine import Engine

ROUNDS_MAX = 8
"""Tries of a refund of all that is left, if other refunds of the charge are made at the same time."""


class Refunds:
    """Refunds charges, through the engine like every change of a balance.

    The ledger alone decides whether a refund is within its charge. The read before it only gives the amount to request.
    """

    def __init__(self, engine: Engine, charges: ChargeReader) -> None:
        """Submit refunds to `engine`; read charges with `charges`."""
        self._engine = engine
        self.charges = charges

    async def amount(self, request: RefundRequest) -> tuple[int, Refundable]:
        """Return the amount that a request would refund now, in micros, and the charge, without changing anything.

        Raises CompanyNotFound, TransactionNotFound, RefundExceedsCharge.
        """
        charge, _ = await self.charges.refundable(request.company, request.number)
        if charge is None:
            raise TransactionNotFound(str(request.number))
        amount = request.amount_of(charge)
        if not 0 < amount <= charge.left:
            raise RefundExceedsCharge(refundable=charge.left, required=amount or charge.price, currency=charge.currency)
        return amount, charge

    async def refund(self, request: RefundRequest, *, timeout: float | None = None) -> Outcome:
        """Return the refund that is recorded under the request's key, now or at an earlier try. `timeout` in seconds.

        Raises WalletError: RefundExceedsCharge also if nothing is left to refund.
        """
        for _ in range(ROUNDS_MAX):
            amount = request.amount
            if amount is None:
                amount = await self._amount(request)
            try:
                return await self._engine.submit(refund_command(request, amount), timeout=timeout)
            except RefundExceedsCharge:
                if not request.depends_on_other_refunds:
                    raise
        raise WalletUnavailable(f"the charge was refunded {ROUNDS_MAX} times meanwhile", applied=Applied.NO)

    async def _amount(self, request: RefundRequest) -> int:
        """Return the amount to request. Raises CompanyNotFound, TransactionNotFound, RefundExceedsCharge."""
        charge, recorded = await self.charges.refundable(request.company, request.number, request.idempotency_key)
        if recorded:
            return 1  # Any amount: the key has its entry, which is the answer.
        if charge is None:
            raise TransactionNotFound(str(request.number))
        amount = request.amount_of(charge)
        if not amount:
            raise RefundExceedsCharge(refundable=charge.left, required=charge.price, currency=charge.currency)
        return amount


def refund_command(request: RefundRequest, amount: int) -> Command:
    """Return the command that refunds `amount` micros."""
    return Command(
        Kind.REFUND,
        request.company,
        request.idempotency_key,
        request.fingerprint,
        amount,
        refunded_number=request.number,
        reference=request.reference,
        reason=request.reason,
        requested_by=request.requested_by,
    )
