"""Money in by card and by transfer, back to the card, and taken back by the cardholder's bank."""

from typing import Any

from demos.half_minute.gateways.answers import Refused
from demos.month.demo import COMPANY, COMPANY_ID, Stage
from demos.month.prices import CURRENCY, told
from devstack.local_stripe import THREE_D_SECURE_CARD
from veloconnect.admin.v1 import top_up_pb2
from wallet.domain.resource_names import TOP_UP

MICROS_PER_CENT = 10_000
SECRET_SEPARATOR = "_secret_"  # noqa: S105  It parts a payment's id from its secret.

TopUp = top_up_pb2.TopUp


def order(key: str, micros: int, method: TopUp.Method, **fields: Any) -> top_up_pb2.CreateTopUpRequest:
    """Return a top-up that is asked for."""
    top_up = TopUp(amount_micros=micros, currency_code=CURRENCY, method=method, **fields)
    return top_up_pb2.CreateTopUpRequest(parent=COMPANY, idempotency_key=key, top_up=top_up)


def pay_first(stage: Stage, micros: int) -> None:
    """Top up for the first time: by a new card with 3-D Secure, which is saved."""
    clients, stripe = stage.clients, stage.service.stripe
    request = order("first", micros, TopUp.METHOD_CARD, save_payment_method=True, requested_by="shop front")
    top_up = clients.ask(clients.top_ups.CreateTopUp, request)
    stage.secrets["first"] = top_up.client_secret
    asked = stripe.enter_card(top_up.client_secret, THREE_D_SECURE_CARD)
    if asked != "requires_action":
        raise Refused(f"the bank should have asked the cardholder, and the payment is {asked}")
    stripe.authenticate(top_up.client_secret)
    done = settled(stage, top_up.name)
    stage.post_row(done.transaction, micros)
    stage.say(
        f"first top-up: {done.amount_text} by {done.card_brand} …{done.card_last4}, confirmed with 3-D Secure; the "
        "card is saved"
    )


def pay_by_saved_card(stage: Stage, key: str, micros: int) -> None:
    """Top up by one call, with no customer present."""
    clients = stage.clients
    request = order(key, micros, TopUp.METHOD_SAVED_CARD, payment_method=saved_card(stage), requested_by="shop front")
    done = clients.ask(clients.top_ups.CreateTopUp, request)
    if done.state != TopUp.STATE_SUCCEEDED:
        raise Refused(f"{key}: {TopUp.State.Name(done.state)} {done.failure_message}")
    stage.post_row(done.transaction, micros)
    stage.say(f"topped up with {done.amount_text} by the saved card: one call, nobody need be present")


def refund_to_card(stage: Stage, key: str, top_up: str, micros: int) -> None:
    """Send a part of a top-up back to where it came from."""
    clients = stage.clients
    request = top_up_pb2.RefundTopUpRequest(
        name=TOP_UP.name(COMPANY_ID, top_up),
        idempotency_key=key,
        amount_micros=micros,
        reason="more than was meant",
        requested_by="support",
    )
    refund = clients.ask(clients.top_ups.RefundTopUp, request)
    if refund.state != top_up_pb2.TopUpRefund.STATE_SUCCEEDED:
        raise Refused(f"{key}: {top_up_pb2.TopUpRefund.State.Name(refund.state)}")
    stage.post_row(refund.transaction, -micros)
    stage.say(f"{refund.amount_text} of it go back to the card: more than was meant")


def pay_by_transfer(stage: Stage, key: str, announced: int, arrived: int) -> None:
    """Announce a bank transfer, and confirm it with another amount."""
    clients = stage.clients
    top_up = clients.ask(clients.top_ups.CreateTopUp, order(key, announced, TopUp.METHOD_BANK_TRANSFER))
    stage.say(f"a bank transfer of {top_up.amount_text} is announced, under {top_up.payment_reference}")
    done = clients.ask(
        clients.top_ups.ConfirmTopUp,
        top_up_pb2.ConfirmTopUpRequest(
            name=top_up.name, amount_micros=arrived, currency_code=CURRENCY, reference="account statement 118"
        ),
    )
    stage.post_row(done.transaction, arrived)
    stage.say(f"{told(done.cleared_amount_micros)} arrive: what came in is credited, not what was announced")
    stage.mail("arrived")


def charge_back(stage: Stage, top_up: str, micros: int) -> None:
    """Have the cardholder's bank take a top-up back."""
    _dispute(stage, top_up, micros, "needs_response")
    chargeback = _chargeback(stage)
    stage.post_row(chargeback.transaction, -micros)
    stage.say(f"a signed webhook: {chargeback.amount_text} of the first top-up are charged back ({chargeback.reason})")
    stage.mail("was charged back")
    stage.mail("a payment is disputed")
    stage.say_balance()


def win_back(stage: Stage, top_up: str, micros: int) -> None:
    """Have the dispute won."""
    _dispute(stage, top_up, micros, "won")
    chargeback = _chargeback(stage)
    if chargeback.state != top_up_pb2.Chargeback.STATE_WON:
        raise Refused(f"the chargeback is {top_up_pb2.Chargeback.State.Name(chargeback.state)}")
    stage.post_row(chargeback.return_transaction, micros)
    stage.say(f"the dispute is won: {chargeback.amount_text} are in the wallet again")
    stage.mail("was turned down")


def saved_card(stage: Stage) -> str:
    """Return the name of the card that was saved with the first top-up."""
    return next(card.name for card in cards(stage) if card.card_last4 == THREE_D_SECURE_CARD[-4:])


def cards(stage: Stage) -> list[top_up_pb2.PaymentMethod]:
    """Return the saved cards."""
    request = top_up_pb2.ListPaymentMethodsRequest(parent=COMPANY)
    return list(stage.clients.ask(stage.clients.top_ups.ListPaymentMethods, request).payment_methods)


def suggest(stage: Stage) -> None:
    """Show what the service proposes to top up with: by whole days before today, so nothing to who began today."""
    request = top_up_pb2.SuggestTopUpAmountsRequest(parent=COMPANY)
    answer = stage.clients.ask(stage.clients.top_ups.SuggestTopUpAmounts, request)
    amounts = ", ".join(f"{each.amount_text} for about {each.days} days" for each in answer.suggestions)
    stage.say(f"suggested top-ups: {amounts or 'none yet; they go by whole days, and the company is of today'}")


def settled(stage: Stage, name: str) -> top_up_pb2.TopUp:
    """Return a top-up when it has succeeded: the provider's webhook is on the way."""

    def look() -> top_up_pb2.TopUp | None:
        found: top_up_pb2.TopUp = stage.clients.ask(
            stage.clients.top_ups.GetTopUp, top_up_pb2.GetTopUpRequest(name=name)
        )
        return found if found.state == TopUp.STATE_SUCCEEDED else None

    return stage.wait(name, look)


def _dispute(stage: Stage, top_up: str, micros: int, status: str) -> None:
    payment = stage.secrets[top_up].partition(SECRET_SEPARATOR)[0]
    stage.service.bank.dispute("dp_month", payment, micros // MICROS_PER_CENT, status)


def _chargeback(stage: Stage) -> top_up_pb2.Chargeback:
    request = top_up_pb2.ListChargebacksRequest(parent=COMPANY)
    (chargeback,) = stage.clients.ask(stage.clients.top_ups.ListChargebacks, request).chargebacks
    found: top_up_pb2.Chargeback = chargeback
    return found
