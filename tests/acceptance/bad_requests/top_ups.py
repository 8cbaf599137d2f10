"""Requests of TopUpService and AdjustmentService that must be refused."""

from typing import Any

from tests.acceptance.bad_requests.makers import (
    AVAILABLE,
    BALANCE,
    HELD,
    MICROS_MAX,
    UNKNOWN,
    BadRequest,
    RefusedRequest,
    top_up,
)
from tests.acceptance.conftest import MANUAL_MICROS_MAX
from veloconnect.admin.v1 import adjustment_pb2, top_up_pb2

CREATE, ADJUST = "top_ups.CreateTopUp", "adjustments.CreateAdjustment"
CARD = "companies/bad/paymentMethods/pm_1"
_T = top_up_pb2.TopUp


def adjustment(*, parent: str = "companies/bad", key: str = "new", preview: bool = False, **fields: Any) -> Any:
    """Return an adjustment that would be made, but for the fields that are given."""
    good = {"amount_micros": 1, "currency_code": "EUR", "reason": "a slip", "requested_by": "desk 7"}
    return adjustment_pb2.CreateAdjustmentRequest(
        parent=parent,
        idempotency_key=key,
        adjustment=adjustment_pb2.Adjustment(**{**good, **fields}),
        validate_only=preview,
    )


def confirm(name: str = "companies/bad/topUps/wire", **fields: Any) -> top_up_pb2.ConfirmTopUpRequest:
    """Return the confirmation of a bank transfer."""
    return top_up_pb2.ConfirmTopUpRequest(**{"name": name, "amount_micros": 10_000, "currency_code": "EUR", **fields})


def refund(name: str = "companies/bad/topUps/first", **fields: Any) -> top_up_pb2.RefundTopUpRequest:
    """Return a refund of a top-up."""
    good = {"name": name, "idempotency_key": "new", "reason": "left us", "requested_by": "desk 7"}
    return top_up_pb2.RefundTopUpRequest(**{**good, **fields})


BAD: dict[str, BadRequest] = {
    "top-up missing": (
        "top_ups.CreateTopUp",
        top_up_pb2.CreateTopUpRequest(parent="companies/bad", idempotency_key="new"),
        "top_up",
    ),
    "top-up of nothing": ("top_ups.CreateTopUp", top_up(amount_micros=0), "top_up.amount_micros"),
    "top-up of less than nothing": ("top_ups.CreateTopUp", top_up(amount_micros=-1), "top_up.amount_micros"),
    "top-up out of range": ("top_ups.CreateTopUp", top_up(amount_micros=MICROS_MAX + 1), "top_up.amount_micros"),
    "top-up without a currency": ("top_ups.CreateTopUp", top_up(currency_code=""), "top_up.currency_code"),
    "top-up by no method": ("top_ups.CreateTopUp", top_up(method=0), "top_up.method"),
    "top-up by an unknown method": ("top_ups.CreateTopUp", top_up(method=77), "top_up.method"),
    "top-up with NUL in its reference": ("top_ups.CreateTopUp", top_up(reference="wire\0"), "top_up.reference"),
    "top-up under a key of the service's own": ("top_ups.CreateTopUp", top_up(key="~expiry/open"), "idempotency_key"),
    "top-up of other words": (CREATE, top_up(amount_text="500.00 EUR"), "top_up.amount_text"),
    "top-up of more than a person may": (CREATE, top_up(amount_micros=MANUAL_MICROS_MAX + 1), "top_up.amount_micros"),
    "top-up that saves what is no card": (CREATE, top_up(save_payment_method=True), "top_up.save_payment_method"),
    "top-up by hand with a card": (CREATE, top_up(payment_method=CARD), "top_up.payment_method"),
    "top-up by a card that has no name": (
        CREATE,
        top_up(method=_T.METHOD_SAVED_CARD, payment_method="pm_1"),
        "top_up.payment_method",
    ),
    "top-up by no saved card": (CREATE, top_up(method=_T.METHOD_SAVED_CARD), "top_up.payment_method"),
    "top-up by another company's card": (
        CREATE,
        top_up(method=_T.METHOD_SAVED_CARD, payment_method="companies/full/paymentMethods/pm_1"),
        "top_up.payment_method",
    ),
    "top-up of the service's own": (CREATE, top_up(requested_by="~expiry"), "top_up.requested_by"),
    "read of a top-up without a name": ("top_ups.GetTopUp", top_up_pb2.GetTopUpRequest(), "name"),
    "list of top-ups without a company": ("top_ups.ListTopUps", top_up_pb2.ListTopUpsRequest(), "parent"),
    "list of top-ups in no state": (
        "top_ups.ListTopUps",
        top_up_pb2.ListTopUpsRequest(parent="companies/bad", state=77),  # type: ignore[arg-type]
        "state",
    ),
    "list of top-ups from a forged page": (
        "top_ups.ListTopUps",
        top_up_pb2.ListTopUpsRequest(parent="companies/bad", page_token="x"),
        "page_token",
    ),
    "confirmation of nothing": ("top_ups.ConfirmTopUp", confirm(amount_micros=0), "amount_micros"),
    "confirmation of more than a person may": (
        "top_ups.ConfirmTopUp",
        confirm(amount_micros=MANUAL_MICROS_MAX + 1),
        "amount_micros",
    ),
    "confirmation of other words": ("top_ups.ConfirmTopUp", confirm(amount_text="500.00 EUR"), "amount_text"),
    "confirmation of what was no transfer": ("top_ups.ConfirmTopUp", confirm("companies/bad/topUps/first"), "name"),
    "failure of what was no transfer": (
        "top_ups.FailTopUp",
        top_up_pb2.FailTopUpRequest(name="companies/bad/topUps/first"),
        "name",
    ),
    "transfer of a part of a cent": (CREATE, top_up(method=_T.METHOD_BANK_TRANSFER), "top_up.amount_micros"),
    "confirmation of a part of a cent": ("top_ups.ConfirmTopUp", confirm(amount_micros=10_001), "amount_micros"),
    "confirmation in no currency": ("top_ups.ConfirmTopUp", confirm(currency_code=""), "currency_code"),
    "failure with NUL in it": (
        "top_ups.FailTopUp",
        top_up_pb2.FailTopUpRequest(name="companies/bad/topUps/wire", failure_message="\0"),
        "failure_message",
    ),
    "cancel of a bad name": ("top_ups.CancelTopUp", top_up_pb2.CancelTopUpRequest(name="companies/bad"), "name"),
    "suggestion without a company": ("top_ups.SuggestTopUpAmounts", top_up_pb2.SuggestTopUpAmountsRequest(), "parent"),
    "refund of a top-up under no key": ("top_ups.RefundTopUp", refund(idempotency_key=""), "idempotency_key"),
    "refund of a top-up without a reason": ("top_ups.RefundTopUp", refund(reason=""), "reason"),
    "refund of a top-up without a requester": ("top_ups.RefundTopUp", refund(requested_by=""), "requested_by"),
    "refund of a part of a cent": ("top_ups.RefundTopUp", refund(amount_micros=1), "amount_micros"),
    "refund of a top-up of nothing": ("top_ups.RefundTopUp", refund(amount_micros=0), "amount_micros"),
    "read of a refund by a bad name": ("top_ups.GetTopUpRefund", top_up_pb2.GetTopUpRefundRequest(name="x"), "name"),
    "list of refunds of another's top-up": (
        "top_ups.ListTopUpRefunds",
        top_up_pb2.ListTopUpRefundsRequest(parent="companies/bad", top_up="companies/full/topUps/first"),
        "top_up",
    ),
    "list of chargebacks without a company": ("top_ups.ListChargebacks", top_up_pb2.ListChargebacksRequest(), "parent"),
    "list of cards without a company": ("top_ups.ListPaymentMethods", top_up_pb2.ListPaymentMethodsRequest(), "parent"),
    "removal of no card": ("top_ups.DeletePaymentMethod", top_up_pb2.DeletePaymentMethodRequest(name="pm_1"), "name"),
    "adjustment by nothing": (ADJUST, adjustment(amount_micros=0), "adjustment.amount_micros"),
    "adjustment out of range": (ADJUST, adjustment(amount_micros=-MICROS_MAX - 1), "adjustment.amount_micros"),
    "adjustment by more than a person may": (
        ADJUST,
        adjustment(amount_micros=-MANUAL_MICROS_MAX - 1),
        "adjustment.amount_micros",
    ),
    "adjustment of other words": (ADJUST, adjustment(amount_text="0.10 EUR"), "adjustment.amount_text"),
    "adjustment without a reason": (ADJUST, adjustment(reason=""), "adjustment.reason"),
    "adjustment without a requester": (ADJUST, adjustment(requested_by=""), "adjustment.requested_by"),
    "adjustment in no currency": (ADJUST, adjustment(currency_code=""), "adjustment.currency_code"),
    "adjustment that is none": (
        ADJUST,
        adjustment_pb2.CreateAdjustmentRequest(parent="companies/bad", idempotency_key="new"),
        "adjustment",
    ),
    "adjustment under a key of the service's own": (ADJUST, adjustment(key="~top-up:wire"), "idempotency_key"),
    "read of an adjustment by a bad name": (
        "adjustments.GetAdjustment",
        adjustment_pb2.GetAdjustmentRequest(name="companies/bad/adjustments/0"),
        "name",
    ),
}
"""Case → method, request, invalid field."""

_NONE = "companies/bad/topUps/none"
REFUSED: dict[str, RefusedRequest] = {
    "top-up of an unknown company": ("top_ups.CreateTopUp", top_up(parent=UNKNOWN), "COMPANY_NOT_FOUND"),
    "top-up of another currency under its key": (
        "top_ups.CreateTopUp",
        top_up(key="first", amount_micros=BALANCE, currency_code="USD"),
        "IDEMPOTENCY_KEY_REUSED",
    ),
    "top-up in another currency": ("top_ups.CreateTopUp", top_up(currency_code="USD"), "CURRENCY_MISMATCH"),
    "top-up of a closed company": ("top_ups.CreateTopUp", top_up(parent="companies/closed"), "COMPANY_CLOSED"),
    "top-up of a full wallet": ("top_ups.CreateTopUp", top_up(parent="companies/full"), "BALANCE_LIMIT_REACHED"),
    "read of no top-up": ("top_ups.GetTopUp", top_up_pb2.GetTopUpRequest(name=_NONE), "TOP_UP_NOT_FOUND"),
    "confirmation of no top-up": ("top_ups.ConfirmTopUp", confirm(_NONE), "TOP_UP_NOT_FOUND"),
    "failure of no top-up": ("top_ups.FailTopUp", top_up_pb2.FailTopUpRequest(name=_NONE), "TOP_UP_NOT_FOUND"),
    "cancel of no top-up": ("top_ups.CancelTopUp", top_up_pb2.CancelTopUpRequest(name=_NONE), "TOP_UP_NOT_FOUND"),
    "read of no refund of a top-up": (
        "top_ups.GetTopUpRefund",
        top_up_pb2.GetTopUpRefundRequest(name="companies/bad/topUpRefunds/none"),
        "TOP_UP_REFUND_NOT_FOUND",
    ),
    "confirmation in another currency": (
        "top_ups.ConfirmTopUp",
        confirm("companies/bad/topUps/first", currency_code="USD"),
        "CURRENCY_MISMATCH",
    ),
    "cancel of what is in the wallet": (
        "top_ups.CancelTopUp",
        top_up_pb2.CancelTopUpRequest(name="companies/bad/topUps/first"),
        "TOP_UP_ENDED",
    ),
    "top-up by card where there are none": (
        CREATE,
        top_up(method=_T.METHOD_CARD, amount_micros=10_000_000),
        "PAYMENTS_NOT_CONFIGURED",
    ),
    "refund of a top-up that came by no card": ("top_ups.RefundTopUp", refund(), "TOP_UP_NOT_REFUNDABLE"),
    "refund of no top-up": ("top_ups.RefundTopUp", refund(_NONE), "TOP_UP_NOT_FOUND"),
    "list of cards where there are none": (
        "top_ups.ListPaymentMethods",
        top_up_pb2.ListPaymentMethodsRequest(parent="companies/bad"),
        "PAYMENTS_NOT_CONFIGURED",
    ),
    "removal of a card where there are none": (
        "top_ups.DeletePaymentMethod",
        top_up_pb2.DeletePaymentMethodRequest(name=CARD),
        "PAYMENTS_NOT_CONFIGURED",
    ),
    **{
        f"list of {what} of an unknown company": (f"top_ups.List{what}", request(parent=UNKNOWN), "COMPANY_NOT_FOUND")
        for what, request in (
            ("TopUps", top_up_pb2.ListTopUpsRequest),
            ("TopUpRefunds", top_up_pb2.ListTopUpRefundsRequest),
            ("Chargebacks", top_up_pb2.ListChargebacksRequest),
        )
    },
    "suggestion for an unknown company": (
        "top_ups.SuggestTopUpAmounts",
        top_up_pb2.SuggestTopUpAmountsRequest(parent=UNKNOWN),
        "COMPANY_NOT_FOUND",
    ),
    "adjustment of an unknown company": (ADJUST, adjustment(parent=UNKNOWN), "COMPANY_NOT_FOUND"),
    "adjustment of a closed company": (ADJUST, adjustment(parent="companies/closed"), "COMPANY_CLOSED"),
    "adjustment in another currency": (ADJUST, adjustment(currency_code="USD"), "CURRENCY_MISMATCH"),
    "adjustment under a used key": (ADJUST, adjustment(key="charged"), "IDEMPOTENCY_KEY_REUSED"),
    "adjustment in another currency under a used key": (
        ADJUST,
        adjustment(key="charged", currency_code="USD"),
        "IDEMPOTENCY_KEY_REUSED",
    ),
    "adjustment below the floor": (
        ADJUST,
        adjustment(amount_micros=-BALANCE),
        "INSUFFICIENT_FUNDS",
        {"available": str(AVAILABLE), "required": str(BALANCE), "floor": "0", "currency": "EUR"},
    ),
    "preview of an adjustment below the floor": (
        ADJUST,
        adjustment(amount_micros=HELD - BALANCE - 1, preview=True),
        "INSUFFICIENT_FUNDS",
        {"available": str(AVAILABLE), "required": str(BALANCE - HELD + 1), "floor": "0", "currency": "EUR"},
    ),
    "adjustment of a full wallet": (ADJUST, adjustment(parent="companies/full"), "BALANCE_LIMIT_REACHED"),
    "preview for a full wallet": (
        ADJUST,
        adjustment(parent="companies/full", preview=True),
        "BALANCE_LIMIT_REACHED",
    ),
    "preview for a closed company": (ADJUST, adjustment(parent="companies/closed", preview=True), "COMPANY_CLOSED"),
    "read of an adjustment that is a top-up": (
        "adjustments.GetAdjustment",
        adjustment_pb2.GetAdjustmentRequest(name="companies/bad/adjustments/1"),
        "TRANSACTION_NOT_FOUND",
    ),
}
"""Case → method, request, reason."""
