"""Cards from the request to the statement, on real processes: the service, and a Stripe server that tells it the news.

The Stripe server is devstack.local_stripe, which says what it cannot show. It has no chargebacks and sends nothing
again, so those webhooks are signed here.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest

from devstack import Stack
from devstack.local_stripe import (
    DECLINED_LATER_CARD,
    GOOD_CARD,
    INSUFFICIENT_FUNDS_CARD,
    THREE_D_SECURE_CARD,
    CardDeclined,
    LocalStripe,
)
from tests.acceptance.bad_requests.makers import charge
from tests.support import card_payments
from tests.support.card_payments import (
    TopUp,
    at_stripe,
    dispute,
    event,
    eventually,
    make_company,
    order,
    payment_of,
    post,
    settled,
)
from tests.support.clients import Clients
from veloconnect.admin.v1 import document_pb2, top_up_pb2, transaction_pb2
from veloconnect.charging.v1 import charging_pb2

AMOUNT = 20_000_000
CENTS = 2_000


@pytest.fixture(scope="module")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStripe]:
    """A Stripe server that tells this module's service alone."""
    with LocalStripe(tmp_path_factory.mktemp("stripe")) as server:
        yield server


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, stripe: LocalStripe) -> Iterator[Stack]:
    with card_payments.paying_stack(tmp_path_factory.mktemp("stack"), stripe) as running:
        card_payments.send_webhooks(running, stripe)
        yield running


@pytest.fixture(scope="module")
def clients(stack: Stack) -> Iterator[Clients]:
    with Clients.of(stack) as opened:
        yield opened
        opened.assert_ledger_clean()


def balance(clients: Clients, parent: str) -> int:
    wallet = clients.call(clients.charging.GetWallet, charging_pb2.GetWalletRequest(name=f"{parent}/wallet"))
    return int(wallet.balance_micros)


def begun(clients: Clients, parent: str, key: str = "t-1", **fields: object) -> top_up_pb2.TopUp:
    """Begin a top-up by a card, and leave it there."""
    top_up: top_up_pb2.TopUp = clients.call(clients.top_ups.CreateTopUp, order(parent, key, AMOUNT, **fields))
    assert top_up.state == TopUp.STATE_REQUIRES_ACTION
    return top_up


def saved_card(clients: Clients, stripe: LocalStripe, parent: str, number: str = GOOD_CARD) -> str:
    """Pay once by a card and save it; return its name."""
    first = begun(clients, parent, "first", save_payment_method=True)
    if stripe.enter_card(first.client_secret, number) == "requires_action":
        assert stripe.authenticate(first.client_secret) == "succeeded"
    settled(clients, first.name)
    return cards(clients, parent)[0].name


def cards(clients: Clients, parent: str) -> list[top_up_pb2.PaymentMethod]:
    request = top_up_pb2.ListPaymentMethodsRequest(parent=parent)
    return list(clients.call(clients.top_ups.ListPaymentMethods, request).payment_methods)


def chargebacks(clients: Clients, parent: str) -> list[top_up_pb2.Chargeback]:
    request = top_up_pb2.ListChargebacksRequest(parent=parent)
    return list(clients.call(clients.top_ups.ListChargebacks, request).chargebacks)


def test_a_new_card_is_credited_listed_and_receipted(stack: Stack, clients: Clients, stripe: LocalStripe) -> None:
    parent = make_company(clients, "entered")
    top_up = begun(clients, parent, reference="first money")
    again = clients.call(clients.top_ups.CreateTopUp, order(parent, "t-1", AMOUNT, reference="first money"))
    assert again.client_secret == top_up.client_secret, "a front end that lost it gets it again"
    assert stripe.enter_card(top_up.client_secret) == "succeeded"
    done = settled(clients, top_up.name)
    assert (done.cleared_amount_micros, done.balance_after_micros, done.amount_text) == (AMOUNT, AMOUNT, "20.00 EUR")
    assert (done.card_brand, done.card_last4, done.client_secret) == ("visa", "4242", "")
    assert balance(clients, parent) == AMOUNT
    assert cards(clients, parent) == [], "it was not to be kept"

    listed = clients.call(
        clients.transactions.ListTransactions, transaction_pb2.ListTransactionsRequest(parent=parent)
    ).transactions
    assert [(row.name, row.amount_micros, row.reference) for row in listed] == [
        (done.transaction, AMOUNT, "first money")
    ]
    seller = document_pb2.Seller(legal_name="Velo Connect", address_lines=["Radweg 1"])
    clients.call(clients.documents.UpdateSeller, document_pb2.UpdateSellerRequest(seller=seller))
    receipts = document_pb2.ListReceiptsRequest(parent=parent)
    (receipt,) = eventually(lambda: clients.call(clients.documents.ListReceipts, receipts).receipts)
    assert (receipt.transaction, receipt.amount_micros) == (done.transaction, AMOUNT)
    assert (receipt.method, receipt.card_brand, receipt.card_last4) == (TopUp.METHOD_CARD, "visa", "4242")
    pdf = clients.call(clients.documents.GetReceiptPdf, document_pb2.GetReceiptPdfRequest(name=receipt.name))
    assert pdf.content.startswith(b"%PDF-")

    intent = at_stripe(stripe, f"/v1/payment_intents/{payment_of(top_up)}")
    for _ in range(3):
        assert post(stack, event("payment_intent.succeeded", intent)) == 204
    assert balance(clients, parent) == AMOUNT, "replayed news credit nothing"


def test_three_d_secure_waits_for_the_customer(clients: Clients, stripe: LocalStripe) -> None:
    parent = make_company(clients, "secure")
    top_up = begun(clients, parent)
    assert stripe.enter_card(top_up.client_secret, THREE_D_SECURE_CARD) == "requires_action"
    waiting = clients.call(clients.top_ups.GetTopUp, top_up_pb2.GetTopUpRequest(name=top_up.name))
    assert (waiting.state, balance(clients, parent)) == (TopUp.STATE_REQUIRES_ACTION, 0)
    assert stripe.authenticate(top_up.client_secret) == "succeeded"
    assert settled(clients, top_up.name).balance_after_micros == AMOUNT


def test_failed_attempts_leave_another_one(clients: Clients, stripe: LocalStripe) -> None:
    """3-D Secure fails, then a card is declined, then one pays."""
    parent = make_company(clients, "tries")
    top_up = begun(clients, parent)
    stripe.enter_card(top_up.client_secret, THREE_D_SECURE_CARD)
    assert stripe.authenticate(top_up.client_secret, success=False) == "requires_payment_method"
    with pytest.raises(CardDeclined):
        stripe.enter_card(top_up.client_secret, INSUFFICIENT_FUNDS_CARD)

    def declined() -> bool:
        found = clients.call(clients.top_ups.GetTopUp, top_up_pb2.GetTopUpRequest(name=top_up.name))
        assert found.state == TopUp.STATE_REQUIRES_ACTION
        return bool(found.failure_code == "insufficient_funds")

    eventually(declined)
    assert balance(clients, parent) == 0
    assert stripe.enter_card(top_up.client_secret) == "succeeded"
    done = settled(clients, top_up.name)
    assert (done.failure_code, done.balance_after_micros) == ("", AMOUNT)


def test_a_saved_card_pays_with_the_answer_and_is_removed(clients: Clients, stripe: LocalStripe) -> None:
    parent = make_company(clients, "saved")
    card = saved_card(clients, stripe, parent, THREE_D_SECURE_CARD)
    again = order(parent, "t-2", AMOUNT, method=TopUp.METHOD_SAVED_CARD, payment_method=card)
    done = clients.call(clients.top_ups.CreateTopUp, again)
    assert (done.state, done.balance_after_micros, done.payment_method) == (TopUp.STATE_SUCCEEDED, 2 * AMOUNT, card)
    assert clients.call(clients.top_ups.CreateTopUp, again) == done
    other = clients.refused(
        clients.top_ups.CreateTopUp,
        order(parent, "t-2", 2 * AMOUNT, method=TopUp.METHOD_SAVED_CARD, payment_method=card),
    )
    assert other.reason == "IDEMPOTENCY_KEY_REUSED"

    gone = top_up_pb2.DeletePaymentMethodRequest(name=card)
    clients.call(clients.top_ups.DeletePaymentMethod, gone)
    assert cards(clients, parent) == []
    assert clients.refused(clients.top_ups.DeletePaymentMethod, gone).reason == "PAYMENT_METHOD_NOT_FOUND"
    late = order(parent, "t-3", AMOUNT, method=TopUp.METHOD_SAVED_CARD, payment_method=card)
    failed = clients.call(clients.top_ups.CreateTopUp, late)
    assert (failed.state, failed.failure_code) == (TopUp.STATE_FAILED, "payment_method_not_found")
    assert balance(clients, parent) == 2 * AMOUNT


def test_a_card_of_another_company_pays_nothing(clients: Clients, stripe: LocalStripe) -> None:
    card = saved_card(clients, stripe, make_company(clients, "owner")).rpartition("/")[2]
    parent = make_company(clients, "thief")
    fields = {"method": TopUp.METHOD_SAVED_CARD, "payment_method": f"{parent}/paymentMethods/{card}"}
    tried = clients.call(clients.top_ups.CreateTopUp, order(parent, "t-1", AMOUNT, **fields))
    assert (tried.state, tried.failure_code) == (TopUp.STATE_FAILED, "payment_method_not_found")
    request = top_up_pb2.DeletePaymentMethodRequest(name=f"{parent}/paymentMethods/{card}")
    assert clients.refused(clients.top_ups.DeletePaymentMethod, request).reason == "PAYMENT_METHOD_NOT_FOUND"
    assert len(cards(clients, "companies/owner")) == 1


def test_a_saved_card_that_is_declined_fails_for_good(clients: Clients, stripe: LocalStripe) -> None:
    parent = make_company(clients, "declined")
    intent = at_stripe(stripe, f"/v1/payment_intents/{payment_of(begun(clients, parent))}")
    stripe.attach_card(intent["customer"], DECLINED_LATER_CARD)
    card = cards(clients, parent)[0].name
    fields = {"method": TopUp.METHOD_SAVED_CARD, "payment_method": card}
    for _ in range(2):
        failed = clients.call(clients.top_ups.CreateTopUp, order(parent, "t-2", AMOUNT, **fields))
        assert (failed.state, failed.failure_code) == (TopUp.STATE_FAILED, "generic_decline")
        assert failed.failure_message
    assert balance(clients, parent) == 0


def test_yen_are_whole_and_other_amounts_are_refused(clients: Clients, stripe: LocalStripe) -> None:
    parent = make_company(clients, "tokyo", "JPY")
    top_up = clients.call(clients.top_ups.CreateTopUp, order(parent, "t-1", 5_000_000_000, currency_code="JPY"))
    assert top_up.amount_text == "5000.00 JPY"
    assert at_stripe(stripe, f"/v1/payment_intents/{payment_of(top_up)}")["amount"] == 5_000
    stripe.enter_card(top_up.client_secret)
    assert settled(clients, top_up.name).balance_after_micros == 5_000_000_000
    for micros in (5_000_500_000, 10_000_000):
        refusal = clients.refused(clients.top_ups.CreateTopUp, order(parent, "t-2", micros, currency_code="JPY"))
        assert (refusal.reason, refusal.fields) == ("INVALID_REQUEST", ("top_up.amount_micros",))
    other = clients.refused(clients.top_ups.CreateTopUp, order(parent, "t-2", AMOUNT))
    assert other.reason == "CURRENCY_MISMATCH"
    assert balance(clients, parent) == 5_000_000_000


def test_a_refund_is_debited_and_reaches_the_card(clients: Clients, stripe: LocalStripe) -> None:
    parent = make_company(clients, "refunded")
    top_up = begun(clients, parent)
    stripe.enter_card(top_up.client_secret)
    settled(clients, top_up.name)
    part = top_up_pb2.RefundTopUpRequest(
        name=top_up.name, idempotency_key="r-1", amount_micros=5_000_000, reason="too much", requested_by="ann"
    )
    done = clients.call(clients.top_ups.RefundTopUp, part)
    assert (done.state, done.amount_micros, done.amount_text) == (
        top_up_pb2.TopUpRefund.STATE_SUCCEEDED,
        5_000_000,
        "5.00 EUR",
    )
    assert clients.call(clients.top_ups.RefundTopUp, part).transaction == done.transaction
    rest = top_up_pb2.RefundTopUpRequest(name=top_up.name, idempotency_key="r-2", reason="all", requested_by="ann")
    assert clients.call(clients.top_ups.RefundTopUp, rest).amount_micros == AMOUNT - 5_000_000
    assert balance(clients, parent) == 0
    more = top_up_pb2.RefundTopUpRequest(name=top_up.name, idempotency_key="r-3", reason="more", requested_by="ann")
    assert clients.refused(clients.top_ups.RefundTopUp, more).reason == "TOP_UP_NOT_REFUNDABLE"
    back = at_stripe(stripe, f"/v1/refunds?payment_intent={payment_of(top_up)}")["data"]
    assert sorted(refund["amount"] for refund in back) == [500, CENTS - 500]


def test_a_chargeback_is_debited_once(stack: Stack, clients: Clients, stripe: LocalStripe) -> None:
    """Its events arrive several times and out of order, and forged ones are refused."""
    parent = make_company(clients, "disputed")
    top_up = begun(clients, parent)
    payment = payment_of(top_up)
    stripe.enter_card(top_up.client_secret)
    settled(clients, top_up.name)
    clients.call(clients.charging.Charge, charge(company=parent, idempotency_key="spent", amount_micros=AMOUNT))

    opened = dispute("dp_open", payment, "needs_response", cents=CENTS)
    forged = {
        "by another secret": card_payments.signed(opened, "whsec_of_another"),
        "of another body": card_payments.signed(opened + b" "),
        "overheard long ago": card_payments.signed(opened, age_seconds=3600),
        "no signature": "",
    }
    assert {why: post(stack, opened, header) for why, header in forged.items()} == dict.fromkeys(forged, 400)
    assert chargebacks(clients, parent) == []
    assert balance(clients, parent) == 0

    for _ in range(3):
        assert post(stack, opened) == 204
    assert balance(clients, parent) == -AMOUNT, "below the floor: it is gone"
    (chargeback,) = chargebacks(clients, parent)
    assert (chargeback.top_up, chargeback.state) == (top_up.name, top_up_pb2.Chargeback.STATE_OPEN)
    refund = top_up_pb2.RefundTopUpRequest(name=top_up.name, idempotency_key="r", reason="x", requested_by="ann")
    assert clients.refused(clients.top_ups.RefundTopUp, refund).reason == "TOP_UP_NOT_REFUNDABLE"

    for status in ("won", "needs_response", "warning_needs_response", "won"):
        assert post(stack, dispute("dp_open", payment, status, cents=CENTS)) == 204
    (chargeback,) = chargebacks(clients, parent)
    assert chargeback.state == top_up_pb2.Chargeback.STATE_WON
    assert chargeback.return_transaction
    assert balance(clients, parent) == 0


def test_a_chargeback_before_its_payment_credits_first(stack: Stack, clients: Clients, stripe: LocalStripe) -> None:
    parent = make_company(clients, "early")
    top_up = begun(clients, parent)
    stripe.enter_card(top_up.client_secret)
    assert post(stack, dispute("dp_early", payment_of(top_up), "lost", cents=CENTS)) == 204
    assert settled(clients, top_up.name).balance_after_micros == AMOUNT
    assert balance(clients, parent) == 0


def test_events_of_other_objects_are_accepted_and_ignored(stack: Stack, stripe: LocalStripe) -> None:
    """Else the provider would send it for days, and in the end nothing more."""
    refund = {"id": "re_none", "amount": 100, "currency": "eur", "status": "succeeded", "payment_intent": "pi_none"}
    for body in (
        event("refund.updated", {**refund, "metadata": {"refund": "companies/nobody/topUpRefunds/r"}}),
        event("refund.updated", {**refund, "metadata": {}}),
        event("charge.dispute.created", {**_DISPUTE, "payment_intent": None}),
        event("customer.created", {"id": "cus_1"}),
    ):
        assert post(stack, body) == 204, body
    assert post(stack, b"{") == 400


_DISPUTE = {"id": "dp_none", "amount": 100, "currency": "eur", "status": "needs_response", "reason": "general"}


def test_an_event_of_an_unknown_payment_is_refused(stack: Stack) -> None:
    """A key of another account, say: nothing is lost, and it is no fault of ours."""
    unknown = {"id": "pi_unknown", "status": "succeeded", "amount": 100, "currency": "eur"}
    assert post(stack, event("payment_intent.succeeded", unknown)) == 400


@pytest.mark.parametrize("away", ["postgres", "valkey"])
async def test_an_event_during_an_outage_of_a_store_is_refused(
    stack: Stack, clients: Clients, stripe: LocalStripe, away: str
) -> None:
    """The provider sends it again."""
    parent = make_company(clients, f"away-{away}")
    top_up = begun(clients, parent)
    intent = at_stripe(stripe, f"/v1/payment_intents/{payment_of(top_up)}")
    store = getattr(stack, away)
    store.kill()
    try:
        stripe.enter_card(top_up.client_secret)
        status = await asyncio.to_thread(post, stack, event("payment_intent.succeeded", intent))
        assert status == 503
    finally:
        await asyncio.to_thread(store.start)
    eventually(lambda: post(stack, event("payment_intent.succeeded", intent)) == 204)
    assert settled(clients, top_up.name).balance_after_micros == AMOUNT
    assert balance(clients, parent) == AMOUNT


def test_the_sweep_finds_a_payment_whose_event_was_lost(stack: Stack, clients: Clients, stripe: LocalStripe) -> None:
    parent = make_company(clients, "unheard")
    stripe.send_webhooks("tests", stack.admin_http_url + "/v1/nowhere", card_payments.SECRET, [])
    try:
        top_up = begun(clients, parent)
        stripe.enter_card(top_up.client_secret)
        with psycopg.connect(stack.database_url, autocommit=True) as database:
            database.execute("UPDATE top_ups SET look_at = %s WHERE company_id = 'unheard'", [datetime.now(UTC)])
        assert settled(clients, top_up.name).balance_after_micros == AMOUNT
    finally:
        card_payments.send_webhooks(stack, stripe)
