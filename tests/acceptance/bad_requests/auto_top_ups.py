"""Requests of AutoTopUpService that must be refused."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from tests.acceptance.bad_requests.makers import MICROS_MAX, UNKNOWN, BadRequest, RefusedRequest
from veloconnect.admin.v1 import auto_top_up_pb2

UPDATE = "auto_top_ups.UpdateAutoTopUp"
CARD = "companies/bad/paymentMethods/pm_1"


def rule(*paths: str, **fields: Any) -> auto_top_up_pb2.UpdateAutoTopUpRequest:
    """Return the making of a rule, but for the fields that are given; `paths` of the mask."""
    good = {
        "name": "companies/bad/autoTopUp",
        "threshold_micros": 20_000_000,
        "amount_micros": 50_000_000,
        "payment_method": CARD,
    }
    request = auto_top_up_pb2.UpdateAutoTopUpRequest(auto_top_up=auto_top_up_pb2.AutoTopUp(**{**good, **fields}))
    if paths:
        request.update_mask.CopyFrom(FieldMask(paths=paths))
    return request


BAD_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "without a name": ({"name": ""}, "name"),
    "of a bad name": ({"name": "companies/bad/autoTopUps"}, "name"),
    "without a threshold": ({"threshold_micros": 0}, "threshold_micros"),
    "of a negative threshold": ({"threshold_micros": -1}, "threshold_micros"),
    "of a threshold out of range": ({"threshold_micros": MICROS_MAX + 1}, "threshold_micros"),
    "without an amount": ({"amount_micros": 0}, "amount_micros"),
    "of a part of a cent": ({"amount_micros": 50_000_001}, "amount_micros"),
    "of less than a card can pay": ({"amount_micros": 10_000}, "amount_micros"),
    "of more than a card can pay": ({"amount_micros": MICROS_MAX}, "amount_micros"),
    "without a card": ({"payment_method": ""}, "payment_method"),
    "of a card that has no name": ({"payment_method": "pm_1"}, "payment_method"),
    "of another company's card": ({"payment_method": "companies/full/paymentMethods/pm_1"}, "payment_method"),
    "that never adds anything in a day": ({"max_day_micros": 49_000_000}, "max_day_micros"),
    "that never adds anything in a month": ({"max_month_micros": 49_000_000}, "max_month_micros"),
    "of a negative bound": ({"max_day_micros": -1}, "max_day_micros"),
    "of a negative count": ({"max_day_count": -1}, "max_day_count"),
    "of a count out of range": ({"max_month_count": 31_001}, "max_month_count"),
}
"""Case → the fields of a rule, and the invalid field."""

BAD: dict[str, BadRequest] = {
    **{
        f"rule {what}": (UPDATE, rule(**fields), f"auto_top_up.{field}") for what, (fields, field) in BAD_FIELDS.items()
    },
    "rule that is none": (UPDATE, auto_top_up_pb2.UpdateAutoTopUpRequest(), "auto_top_up"),
    "rule by a field that is none": (UPDATE, rule("colour"), "update_mask"),
    "rule that is paused by its state": (UPDATE, rule("state"), "update_mask"),
    "rule that loses its card": (UPDATE, rule("payment_method", payment_method=""), "auto_top_up.payment_method"),
    "rule that keeps only its amount": (UPDATE, rule("amount_micros"), "auto_top_up.threshold_micros"),
    **{
        f"{method} of a bad name": (
            f"auto_top_ups.{method}AutoTopUp",
            getattr(auto_top_up_pb2, f"{method}AutoTopUpRequest")(name="companies/bad"),
            "name",
        )
        for method in ("Get", "Pause", "Resume", "Delete")
    },
}
"""Case → method, request, invalid field."""

REFUSED: dict[str, RefusedRequest] = {
    **{
        f"{method} where there is none": (
            f"auto_top_ups.{method}AutoTopUp",
            getattr(auto_top_up_pb2, f"{method}AutoTopUpRequest")(name="companies/bad/autoTopUp"),
            "AUTO_TOP_UP_NOT_FOUND",
        )
        for method in ("Get", "Pause", "Resume", "Delete")
    },
    "rule of an unknown company": (
        UPDATE,
        rule(name=f"{UNKNOWN}/autoTopUp", payment_method=f"{UNKNOWN}/paymentMethods/pm_1"),
        "COMPANY_NOT_FOUND",
    ),
    "rule of a closed company": (
        UPDATE,
        rule(name="companies/closed/autoTopUp", payment_method="companies/closed/paymentMethods/pm_1"),
        "COMPANY_CLOSED",
    ),
    "rule in another currency": (UPDATE, rule(currency_code="USD"), "CURRENCY_MISMATCH"),
}
"""Case → method, request, reason."""
