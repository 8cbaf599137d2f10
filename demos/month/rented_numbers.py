"""Rented numbers: one charged at once, one charged when it falls due, and one that cannot be paid."""

import time

from google.protobuf.timestamp_pb2 import Timestamp

from demos.half_minute.gateways.answers import DemoFailed
from demos.month.demo import COMPANY, Demo
from demos.month.prices import Product, money_text
from veloconnect.admin.v1 import subscription_pb2

Subscription = subscription_pb2.Subscription

SUPPORT, LONDON, FREEPHONE = "support-line", "london-line", "freephone"


def rent(demo: Demo) -> None:
    """Rent a number for support, paid for a month in advance."""
    rented = _create(demo, SUPPORT, "Support line", Product.NUMBER_GERMANY)
    demo.record_row(rented.last_transaction, -Product.NUMBER_GERMANY.cost())
    demo.say(
        f"a number is rented: {money_text(Product.NUMBER_GERMANY.cost())} a month in advance, next on "
        f"{rented.next_charge_time.ToDatetime():%Y-%m-%d}"
    )


def book_for_later(demo: Demo, seconds: float) -> None:
    """Create two that begin in `seconds`, by the service's own clock, as every later month does."""
    for name, display_name, product in (
        (LONDON, "London line", Product.NUMBER_BRITAIN),
        (FREEPHONE, "Freephone", Product.FREEPHONE_GERMANY),
    ):
        _create(demo, name, display_name, product, starts_at=time.time() + seconds)
    demo.say(
        f"two more begin in {seconds:g} s, charged automatically as each period falls due (the next ones do in a month)"
    )


def expect_charge(demo: Demo) -> None:
    """Check that the number that fell due was charged once, without a request."""
    charged = _wait_for_state(demo, LONDON, Subscription.STATE_ACTIVE)
    if charged.charged_period_count != 1:
        raise DemoFailed(f"{LONDON} was charged {charged.charged_period_count} times for one period")
    demo.record_row(charged.last_transaction, -Product.NUMBER_BRITAIN.cost())
    demo.say(
        f"the London line fell due, and was charged automatically: {money_text(Product.NUMBER_BRITAIN.cost())}, once"
    )


def expect_past_due(demo: Demo) -> None:
    """Check that the number that costs more than the balance is not charged and the company notified; cancel it."""
    due = _wait_for_state(demo, FREEPHONE, Subscription.STATE_PAST_DUE)
    demo.say(
        f"the freephone number costs {money_text(Product.FREEPHONE_GERMANY.cost())}: {due.decline_reason}, past due, "
        f"to be suspended on {due.suspend_time.ToDatetime():%Y-%m-%d}"
    )
    demo.mail("could not be paid")
    request = subscription_pb2.CancelSubscriptionRequest(name=due.name)
    ended = demo.clients.call(demo.clients.subscriptions.CancelSubscription, request)
    if ended.charged_period_count or ended.state != Subscription.STATE_CANCELED:
        raise DemoFailed(f"{FREEPHONE} should have ended without a charge: {ended}")
    demo.say("the company cancels it; nothing was charged for it")


def _create(
    demo: Demo, name: str, display_name: str, product: Product, starts_at: float | None = None
) -> subscription_pb2.Subscription:
    start = None if starts_at is None else Timestamp(nanos=0, seconds=int(starts_at) + 1)
    subscription = Subscription(
        display_name=display_name,
        usage=product.usage(),
        period=Subscription.Period(unit=Subscription.Period.UNIT_MONTH, count=1),
        start_time=start,
    )
    request = subscription_pb2.CreateSubscriptionRequest(
        parent=COMPANY, subscription_id=name, subscription=subscription
    )
    created: Subscription = demo.clients.call(demo.clients.subscriptions.CreateSubscription, request)
    return created


def _wait_for_state(demo: Demo, name: str, state: int) -> subscription_pb2.Subscription:
    request = subscription_pb2.GetSubscriptionRequest(name=f"{COMPANY}/subscriptions/{name}")

    def poll() -> subscription_pb2.Subscription | None:
        found: Subscription = demo.clients.call(demo.clients.subscriptions.GetSubscription, request)
        return found if found.state == state else None

    return demo.wait_for(f"{name} in {Subscription.State.Name(state)}", poll)
