"""Automatic top-ups: a rule, a top-up by it, a decline, and another card."""

from demos.half_minute.gateways.answers import DemoFailed
from demos.half_minute.money import MICROS
from demos.month import payments
from demos.month.demo import COMPANY, COMPANY_ID, Demo
from demos.month.prices import money_text
from devstack.local_stripe import DECLINED_LATER_CARD
from veloconnect.admin.v1 import auto_top_up_pb2, top_up_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import AUTO_TOP_UP, PAYMENT_METHOD

RULE = AUTO_TOP_UP.name(COMPANY_ID)
THRESHOLD = 60 * MICROS
AMOUNT = 100 * MICROS
DAY_MAX = 400 * MICROS
REACTION_SECONDS_MAX = 2.0
"""The promised time from the charge that crossed the threshold to the credit."""

AutoTopUp = auto_top_up_pb2.AutoTopUp


def make_rule(demo: Demo) -> None:
    """Create a rule that charges the saved card below a threshold."""
    rule = AutoTopUp(
        name=RULE,
        threshold_micros=THRESHOLD,
        amount_micros=AMOUNT,
        payment_method=payments.saved_card(demo),
        max_day_micros=DAY_MAX,
    )
    made = _update(demo, rule)
    demo.say(
        f"automatic top-up: below {made.threshold_text} add {made.amount_text}, at most {money_text(DAY_MAX)} a day"
    )


def expect_top_up(demo: Demo, crossing: wallet_pb2.Transaction) -> None:
    """Wait for the top-up that the last charge has caused, and print how long it took."""
    row = _next_top_up(demo)
    seconds = (row.create_time.ToMicroseconds() - crossing.create_time.ToMicroseconds()) / MICROS
    demo.say(
        f"{money_text(AMOUNT)} from the card are in the wallet {seconds:.2f} s after the charge that crossed the line"
    )
    if seconds > REACTION_SECONDS_MAX:
        # Not a failure of the demo: on a busy machine the time does not measure the service.
        demo.say(f"(that is slow: {REACTION_SECONDS_MAX:g} s are promised, on a machine that is not busy)")


def use_declined_card(demo: Demo, client_secret: str) -> None:
    """Save a card that its bank will decline, and change the rule to it."""
    stripe = demo.service.stripe
    card = stripe.attach_card(stripe.customer_of(client_secret), DECLINED_LATER_CARD)
    _update(demo, AutoTopUp(name=RULE, payment_method=PAYMENT_METHOD.name(COMPANY_ID, card)))
    demo.say("the company has a new card, and changes the rule to it")


def expect_decline(demo: Demo) -> None:
    """Check that the rule waits before its next try, and that the company is notified."""
    request = auto_top_up_pb2.GetAutoTopUpRequest(name=RULE)

    def poll() -> auto_top_up_pb2.AutoTopUp | None:
        rule: AutoTopUp = demo.clients.call(demo.clients.auto_top_ups.GetAutoTopUp, request)
        return rule if rule.decline_count else None

    rule = demo.wait_for("a decline", poll)
    if rule.state != AutoTopUp.STATE_ACTIVE or not rule.HasField("retry_time"):
        raise DemoFailed(f"the rule should wait and try again: {rule}")
    demo.say(f"the card is declined; it is tried again after {rule.retry_time.ToDatetime():%H:%M} UTC, not before")
    demo.mail("your card was declined")


def use_good_card(demo: Demo) -> None:
    """Change the rule to the first card: the wait after the decline ends, and the rule tops up."""
    _update(demo, AutoTopUp(name=RULE, payment_method=payments.saved_card(demo)))
    _next_top_up(demo)
    demo.say(f"the company goes back to its first card: {money_text(AMOUNT)} are charged at once")


def resume(demo: Demo) -> None:
    """Resume the rule after the dispute."""
    clients = demo.clients
    rule = clients.call(clients.auto_top_ups.GetAutoTopUp, auto_top_up_pb2.GetAutoTopUpRequest(name=RULE))
    if rule.pause_reason != AutoTopUp.PAUSE_REASON_DISPUTE:
        raise DemoFailed(f"a dispute should have paused the rule: {rule}")
    clients.call(clients.auto_top_ups.ResumeAutoTopUp, auto_top_up_pb2.ResumeAutoTopUpRequest(name=RULE))
    demo.say("automatic top-up was paused by the dispute, and is resumed")


def _next_top_up(demo: Demo) -> wallet_pb2.Transaction:
    """Wait for the next automatic top-up that is paid; record it and return its transaction."""
    request = top_up_pb2.ListTopUpsRequest(parent=COMPANY, state=top_up_pb2.TopUp.STATE_SUCCEEDED)

    def poll() -> top_up_pb2.TopUp | None:
        found = demo.clients.call(demo.clients.top_ups.ListTopUps, request).top_ups
        return next((each for each in found if each.automatic and each.name not in demo.automatic_top_ups), None)

    top_up = demo.wait_for("an automatic top-up", poll)
    demo.automatic_top_ups.add(top_up.name)
    return demo.record_row(top_up.transaction, AMOUNT)


def _update(demo: Demo, rule: auto_top_up_pb2.AutoTopUp) -> auto_top_up_pb2.AutoTopUp:
    request = auto_top_up_pb2.UpdateAutoTopUpRequest(auto_top_up=rule)
    updated: AutoTopUp = demo.clients.call(demo.clients.auto_top_ups.UpdateAutoTopUp, request)
    return updated
