"""Top-ups by card and by bank transfer, a refund to the card, and a chargeback."""

from typing import Any

from demos.half_minute.gateways.answers import DemoFailed
from demos.month.demo import COMPANY, COMPANY_ID, Demo
from demos.month.prices import CURRENCY, money_text
from devstack.local_stripe import THREE_D_SECURE_CARD
from veloconnect.admin.v1 import top_up_pb2
from wallet.domain.resource_names import TOP_UP

MICROS_PER_CENT = 10_000
SECRET_SEPARATOR = "_secret_"  # noqa: S105  It separates a payment's id from its secret.

TopUp = top_up_pb2.TopUp


def top_up_request(key: str, micros: int, method: TopUp.Method, **fields: Any) -> top_up_pb2.CreateTopUpRequest:
    """Return a request for a top-up."""
    top_up = TopUp(amount_micros=micros, currency_code=CURRENCY, method=method, **fields)
    return top_up_pb2.CreateTopUpRequest(parent=COMPANY, idempotency_key=key, top_up=top_up)


def pay_first(demo: Demo, micros: int) -> None:
    """Top up with a new card that requires 3-D Secure, and save the card."""
    clients, stripe = demo.clients, demo.service.stripe
    request = top_up_request("first", micros, TopUp.METHOD_CARD, save_payment_method=True, requested_by="shop front")
    top_up = clients.call(clients.top_ups.CreateTopUp, request)
    demo.secrets["first"] = top_up.client_secret
    status = stripe.enter_card(top_up.client_secret, THREE_D_SECURE_CARD)
    if status != "requires_action":
        raise DemoFailed(f"the bank should have asked the cardholder, and the payment is {status}")
    stripe.authenticate(top_up.client_secret)
    done = _wait_until_paid(demo, top_up.name)
    demo.record_row(done.transaction, micros)
    demo.say(
        f"first top-up: {done.amount_text} by {done.card_brand} …{done.card_last4}, confirmed with 3-D Secure; the "
        "card is saved"
    )


def pay_by_saved_card(demo: Demo, key: str, micros: int) -> None:
    """Top up with the saved card: one call, off session."""
    clients = demo.clients
    request = top_up_request(
        key, micros, TopUp.METHOD_SAVED_CARD, payment_method=saved_card(demo), requested_by="shop front"
    )
    done = clients.call(clients.top_ups.CreateTopUp, request)
    if done.state != TopUp.STATE_SUCCEEDED:
        raise DemoFailed(f"{key}: {TopUp.State.Name(done.state)} {done.failure_message}")
    demo.record_row(done.transaction, micros)
    demo.say(f"topped up with {done.amount_text} by the saved card: one call, off session")


def refund_to_card(demo: Demo, key: str, top_up: str, micros: int) -> None:
    """Refund a part of a top-up to its card."""
    clients = demo.clients
    request = top_up_pb2.RefundTopUpRequest(
        name=TOP_UP.name(COMPANY_ID, top_up),
        idempotency_key=key,
        amount_micros=micros,
        reason="more than was meant",
        requested_by="support",
    )
    refund = clients.call(clients.top_ups.RefundTopUp, request)
    if refund.state != top_up_pb2.TopUpRefund.STATE_SUCCEEDED:
        raise DemoFailed(f"{key}: {top_up_pb2.TopUpRefund.State.Name(refund.state)}")
    demo.record_row(refund.transaction, -micros)
    demo.say(f"{refund.amount_text} of it are refunded to the card, since it was too much")


def pay_by_transfer(demo: Demo, key: str, announced: int, arrived: int) -> None:
    """Announce a bank transfer, and confirm it with the amount that arrived."""
    clients = demo.clients
    top_up = clients.call(clients.top_ups.CreateTopUp, top_up_request(key, announced, TopUp.METHOD_BANK_TRANSFER))
    demo.say(f"a bank transfer of {top_up.amount_text} is announced, under {top_up.payment_reference}")
    done = clients.call(
        clients.top_ups.ConfirmTopUp,
        top_up_pb2.ConfirmTopUpRequest(
            name=top_up.name, amount_micros=arrived, currency_code=CURRENCY, reference="account statement 118"
        ),
    )
    demo.record_row(done.transaction, arrived)
    demo.say(
        f"{money_text(done.cleared_amount_micros)} arrive: the amount received is credited, not the amount announced"
    )
    demo.mail("arrived")


def charge_back(demo: Demo, top_up: str, micros: int) -> None:
    """Have the cardholder's bank charge a top-up back."""
    _dispute(demo, top_up, micros, "needs_response")
    chargeback = _chargeback(demo)
    demo.record_row(chargeback.transaction, -micros)
    demo.say(f"a signed webhook: {chargeback.amount_text} of the first top-up are charged back ({chargeback.reason})")
    demo.mail("was charged back")
    demo.mail("a payment is disputed")
    demo.say_balance()


def win_back(demo: Demo, top_up: str, micros: int) -> None:
    """Have the dispute decided in the seller's favour."""
    _dispute(demo, top_up, micros, "won")
    chargeback = _chargeback(demo)
    if chargeback.state != top_up_pb2.Chargeback.STATE_WON:
        raise DemoFailed(f"the chargeback is {top_up_pb2.Chargeback.State.Name(chargeback.state)}")
    demo.record_row(chargeback.return_transaction, micros)
    demo.say(f"the dispute is won: {chargeback.amount_text} are in the wallet again")
    demo.mail("was turned down")


def saved_card(demo: Demo) -> str:
    """Return the name of the card that was saved with the first top-up."""
    return next(card.name for card in cards(demo) if card.card_last4 == THREE_D_SECURE_CARD[-4:])


def cards(demo: Demo) -> list[top_up_pb2.PaymentMethod]:
    """Return the saved cards."""
    request = top_up_pb2.ListPaymentMethodsRequest(parent=COMPANY)
    return list(demo.clients.call(demo.clients.top_ups.ListPaymentMethods, request).payment_methods)


def show_suggestions(demo: Demo) -> None:
    """Print suggested amounts. They follow usage of whole days before today, so a company of today has none."""
    request = top_up_pb2.SuggestTopUpAmountsRequest(parent=COMPANY)
    answer = demo.clients.call(demo.clients.top_ups.SuggestTopUpAmounts, request)
    amounts = ", ".join(f"{each.amount_text} for about {each.days} days" for each in answer.suggestions)
    demo.say(
        f"suggested top-ups: {amounts or 'none yet; they follow usage of whole days, and the company began today'}"
    )


def _wait_until_paid(demo: Demo, name: str) -> top_up_pb2.TopUp:
    """Return the top-up once the provider's webhook has confirmed it."""

    def poll() -> top_up_pb2.TopUp | None:
        found: top_up_pb2.TopUp = demo.clients.call(
            demo.clients.top_ups.GetTopUp, top_up_pb2.GetTopUpRequest(name=name)
        )
        return found if found.state == TopUp.STATE_SUCCEEDED else None

    return demo.wait_for(name, poll)


def _dispute(demo: Demo, top_up: str, micros: int, status: str) -> None:
    payment = demo.secrets[top_up].partition(SECRET_SEPARATOR)[0]
    demo.service.bank.dispute("dp_month", payment, micros // MICROS_PER_CENT, status)


def _chargeback(demo: Demo) -> top_up_pb2.Chargeback:
    request = top_up_pb2.ListChargebacksRequest(parent=COMPANY)
    (chargeback,) = demo.clients.call(demo.clients.top_ups.ListChargebacks, request).chargebacks
    found: top_up_pb2.Chargeback = chargeback
    return found
