"""Automatic top-ups: a rule, a firing, a card that is declined, and the way out."""

from demos.half_minute.gateways.answers import Refused
from demos.half_minute.money import MICROS
from demos.month import payments
from demos.month.demo import COMPANY, COMPANY_ID, Stage
from demos.month.prices import told
from devstack.local_stripe import DECLINED_LATER_CARD
from veloconnect.admin.v1 import auto_top_up_pb2, top_up_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import AUTO_TOP_UP, PAYMENT_METHOD

RULE = AUTO_TOP_UP.name(COMPANY_ID)
THRESHOLD = 60 * MICROS
AMOUNT = 100 * MICROS
DAY_MAX = 400 * MICROS
REACTION_SECONDS_MAX = 2.0
"""What is promised, from the charge that crossed the line."""

AutoTopUp = auto_top_up_pb2.AutoTopUp


def make_rule(stage: Stage) -> None:
    """Have the saved card charged below a threshold."""
    rule = AutoTopUp(
        name=RULE,
        threshold_micros=THRESHOLD,
        amount_micros=AMOUNT,
        payment_method=payments.saved_card(stage),
        max_day_micros=DAY_MAX,
    )
    made = _update(stage, rule)
    stage.say(f"automatic top-up: below {made.threshold_text} add {made.amount_text}, at most {told(DAY_MAX)} a day")


def see_it_fire(stage: Stage, crossing: wallet_pb2.Transaction) -> None:
    """Wait for the top-up that the last charge has caused; say how long it took."""
    row = _fired(stage)
    seconds = (row.create_time.ToMicroseconds() - crossing.create_time.ToMicroseconds()) / MICROS
    stage.say(f"{told(AMOUNT)} from the card are in the wallet {seconds:.2f} s after the charge that crossed the line")
    if seconds > REACTION_SECONDS_MAX:
        # No matter of the books: on a machine that is busy with other things it says nothing of the service.
        stage.say(f"(that is slow: {REACTION_SECONDS_MAX:g} s are promised, on a machine that has the time)")


def use_declined_card(stage: Stage, client_secret: str) -> None:
    """Save another card, one that its bank will decline, and have the rule charge that one from now on."""
    stripe = stage.service.stripe
    card = stripe.attach_card(stripe.customer_of(client_secret), DECLINED_LATER_CARD)
    _update(stage, AutoTopUp(name=RULE, payment_method=PAYMENT_METHOD.name(COMPANY_ID, card)))
    stage.say("the company has a new card, and changes the rule to it")


def see_it_declined(stage: Stage) -> None:
    """See that the rule waits, and that the company is told."""
    request = auto_top_up_pb2.GetAutoTopUpRequest(name=RULE)

    def look() -> auto_top_up_pb2.AutoTopUp | None:
        rule: AutoTopUp = stage.clients.ask(stage.clients.auto_top_ups.GetAutoTopUp, request)
        return rule if rule.decline_count else None

    rule = stage.wait("a decline", look)
    if rule.state != AutoTopUp.STATE_ACTIVE or not rule.HasField("retry_time"):
        raise Refused(f"the rule should wait and try again: {rule}")
    stage.say(f"the card is declined; it is tried again after {rule.retry_time.ToDatetime():%H:%M} UTC, not before")
    stage.mail("your card was declined")


def use_good_card(stage: Stage) -> None:
    """Take the first card again: what made the rule wait is forgotten, and it fires."""
    _update(stage, AutoTopUp(name=RULE, payment_method=payments.saved_card(stage)))
    _fired(stage)
    stage.say(f"the company goes back to its first card: {told(AMOUNT)} are charged at once")


def resume(stage: Stage) -> None:
    """Let it go on after the dispute."""
    clients = stage.clients
    rule = clients.ask(clients.auto_top_ups.GetAutoTopUp, auto_top_up_pb2.GetAutoTopUpRequest(name=RULE))
    if rule.pause_reason != AutoTopUp.PAUSE_REASON_DISPUTE:
        raise Refused(f"a dispute should have paused the rule: {rule}")
    clients.ask(clients.auto_top_ups.ResumeAutoTopUp, auto_top_up_pb2.ResumeAutoTopUpRequest(name=RULE))
    stage.say("automatic top-up was paused by the dispute, and goes on")


def _fired(stage: Stage) -> wallet_pb2.Transaction:
    """Return the row of the next automatic top-up, as soon as it is paid."""
    request = top_up_pb2.ListTopUpsRequest(parent=COMPANY, state=top_up_pb2.TopUp.STATE_SUCCEEDED)

    def look() -> top_up_pb2.TopUp | None:
        found = stage.clients.ask(stage.clients.top_ups.ListTopUps, request).top_ups
        return next((each for each in found if each.automatic and each.name not in stage.fired), None)

    top_up = stage.wait("an automatic top-up", look)
    stage.fired.add(top_up.name)
    return stage.post_row(top_up.transaction, AMOUNT)


def _update(stage: Stage, rule: auto_top_up_pb2.AutoTopUp) -> auto_top_up_pb2.AutoTopUp:
    request = auto_top_up_pb2.UpdateAutoTopUpRequest(auto_top_up=rule)
    updated: AutoTopUp = stage.clients.ask(stage.clients.auto_top_ups.UpdateAutoTopUp, request)
    return updated
