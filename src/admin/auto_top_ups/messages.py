"""Rules of automatic top-ups to and from messages."""

from collections.abc import Mapping
from typing import NamedTuple, cast

from admin.auto_top_ups.domain import (
    AutoTopUp,
    AutoTopUpChange,
    AutoTopUpTerms,
    PauseReason,
    RuleState,
    apply_change,
)
from admin.payments import minor_units
from admin.payments.port import ProviderRefused
from admin.rpc.field_masks import ResourceFields, fields_to_update
from server import wire
from server.rejections import invalid
from server.validation import check_name
from veloconnect.admin.v1 import auto_top_up_pb2
from wallet.domain.money import format_money
from wallet.domain.resource_names import AUTO_TOP_UP, COMPANY, PAYMENT_METHOD, TOP_UP

_CURRENCY = "currency_code"
_STATES = frozenset({"state", "pause_reason"})
_FIELDS = ResourceFields(
    "an automatic top-up",
    mutable=frozenset(
        {
            "threshold_micros",
            "amount_micros",
            "payment_method",
            "max_day_micros",
            "max_month_micros",
            "max_day_count",
            "max_month_count",
        }
    ),
    immutable=frozenset({_CURRENCY}),
    output_only=frozenset(
        {
            "name",
            "threshold_text",
            "amount_text",
            "state",
            "pause_reason",
            "pause_time",
            "top_up",
            "decline_count",
            "retry_time",
            "day_micros",
            "month_micros",
            "create_time",
            "update_time",
        }
    ),
)
_STATE_VALUES = cast(
    "Mapping[RuleState, auto_top_up_pb2.AutoTopUp.State]",
    {state: auto_top_up_pb2.AutoTopUp.State.Value(f"STATE_{state.name}") for state in RuleState},
)
_REASON_VALUES = cast(
    "Mapping[PauseReason, auto_top_up_pb2.AutoTopUp.PauseReason]",
    {reason: auto_top_up_pb2.AutoTopUp.PauseReason.Value(f"PAUSE_REASON_{reason.name}") for reason in PauseReason},
)


class Update(NamedTuple):
    """A request to change a rule. `currency` is the currency that the request names, or None."""

    company: str
    change: AutoTopUpChange
    currency: str | None


def change_of(request: auto_top_up_pb2.UpdateAutoTopUpRequest) -> Update:
    """Return the change in a request. Raises InvalidRequest for a bad name or field, and for another company's card."""
    requested = request.auto_top_up
    check_name(AUTO_TOP_UP, requested.name, "auto_top_up.name", "an automatic top-up, such as companies/acme/autoTopUp")
    company = AUTO_TOP_UP.parse(requested.name)
    if mentioned := _STATES & set(request.update_mask.paths):
        raise invalid("update_mask", f"{min(mentioned)} is changed by PauseAutoTopUp and ResumeAutoTopUp")
    paths = fields_to_update(requested, request.update_mask, _FIELDS)
    for field in ("threshold_micros", "amount_micros", "payment_method"):
        if field in paths and not getattr(requested, field):
            raise invalid(f"auto_top_up.{field}", "cannot be taken away: delete the rule, or pause it")
    payment_method = None
    if "payment_method" in paths:
        owner, payment_method = PAYMENT_METHOD.parse(requested.payment_method)
        if owner != company:
            raise invalid("auto_top_up.payment_method", f"must be a card of {COMPANY.name(company)}")
    change = AutoTopUpChange(
        threshold=requested.threshold_micros if "threshold_micros" in paths else None,
        amount=requested.amount_micros if "amount_micros" in paths else None,
        payment_method=payment_method,
        day_amount_max=requested.max_day_micros if "max_day_micros" in paths else None,
        month_amount_max=requested.max_month_micros if "max_month_micros" in paths else None,
        day_count_max=requested.max_day_count if "max_day_count" in paths else None,
        month_count_max=requested.max_month_count if "max_month_count" in paths else None,
    )
    return Update(company, change, requested.currency_code if _CURRENCY in paths else None)


def check(before: AutoTopUpTerms | None, change: AutoTopUpChange, currency: str) -> None:
    """Raise InvalidRequest if a change of a rule is not valid in the wallet's currency."""
    if before is None:
        for field, value in (
            ("threshold_micros", change.threshold),
            ("amount_micros", change.amount),
            ("payment_method", change.payment_method),
        ):
            if not value:
                raise invalid(f"auto_top_up.{field}", "is required when the rule is made")
    terms = apply_change(before, change)
    assert terms is not None, "the required terms are there"
    try:
        minor_units.check(terms.amount, currency)
    except ProviderRefused as error:
        raise invalid("auto_top_up.amount_micros", f"no card can pay it: {error}") from error
    for field, bound in (("max_day_micros", terms.day_amount_max), ("max_month_micros", terms.month_amount_max)):
        if bound is not None and bound < terms.amount:
            raise invalid(f"auto_top_up.{field}", "must not be less than amount_micros: nothing would ever be added")


def message_of(rule: AutoTopUp) -> auto_top_up_pb2.AutoTopUp:
    """Return the message of a rule."""
    terms = rule.terms
    message = auto_top_up_pb2.AutoTopUp(
        name=AUTO_TOP_UP.name(rule.company),
        threshold_micros=terms.threshold,
        amount_micros=terms.amount,
        payment_method=PAYMENT_METHOD.name(rule.company, terms.payment_method),
        max_day_micros=terms.day_amount_max or 0,
        max_month_micros=terms.month_amount_max or 0,
        max_day_count=terms.day_count_max,
        max_month_count=terms.month_count_max or 0,
        currency_code=rule.currency,
        threshold_text=format_money(terms.threshold, rule.currency),
        amount_text=format_money(terms.amount, rule.currency),
        state=_STATE_VALUES[rule.state],
        top_up=TOP_UP.name(rule.company, rule.in_flight) if rule.in_flight else "",
        decline_count=rule.declines,
        day_micros=rule.day_amount,
        month_micros=rule.month_amount,
        create_time=wire.timestamp(rule.created_at),
        update_time=wire.timestamp(rule.updated_at),
    )
    if rule.pause_reason is not None:
        message.pause_reason = _REASON_VALUES[rule.pause_reason]
        message.pause_time.CopyFrom(wire.timestamp(rule.paused_at))
    if rule.waits_until:
        message.retry_time.CopyFrom(wire.timestamp(rule.waits_until))
    return message
