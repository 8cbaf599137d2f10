"""Amounts of refunds, computed from the state of the charge and the delivered share."""

import msgspec


class DeliveredShare(msgspec.Struct, frozen=True):
    """The delivered share of a charge: `delivered` of `total` units, 0 ≤ delivered ≤ total, 1 ≤ total."""

    delivered: int
    total: int

    @property
    def is_complete(self) -> bool:
        """Whether everything was delivered."""
        return self.delivered == self.total

    def is_same_share(self, other: "DeliveredShare") -> bool:
        """Return whether the other is the same fraction: 1 of 2 and 2 of 4 are."""
        return self.delivered * other.total == other.delivered * self.total

    def undelivered_amount(self, price: int) -> int:
        """Return the undelivered part of a price in micros, rounded once, half up."""
        return (2 * price * (self.total - self.delivered) + self.total) // (2 * self.total)


NOTHING_DELIVERED = DeliveredShare(0, 1)


class Refundable(msgspec.Struct, frozen=True):
    """A charge or capture and its refunds so far. Amounts in micros."""

    price: int
    """The debited amount, positive."""
    refunded: int
    currency: str

    @property
    def left(self) -> int:
        """The amount that can still be refunded."""
        return self.price - self.refunded


def refund_amount(
    charge: Refundable, amount: int | None, undelivered: DeliveredShare | None, *, deduct_earlier_refunds: bool
) -> int:
    """Return the amount of a refund in micros, as RefundRequest describes it; 0 if nothing is left to refund."""
    if amount is not None:
        return amount
    if undelivered is None:
        return charge.left
    part = undelivered.undelivered_amount(charge.price)
    return max(0, part - charge.refunded) if deduct_earlier_refunds else part
