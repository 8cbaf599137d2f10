"""Refunds of charges: reasons, amounts, and the state of the charge."""

from enum import StrEnum

import msgspec


class RefundReason(StrEnum):
    """Why a charge is refunded. The ledger stores the names: never rename them."""

    CARRIER_OUTAGE = "CARRIER_OUTAGE"
    FAILED_DELIVERY = "FAILED_DELIVERY"
    PARTIAL_DELIVERY = "PARTIAL_DELIVERY"
    DUPLICATE_CHARGE = "DUPLICATE_CHARGE"
    WRONG_PRICE = "WRONG_PRICE"
    GOODWILL = "GOODWILL"
    OTHER = "OTHER"


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
        """Return the part of a price for what was not delivered: in micros, rounded once, half up."""
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


class RefundRequest(msgspec.Struct, frozen=True):
    """A refund to be made.

    The amount is one of three: `amount` micros; the undelivered part of the price by `undelivered`; or all that is
    left. With `deduct_earlier_refunds`, earlier refunds of the charge are deducted from the undelivered part.
    """

    company: str
    number: int
    """The number of the charge's transaction."""
    idempotency_key: str
    fingerprint: bytes
    reason: RefundReason
    requested_by: str
    reference: str = ""
    amount: int | None = None
    undelivered: DeliveredShare | None = None
    deduct_earlier_refunds: bool = False

    def amount_of(self, charge: Refundable) -> int:
        """Return the amount in micros; 0 if nothing is left to refund."""
        if self.amount is not None:
            return self.amount
        if self.undelivered is None:
            return charge.left
        part = self.undelivered.undelivered_amount(charge.price)
        return max(0, part - charge.refunded) if self.deduct_earlier_refunds else part

    @property
    def depends_on_other_refunds(self) -> bool:
        """Whether other refunds of the charge change the amount."""
        return self.amount is None and (self.undelivered is None or self.deduct_earlier_refunds)
