"""Requests about subscriptions that must be refused, and what each answer must name."""

import time
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from tests.acceptance.bad_requests.makers import MICROS_MAX, UNKNOWN, BadRequest, RefusedRequest, forged
from tests.support.clients import Clients
from veloconnect.admin.v1 import subscription_pb2
from veloconnect.wallet.v1 import wallet_pb2

DAY_SECONDS = 86_400
OPEN = "companies/bad/subscriptions/open"
MONTHLY = subscription_pb2.Subscription.Period(unit=subscription_pb2.Subscription.Period.UNIT_MONTH, count=1)
NUMBER = wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_PHONE_NUMBER, destination="DE")


def in_days(days: float) -> Timestamp:
    """Return a time so many days from now."""
    return Timestamp(seconds=int(time.time() + days * DAY_SECONDS))


TOMORROW = in_days(1)


def subscribe(subscription_id: str = "new", *, parent: str = "companies/bad", **fields: Any) -> Any:
    """Return the making of a subscription that begins tomorrow."""
    good = {"usage": NUMBER, "amount_micros": 1, "period": MONTHLY, "start_time": TOMORROW}
    return subscription_pb2.CreateSubscriptionRequest(
        parent=parent,
        subscription_id=subscription_id,
        subscription=subscription_pb2.Subscription(**{**good, **fields}),
    )


def period(unit: int, count: int) -> subscription_pb2.Subscription.Period:
    """Return a period, which need not be one."""
    return subscription_pb2.Subscription.Period(unit=unit, count=count)  # type: ignore[arg-type]  # On purpose.


def changed(*paths: str, name: str = OPEN, **fields: Any) -> subscription_pb2.UpdateSubscriptionRequest:
    """Return a change of a subscription."""
    return subscription_pb2.UpdateSubscriptionRequest(
        subscription=subscription_pb2.Subscription(name=name, **fields), update_mask=FieldMask(paths=paths)
    )


def listing(token: str = "", **fields: Any) -> subscription_pb2.ListSubscriptionsRequest:
    """Return the reading of a list."""
    return subscription_pb2.ListSubscriptionsRequest(**{"parent": "companies/bad", "page_token": token, **fields})


def get(name: str) -> subscription_pb2.GetSubscriptionRequest:
    """Return the reading of a subscription."""
    return subscription_pb2.GetSubscriptionRequest(name=name)


def cancel(name: str) -> subscription_pb2.CancelSubscriptionRequest:
    """Return the end of a subscription."""
    return subscription_pb2.CancelSubscriptionRequest(name=name)


def resume(name: str) -> subscription_pb2.ResumeSubscriptionRequest:
    """Return the going on of a subscription."""
    return subscription_pb2.ResumeSubscriptionRequest(name=name)


def settle_subscriptions(clients: Clients) -> None:
    """Make what these requests speak of: one that begins tomorrow, and one that has ended."""
    for each in ("open", "ended"):
        clients.call(clients.subscriptions.CreateSubscription, subscribe(each))
    clients.call(clients.subscriptions.CancelSubscription, cancel("companies/bad/subscriptions/ended"))


BAD: dict[str, BadRequest] = {
    **{
        f"subscription {what}": ("subscriptions.CreateSubscription", request, field)
        for what, (request, field) in {
            "of a bad company": (subscribe(parent="companies/BAD"), "parent"),
            "without an id": (subscribe(""), "subscription_id"),
            "with a bad id": (subscribe("No 1"), "subscription_id"),
            "of nothing": (
                subscription_pb2.CreateSubscriptionRequest(parent="companies/bad", subscription_id="new"),
                "subscription",
            ),
            "without usage": (subscribe(usage=None), "subscription.usage"),
            "of no channel": (subscribe(usage=wallet_pb2.Usage()), "subscription.usage.channel"),
            "to no country": (
                subscribe(usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_PHONE_NUMBER, destination="QX")),
                "subscription.usage.destination",
            ),
            "without a period": (subscribe(period=None), "subscription.period"),
            "of no unit": (subscribe(period=period(0, 1)), "subscription.period.unit"),
            "of an unknown unit": (subscribe(period=period(9, 1)), "subscription.period.unit"),
            "of no length": (subscribe(period=period(3, 0)), "subscription.period.count"),
            "of too long periods": (subscribe(period=period(3, 121)), "subscription.period.count"),
            "for nothing": (subscribe(amount_micros=0), "subscription.amount_micros"),
            "for too much": (subscribe(amount_micros=MICROS_MAX + 1), "subscription.amount_micros"),
            "on the 32nd": (subscribe(anchor_day=32), "subscription.anchor_day"),
            "on a day before the first": (subscribe(anchor_day=-1), "subscription.anchor_day"),
            "of weeks with a day of the month": (
                subscribe(period=period(2, 1), anchor_day=1),
                "subscription.anchor_day",
            ),
            "that began yesterday": (subscribe(start_time=in_days(-1)), "subscription.start_time"),
            "that begins in eleven years": (subscribe(start_time=in_days(11 * 366)), "subscription.start_time"),
            "that begins after 9999": (
                subscribe(start_time=Timestamp(seconds=10**12)),
                "subscription.start_time",
            ),
            "that begins at no time": (
                subscribe("open", start_time=Timestamp(seconds=-(2**62))),
                "subscription.start_time",
            ),
            "with a negative grace": (subscribe(grace_period=Duration(seconds=-1)), "subscription.grace_period"),
            "with a grace of 91 days": (
                subscribe(grace_period=Duration(seconds=91 * DAY_SECONDS)),
                "subscription.grace_period",
            ),
            "with a grace of half a second": (
                subscribe(grace_period=Duration(nanos=500_000_000)),
                "subscription.grace_period",
            ),
            "with a line break in its name": (subscribe(display_name="a\nb"), "subscription.display_name"),
        }.items()
    },
    **{
        f"subscription's {what}": ("subscriptions.UpdateSubscription", request, field)
        for what, (request, field) in {
            "change of nothing": (subscription_pb2.UpdateSubscriptionRequest(), "subscription"),
            "change without a name": (changed(name=""), "subscription.name"),
            "change with a bad name": (changed(name="companies/bad/subscriptions/"), "subscription.name"),
            "unknown field": (changed("colour"), "update_mask"),
            "everything and more": (changed("*", "usage"), "update_mask"),
            "other period": (changed(period=period(2, 1)), "subscription.period"),
            "other anchor": (
                changed("anchor_day", anchor_day=31 if TOMORROW.ToDatetime().day == 1 else 1),
                "subscription.anchor_day",
            ),
            "other start": (changed("start_time", start_time=in_days(2)), "subscription.start_time"),
            "usage of nothing": (changed("usage"), "subscription.usage"),
            "grace of half a second": (
                changed(grace_period=Duration(nanos=500_000_000)),
                "subscription.grace_period",
            ),
        }.items()
    },
    "subscription of a bad name": ("subscriptions.GetSubscription", get("subscriptions/open"), "name"),
    "end of a bad name": ("subscriptions.CancelSubscription", cancel("companies/bad"), "name"),
    "going on of a bad name": ("subscriptions.ResumeSubscription", resume(""), "name"),
    "subscriptions of a bad company": ("subscriptions.ListSubscriptions", listing(parent="companies/"), "parent"),
    "subscriptions of an unknown state": ("subscriptions.ListSubscriptions", listing(state=9), "state"),
    "subscriptions by a page of less than none": (
        "subscriptions.ListSubscriptions",
        listing(page_size=-1),
        "page_size",
    ),
    "subscriptions by a token that is none": ("subscriptions.ListSubscriptions", listing("?"), "page_token"),
    "subscriptions by the token of another state": (
        "subscriptions.ListSubscriptions",
        listing(forged("companies/bad/subscriptions/0 1"), state=2),
        "page_token",
    ),
}
"""Case → method, request, invalid field."""

_NONE, _ENDED = "companies/bad/subscriptions/none", "companies/bad/subscriptions/ended"
REFUSED: dict[str, RefusedRequest] = {
    "subscription of an unknown company": (
        "subscriptions.CreateSubscription",
        subscribe(parent=UNKNOWN),
        "COMPANY_NOT_FOUND",
    ),
    "subscription of a closed company": (
        "subscriptions.CreateSubscription",
        subscribe(parent="companies/closed"),
        "COMPANY_CLOSED",
    ),
    "subscription under an id that is taken": (
        "subscriptions.CreateSubscription",
        subscribe("open", amount_micros=2),
        "IDEMPOTENCY_KEY_REUSED",
    ),
    "subscription under an id that is taken, in a thousand years": (
        "subscriptions.CreateSubscription",
        subscribe("open", start_time=in_days(365_000)),
        "IDEMPOTENCY_KEY_REUSED",
    ),
    "subscription under an id that is taken, at once": (
        "subscriptions.CreateSubscription",
        subscribe("ended", start_time=None),
        "IDEMPOTENCY_KEY_REUSED",
    ),
    "list of an unknown company": ("subscriptions.ListSubscriptions", listing(parent=UNKNOWN), "COMPANY_NOT_FOUND"),
    "subscription that is not there": ("subscriptions.GetSubscription", get(_NONE), "SUBSCRIPTION_NOT_FOUND"),
    "change of none": ("subscriptions.UpdateSubscription", changed(name=_NONE), "SUBSCRIPTION_NOT_FOUND"),
    "change of one that has ended": ("subscriptions.UpdateSubscription", changed(name=_ENDED), "SUBSCRIPTION_CANCELED"),
    "change to no price": (
        "subscriptions.UpdateSubscription",
        changed("amount_micros"),
        "RATE_NOT_FOUND",
        {"channel": "PHONE_NUMBER", "variant": "", "country": "DE"},
    ),
    "end of none": ("subscriptions.CancelSubscription", cancel(_NONE), "SUBSCRIPTION_NOT_FOUND"),
    "going on of none": ("subscriptions.ResumeSubscription", resume(_NONE), "SUBSCRIPTION_NOT_FOUND"),
    "going on of one that has ended": ("subscriptions.ResumeSubscription", resume(_ENDED), "SUBSCRIPTION_CANCELED"),
}
"""Case → method, request, reason."""
