"""Refunds of charges: reasons and requests."""

from enum import StrEnum

import msgspec

from refunds.amounts import DeliveredShare, Refundable, refund_amount


class RefundReason(StrEnum):
    """The reasons for refunds. The ledger stores the names: never rename them."""

    CARRIER_OUTAGE = "CARRIER_OUTAGE"
    FAILED_DELIVERY = "FAILED_DELIVERY"
    PARTIAL_DELIVERY = "PARTIAL_DELIVERY"
    DUPLICATE_CHARGE = "DUPLICATE_CHARGE"
    WRONG_PRICE = "WRONG_PRICE"
    GOODWILL = "GOODWILL"
    OTHER = "OTHER"


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
        return refund_amount(charge, self.amount, self.undelivered, deduct_earlier_refunds=self.deduct_earlier_refunds)

    @property
    def depends_on_other_refunds(self) -> bool:
        """Whether other refunds of the charge change the amount."""
        return self.amount is None and (self.undelivered is None or self.deduct_earlier_refunds)
