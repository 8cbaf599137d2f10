"""Give money back for a charge: how much it is, and the command that does it."""

from refunds.domain import Refundable, RefundOrder
from refunds.store import Charges
from wallet.domain.commands import Command, Kind
from wallet.domain.entries import Outcome
from wallet.domain.errors import Applied, RefundExceedsCharge, TransactionNotFound, WalletUnavailable
from wallet.engine import Engine

ROUNDS_MAX = 8
"""How often a refund of all that is left looks again, since another refund of the charge came between."""


class Refunds:
    """Refunds charges, through the engine as everything that changes a balance.

    The ledger alone decides whether a refund is within its charge. What is read here before only says how much to ask.
    """

    def __init__(self, engine: Engine, charges: Charges) -> None:
        """Use an open engine and ledger."""
        self._engine = engine
        self.charges = charges

    async def amount(self, order: RefundOrder) -> tuple[int, Refundable]:
        """Return what an order would give back now, in micros, and the charge, and change nothing.

        Raises CompanyNotFound, TransactionNotFound, RefundExceedsCharge.
        """
        charge, _ = await self.charges.refundable(order.company, order.number)
        if charge is None:
            raise TransactionNotFound(str(order.number))
        amount = order.amount_of(charge)
        if not 0 < amount <= charge.left:
            raise RefundExceedsCharge(refundable=charge.left, required=amount or charge.price, currency=charge.currency)
        return amount, charge

    async def refund(self, order: RefundOrder, *, timeout: float | None = None) -> Outcome:
        """Return the refund that is recorded under the order's key, now or at an earlier try. `timeout` in seconds.

        Raises WalletError: RefundExceedsCharge also where nothing is left of what the order may take.
        """
        for _ in range(ROUNDS_MAX):
            amount = order.amount
            if amount is None:
                amount = await self._amount(order)
            try:
                return await self._engine.submit(refund_command(order, amount), timeout=timeout)
            except RefundExceedsCharge:
                if not order.depends_on_others:
                    raise
        raise WalletUnavailable(f"the charge was refunded {ROUNDS_MAX} times meanwhile", applied=Applied.NO)

    async def _amount(self, order: RefundOrder) -> int:
        """Return how much to ask for. Raises CompanyNotFound, TransactionNotFound, RefundExceedsCharge."""
        charge, recorded = await self.charges.refundable(order.company, order.number, order.idempotency_key)
        if recorded:
            return 1  # No amount counts any more: the key has its entry, and that is the answer.
        if charge is None:
            raise TransactionNotFound(str(order.number))
        amount = order.amount_of(charge)
        if not amount:
            raise RefundExceedsCharge(refundable=charge.left, required=charge.price, currency=charge.currency)
        return amount


def refund_command(order: RefundOrder, amount: int) -> Command:
    """Return the command that gives `amount` micros back."""
    return Command(
        Kind.REFUND,
        order.company,
        order.idempotency_key,
        order.fingerprint,
        amount,
        refunded_number=order.number,
        reference=order.reference,
        reason=order.reason,
        requested_by=order.requested_by,
    )
