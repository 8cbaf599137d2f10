"""Subscriptions: protobuf to domain and back."""

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
from server.usage_messages import usage_of
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


def new_subscription_of(request: subscription_pb2.CreateSubscriptionRequest) -> NewSubscription:
    """Return the subscription that a request asks for. Raises InvalidRequest."""
    requested = request.subscription
    for field in ("usage", "period"):
        if not requested.HasField(field):
            raise invalid(f"subscription.{field}", "is required")
    unit = Unit(int(requested.period.unit))
    if requested.anchor_day and unit is not Unit.MONTH:
        raise invalid("subscription.anchor_day", "must be left out: only months have one")
    usage, number = usage_of(requested.usage, field="subscription.usage")
    terms = Terms(
        requested.display_name,
        usage,
        number,
        requested.amount_micros if requested.HasField("amount_micros") else None,
        _grace_seconds(requested),
    )
    return NewSubscription(
        COMPANY.parse(request.parent),
        request.subscription_id,
        fingerprint(Kind.CHARGE, _without_output(request)),
        terms,
        unit,
        requested.period.count,
        requested.anchor_day,
        _starts_at(requested) if requested.HasField("start_time") else None,
    )


def updated_name(request: subscription_pb2.UpdateSubscriptionRequest) -> tuple[str, str]:
    """Return the company and the id of the subscription that is updated. Raises InvalidRequest."""
    requested = request.subscription
    check_name(
        SUBSCRIPTION,
        requested.name,
        "subscription.name",
        "a subscription, such as companies/acme/subscriptions/number-1",
    )
    return SUBSCRIPTION.parse(requested.name)


def terms_change_of(request: subscription_pb2.UpdateSubscriptionRequest, before: Subscription) -> TermsChange:
    """Return the requested change of terms. Raise InvalidRequest if a fixed field is sent with another value."""
    requested, current = request.subscription, subscription_message(before)
    paths = fields_to_update(requested, request.update_mask, _FIELDS)
    for field in _FIXED:
        if field in paths and getattr(requested, field) != getattr(current, field):
            raise invalid(f"subscription.{field}", "never changes: make another subscription, and cancel this one")
    usage, number = None, ""
    if "usage" in paths:
        if not requested.HasField("usage"):
            raise invalid("subscription.usage", "is required where update_mask names it")
        usage, number = usage_of(requested.usage, field="subscription.usage")
    return TermsChange(
        display_name=requested.display_name if "display_name" in paths else None,
        usage=usage,
        number=number,
        sets_amount="amount_micros" in paths,
        amount=requested.amount_micros if requested.HasField("amount_micros") else None,
        grace_seconds=_grace_seconds(requested) if "grace_period" in paths else None,
    )


def subscription_message(subscription: Subscription) -> subscription_pb2.Subscription:
    """Return a subscription as a message."""
    terms, schedule = subscription.terms, subscription.schedule
    usage = wire.usage(terms.usage)
    assert usage is not None
    usage.destination = terms.number or terms.usage.country
    message = subscription_pb2.Subscription(
        name=SUBSCRIPTION.name(subscription.company, subscription.id),
        display_name=terms.display_name,
        usage=usage,
        amount_micros=terms.amount,
        period=subscription_pb2.Subscription.Period(
            unit=cast("subscription_pb2.Subscription.Period.Unit", int(schedule.unit)), count=schedule.count
        ),
        anchor_day=schedule.anchor_day,
        start_time=wire.timestamp(subscription.starts_at),
        grace_period=Duration(seconds=terms.grace_seconds),
        state=cast("subscription_pb2.Subscription.State", int(subscription.state)),
        cancel_at_period_end=subscription.cancel_at_period_end,
        charged_period_count=subscription.charged,
        decline_reason=_REASONS[subscription.declined] if subscription.declined else "",
        currency_code=subscription.currency,
        create_time=wire.timestamp(subscription.created_at),
    )
    if subscription.last_number is not None:
        message.last_transaction = TRANSACTION.name(subscription.company, subscription.last_number)
    times = {
        "current_period_start_time": subscription.period_starts_at,
        "current_period_end_time": subscription.period_ends_at,
        "next_charge_time": subscription.due_at
        if subscription.state in _CHARGES_BY_ITSELF and not subscription.cancel_at_period_end
        else None,
        "suspend_time": subscription.grace_ends_at if subscription.state is SubscriptionState.PAST_DUE else None,
        "cancel_time": subscription.canceled_at,
    }
    for field, at in times.items():
        if at is not None:
            getattr(message, field).CopyFrom(wire.timestamp(at))
    return message


def _without_output(request: subscription_pb2.CreateSubscriptionRequest) -> subscription_pb2.CreateSubscriptionRequest:
    """Return the request without output-only fields: with or without them it is the same request."""
    requested = subscription_pb2.CreateSubscriptionRequest()
    requested.CopyFrom(request)
    for field in _OUTPUT_ONLY:
        requested.subscription.ClearField(field)
    return requested


def _starts_at(requested: subscription_pb2.Subscription) -> int:
    """Return start_time in microseconds since the epoch. Raises InvalidRequest."""
    starts_at: int = requested.start_time.seconds * wire.MICROSECONDS + requested.start_time.nanos // 1000
    if not 0 <= starts_at <= TIME_MAX:
        raise invalid("subscription.start_time", "must be between the years 1970 and 9999")
    return starts_at


def _grace_seconds(requested: subscription_pb2.Subscription) -> int:
    """Return the grace period in seconds. Raises InvalidRequest."""
    if not requested.HasField("grace_period"):
        return GRACE_SECONDS_DEFAULT
    if requested.grace_period.nanos:
        raise invalid("subscription.grace_period", "must be whole seconds")
    return requested.grace_period.seconds
