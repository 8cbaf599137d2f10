"""Subscriptions to and from messages."""

from typing import cast

from google.protobuf.duration_pb2 import Duration

from admin.rpc.field_masks import ResourceFields, fields_to_update
from admin.subscriptions.domain import (
    NewSubscription,
    Subscription,
    SubscriptionState,
    Terms,
    TermsChange,
)
from admin.subscriptions.periods import Unit
from server import wire
from server.error_table import TABLE
from server.fingerprint import fingerprint
from server.rejections import invalid
from server.usage import usage_of
from server.validation import check_name
from veloconnect.admin.v1 import subscription_pb2
from wallet.domain.commands import Kind
from wallet.domain.resource_names import COMPANY, SUBSCRIPTION, TRANSACTION
from wallet.domain.times import TIME_MAX

GRACE_SECONDS_DEFAULT = 7 * 86_400
_CHANGING = ("display_name", "usage", "amount_micros", "grace_period")
_FIXED = ("period", "anchor_day", "start_time")
_OUTPUT_ONLY = frozenset(subscription_pb2.Subscription.DESCRIPTOR.fields_by_name) - {*_CHANGING, *_FIXED}
_FIELDS = ResourceFields(
    "a subscription",
    mutable=frozenset(_CHANGING),
    immutable=frozenset(_FIXED),
    output_only=_OUTPUT_ONLY,
)
_CHARGES_BY_ITSELF = frozenset({SubscriptionState.PENDING, SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE})
_REASONS = {error.__name__: row.reason for error, row in TABLE.items()}


def new_of(request: subscription_pb2.CreateSubscriptionRequest) -> NewSubscription:
    """Return the subscription that a request makes. Raises InvalidRequest."""
    asked = request.subscription
    for field in ("usage", "period"):
        if not asked.HasField(field):
            raise invalid(f"subscription.{field}", "is required")
    unit = Unit(int(asked.period.unit))
    if asked.anchor_day and unit is not Unit.MONTH:
        raise invalid("subscription.anchor_day", "must be left out: only months have one")
    usage, number = usage_of(asked.usage, field="subscription.usage")
    terms = Terms(
        asked.display_name,
        usage,
        number,
        asked.amount_micros if asked.HasField("amount_micros") else None,
        _grace_seconds(asked),
    )
    return NewSubscription(
        COMPANY.parse(request.parent),
        request.subscription_id,
        fingerprint(Kind.CHARGE, _as_asked(request)),
        terms,
        unit,
        asked.period.count,
        asked.anchor_day,
        _starts_at(asked) if asked.HasField("start_time") else None,
    )


def updated_name(request: subscription_pb2.UpdateSubscriptionRequest) -> tuple[str, str]:
    """Return the company and the id of the subscription that is to change. Raises InvalidRequest."""
    asked = request.subscription
    check_name(
        SUBSCRIPTION, asked.name, "subscription.name", "a subscription, such as companies/acme/subscriptions/number-1"
    )
    return SUBSCRIPTION.parse(asked.name)


def change_of(request: subscription_pb2.UpdateSubscriptionRequest, before: Subscription) -> TermsChange:
    """Return what is to change. Raises InvalidRequest for a field that never does, unless it is sent as it is."""
    asked, now = request.subscription, subscription_message(before)
    paths = fields_to_update(asked, request.update_mask, _FIELDS)
    for field in _FIXED:
        if field in paths and getattr(asked, field) != getattr(now, field):
            raise invalid(f"subscription.{field}", "never changes: make another subscription, and cancel this one")
    usage, number = None, ""
    if "usage" in paths:
        if not asked.HasField("usage"):
            raise invalid("subscription.usage", "is required where update_mask names it")
        usage, number = usage_of(asked.usage, field="subscription.usage")
    return TermsChange(
        display_name=asked.display_name if "display_name" in paths else None,
        usage=usage,
        number=number,
        sets_amount="amount_micros" in paths,
        amount=asked.amount_micros if asked.HasField("amount_micros") else None,
        grace_seconds=_grace_seconds(asked) if "grace_period" in paths else None,
    )


def subscription_message(of: Subscription) -> subscription_pb2.Subscription:
    """Return a subscription as it is."""
    terms, schedule = of.terms, of.schedule
    usage = wire.usage(terms.usage)
    assert usage is not None
    usage.destination = terms.number or terms.usage.country
    message = subscription_pb2.Subscription(
        name=SUBSCRIPTION.name(of.company, of.id),
        display_name=terms.display_name,
        usage=usage,
        amount_micros=terms.amount,
        period=subscription_pb2.Subscription.Period(
            unit=cast("subscription_pb2.Subscription.Period.Unit", int(schedule.unit)), count=schedule.count
        ),
        anchor_day=schedule.anchor_day,
        start_time=wire.timestamp(of.starts_at),
        grace_period=Duration(seconds=terms.grace_seconds),
        state=cast("subscription_pb2.Subscription.State", int(of.state)),
        cancel_at_period_end=of.cancel_at_period_end,
        charged_period_count=of.charged,
        decline_reason=_REASONS[of.declined] if of.declined else "",
        currency_code=of.currency,
        create_time=wire.timestamp(of.created_at),
    )
    if of.last_number is not None:
        message.last_transaction = TRANSACTION.name(of.company, of.last_number)
    times = {
        "current_period_start_time": of.period_starts_at,
        "current_period_end_time": of.period_ends_at,
        "next_charge_time": of.due_at if of.state in _CHARGES_BY_ITSELF and not of.cancel_at_period_end else None,
        "suspend_time": of.grace_ends_at if of.state is SubscriptionState.PAST_DUE else None,
        "cancel_time": of.canceled_at,
    }
    for field, at in times.items():
        if at is not None:
            getattr(message, field).CopyFrom(wire.timestamp(at))
    return message


def _as_asked(request: subscription_pb2.CreateSubscriptionRequest) -> subscription_pb2.CreateSubscriptionRequest:
    """Return the request without the fields that are ours to fill: a caller may send them back, or not."""
    asked = subscription_pb2.CreateSubscriptionRequest()
    asked.CopyFrom(request)
    for field in _OUTPUT_ONLY:
        asked.subscription.ClearField(field)
    return asked


def _starts_at(asked: subscription_pb2.Subscription) -> int:
    """Return when it is to begin, in microseconds since the epoch. Raises InvalidRequest."""
    starts_at: int = asked.start_time.seconds * wire.MICROSECONDS + asked.start_time.nanos // 1000
    if not 0 <= starts_at <= TIME_MAX:
        raise invalid("subscription.start_time", "must be between the years 1970 and 9999")
    return starts_at


def _grace_seconds(asked: subscription_pb2.Subscription) -> int:
    """Return how long the grace period is. Raises InvalidRequest."""
    if not asked.HasField("grace_period"):
        return GRACE_SECONDS_DEFAULT
    if asked.grace_period.nanos:
        raise invalid("subscription.grace_period", "must be whole seconds")
    return asked.grace_period.seconds
