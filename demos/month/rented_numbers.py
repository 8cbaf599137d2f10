"""Rented numbers: the first month at once, one that falls due by itself, and one that cannot be paid."""

import time

from google.protobuf.timestamp_pb2 import Timestamp

from demos.half_minute.gateways.answers import Refused
from demos.month.demo import COMPANY, Stage
from demos.month.prices import Sold, told
from veloconnect.admin.v1 import subscription_pb2

Subscription = subscription_pb2.Subscription

SUPPORT, LONDON, FREEPHONE = "support-line", "london-line", "freephone"


def rent(stage: Stage) -> None:
    """Rent a number for support, paid for a month in advance."""
    rented = _create(stage, SUPPORT, "Support line", Sold.NUMBER_GERMANY)
    stage.post_row(rented.last_transaction, -Sold.NUMBER_GERMANY.cost())
    stage.say(
        f"a number is rented: {told(Sold.NUMBER_GERMANY.cost())} a month in advance, next on "
        f"{rented.next_charge_time.ToDatetime():%Y-%m-%d}"
    )


def book_for_later(stage: Stage, seconds: float) -> None:
    """Make two more that begin by themselves in some seconds, as every later month does, by the service's own clock."""
    for name, display_name, sold in (
        (LONDON, "London line", Sold.NUMBER_BRITAIN),
        (FREEPHONE, "Freephone", Sold.FREEPHONE_GERMANY),
    ):
        _create(stage, name, display_name, sold, starts_at=time.time() + seconds)
    stage.say(
        f"two more begin in {seconds:g} s, to be charged unasked, as each period that falls due (the second ones do in "
        "a month)"
    )


def see_one_charged(stage: Stage) -> None:
    """See that the one that fell due meanwhile was charged by nobody's hand."""
    charged = _when(stage, LONDON, Subscription.STATE_ACTIVE)
    if charged.charged_period_count != 1:
        raise Refused(f"{LONDON} was charged {charged.charged_period_count} times for one period")
    stage.post_row(charged.last_transaction, -Sold.NUMBER_BRITAIN.cost())
    stage.say(f"the London line fell due, and was charged by itself: {told(Sold.NUMBER_BRITAIN.cost())}, once")


def see_one_past_due(stage: Stage) -> None:
    """See that nothing is taken for the one that costs more than there is; the company is told, and gives it up."""
    due = _when(stage, FREEPHONE, Subscription.STATE_PAST_DUE)
    stage.say(
        f"the freephone number costs {told(Sold.FREEPHONE_GERMANY.cost())}: {due.decline_reason}, past due, to be "
        f"suspended on {due.suspend_time.ToDatetime():%Y-%m-%d}"
    )
    stage.mail("could not be paid")
    request = subscription_pb2.CancelSubscriptionRequest(name=due.name)
    ended = stage.clients.ask(stage.clients.subscriptions.CancelSubscription, request)
    if ended.charged_period_count or ended.state != Subscription.STATE_CANCELED:
        raise Refused(f"{FREEPHONE} should have ended without a charge: {ended}")
    stage.say("the company gives it up; nothing was charged for it")


def _create(
    stage: Stage, name: str, display_name: str, sold: Sold, starts_at: float | None = None
) -> subscription_pb2.Subscription:
    start = None if starts_at is None else Timestamp(nanos=0, seconds=int(starts_at) + 1)
    subscription = Subscription(
        display_name=display_name,
        usage=sold.usage(),
        period=Subscription.Period(unit=Subscription.Period.UNIT_MONTH, count=1),
        start_time=start,
    )
    request = subscription_pb2.CreateSubscriptionRequest(
        parent=COMPANY, subscription_id=name, subscription=subscription
    )
    created: Subscription = stage.clients.ask(stage.clients.subscriptions.CreateSubscription, request)
    return created


def _when(stage: Stage, name: str, state: int) -> subscription_pb2.Subscription:
    request = subscription_pb2.GetSubscriptionRequest(name=f"{COMPANY}/subscriptions/{name}")

    def look() -> subscription_pb2.Subscription | None:
        found: Subscription = stage.clients.ask(stage.clients.subscriptions.GetSubscription, request)
        return found if found.state == state else None

    return stage.wait(f"{name} in {Subscription.State.Name(state)}", look)
