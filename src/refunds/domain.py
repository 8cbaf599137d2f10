"""Refunds: why, how much, and what is known of the charge that they are for."""

from enum import StrEnum

import msgspec


class RefundReason(StrEnum):
    """Why money is given back. The ledger stores the words: never rename them."""

    CARRIER_OUTAGE = "CARRIER_OUTAGE"
    FAILED_DELIVERY = "FAILED_DELIVERY"
    PARTIAL_DELIVERY = "PARTIAL_DELIVERY"
    DUPLICATE_CHARGE = "DUPLICATE_CHARGE"
    WRONG_PRICE = "WRONG_PRICE"
    GOODWILL = "GOODWILL"
    OTHER = "OTHER"


class Share(msgspec.Struct, frozen=True):
    """How many of how many were delivered: 0 ≤ delivered ≤ total, 1 ≤ total."""

    delivered: int
    total: int

    @property
    def whole(self) -> bool:
        """Whether all of it was."""
        return self.delivered == self.total

    def same_part(self, other: "Share") -> bool:
        """Return whether the other is the same part of the whole: 1 of 2 and 2 of 4 are."""
        return self.delivered * other.total == other.delivered * self.total

    def undelivered_part(self, price: int) -> int:
        """Return what of a price, in micros, is for what was not delivered: rounded once, half up, to a micro."""
        return (2 * price * (self.total - self.delivered) + self.total) // (2 * self.total)


NOTHING_DELIVERED = Share(0, 1)


class Refundable(msgspec.Struct, frozen=True):
    """A charge or capture and what was given back of it. Amounts in micros."""

    price: int
    """What was taken, as a positive amount."""
    refunded: int
    currency: str

    @property
    def left(self) -> int:
        """What can still be given back."""
        return self.price - self.refunded


class RefundOrder(msgspec.Struct, frozen=True):
    """A refund that is asked for.

    The amount is one of three: `amount` micros; the part of the price that `undelivered` says; or all that is left.
    With `top_up_to_part`, what was given back before counts towards the undelivered part.
    """

    company: str
    number: int
    """Of the charge."""
    idempotency_key: str
    fingerprint: bytes
    reason: RefundReason
    requested_by: str
    reference: str = ""
    amount: int | None = None
    undelivered: Share | None = None
    top_up_to_part: bool = False

    def amount_of(self, charge: Refundable) -> int:
        """Return how much it is, in micros; 0 where nothing is left of what it may take."""
        if self.amount is not None:
            return self.amount
        if self.undelivered is None:
            return charge.left
        part = self.undelivered.undelivered_part(charge.price)
        return max(0, part - charge.refunded) if self.top_up_to_part else part

    @property
    def depends_on_others(self) -> bool:
        """Whether other refunds of the charge change how much it is."""
        return self.amount is None and (self.undelivered is None or self.top_up_to_part)
