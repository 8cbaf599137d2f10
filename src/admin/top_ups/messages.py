"""Top-ups, their refunds, chargebacks and cards: to messages, and from them."""

from typing import cast

from admin.payments.amounts import check_bound, check_text, check_whole
from admin.payments.port import Card
from admin.top_ups.chargeback_domain import Chargeback
from admin.top_ups.domain import NewTopUp, TopUp, TopUpMethod
from admin.top_ups.refund_domain import NewTopUpRefund, TopUpRefund
from server.fingerprint import fingerprint
from server.rejections import invalid
from server.wire import timestamp
from veloconnect.admin.v1 import top_up_pb2
from wallet.domain.commands import Kind
from wallet.domain.money import format_money
from wallet.domain.resource_names import CHARGEBACK, COMPANY, PAYMENT_METHOD, TOP_UP, TOP_UP_REFUND, TRANSACTION


def new_top_up_of(request: top_up_pb2.CreateTopUpRequest, *, bound: int) -> NewTopUp:
    """Return the top-up in a request. A manual one is at most `bound` micros. Raises InvalidRequest."""
    requested = request.top_up
    company = COMPANY.parse(request.parent)
    method = TopUpMethod(int(requested.method))
    check_text("top_up.amount_text", requested.amount_micros, requested.currency_code, requested.amount_text)
    if method is TopUpMethod.MANUAL:
        check_bound("top_up.amount_micros", requested.amount_micros, requested.currency_code, bound)
    if method is TopUpMethod.BANK_TRANSFER:
        check_whole("top_up.amount_micros", requested.amount_micros, requested.currency_code)
    if requested.save_payment_method and method is not TopUpMethod.CARD:
        raise invalid("top_up.save_payment_method", "goes with METHOD_CARD: only a card that is entered can be saved")
    card = ""
    if method is TopUpMethod.SAVED_CARD:
        if not requested.payment_method:
            raise invalid("top_up.payment_method", "is required with METHOD_SAVED_CARD: see ListPaymentMethods")
        of, card = PAYMENT_METHOD.parse(requested.payment_method)
        if of != company:
            raise invalid("top_up.payment_method", f"must be a card of {request.parent}")
    elif requested.payment_method:
        raise invalid("top_up.payment_method", "goes with METHOD_SAVED_CARD")
    return NewTopUp(
        company,
        request.idempotency_key,
        fingerprint(Kind.TOP_UP, _client_fields(request)),
        method,
        requested.amount_micros,
        requested.currency_code,
        reference=requested.reference,
        requested_by=requested.requested_by,
        card=card,
        save_card=requested.save_payment_method,
    )


def _client_fields(request: top_up_pb2.CreateTopUpRequest) -> top_up_pb2.CreateTopUpRequest:
    """Return the request without the fields that the service fills, which a caller may send back."""
    requested = request.top_up
    return top_up_pb2.CreateTopUpRequest(
        parent=request.parent,
        idempotency_key=request.idempotency_key,
        top_up=top_up_pb2.TopUp(
            amount_micros=requested.amount_micros,
            currency_code=requested.currency_code,
            method=requested.method,
            reference=requested.reference,
            payment_method=requested.payment_method,
            save_payment_method=requested.save_payment_method,
            requested_by=requested.requested_by,
        ),
    )


def top_up_message(top_up: TopUp) -> top_up_pb2.TopUp:
    """Return the message of a top-up."""
    message = top_up_pb2.TopUp(
        name=TOP_UP.name(top_up.company, top_up.id),
        amount_micros=top_up.amount,
        amount_text=format_money(top_up.amount, top_up.currency),
        currency_code=top_up.currency,
        method=cast("top_up_pb2.TopUp.Method", int(top_up.method)),
        reference=top_up.reference,
        state=cast("top_up_pb2.TopUp.State", int(top_up.state)),
        create_time=timestamp(top_up.created_at),
        update_time=timestamp(top_up.updated_at),
        payment_method=PAYMENT_METHOD.name(top_up.company, top_up.card) if top_up.card else "",
        save_payment_method=top_up.save_card,
        client_secret=top_up.client_secret,
        payment_reference=top_up.payment_reference,
        refunded_amount_micros=top_up.refunded,
        failure_code=top_up.failure_code,
        failure_message=top_up.failure_message,
        automatic=top_up.automatic,
        requested_by=top_up.requested_by,
    )
    if top_up.paid_with is not None:
        message.card_brand, message.card_last4 = top_up.paid_with.brand, top_up.paid_with.last4
    if top_up.entry_number is not None and top_up.cleared is not None and top_up.balance_after is not None:
        message.transaction = TRANSACTION.name(top_up.company, top_up.entry_number)
        message.balance_after_micros = top_up.balance_after
        message.cleared_amount_micros = top_up.cleared
        message.cleared_amount_text = format_money(top_up.cleared, top_up.currency)
    return message


def new_refund_of(request: top_up_pb2.RefundTopUpRequest) -> NewTopUpRefund:
    """Return the refund in a request."""
    company, top_up = TOP_UP.parse(request.name)
    return NewTopUpRefund(
        company,
        request.idempotency_key,
        fingerprint(Kind.ADJUSTMENT, request),
        top_up,
        request.amount_micros if request.HasField("amount_micros") else None,
        request.reason,
        request.requested_by,
    )


def refund_message(refund: TopUpRefund) -> top_up_pb2.TopUpRefund:
    """Return the message of a refund of a top-up."""
    return top_up_pb2.TopUpRefund(
        name=TOP_UP_REFUND.name(refund.company, refund.id),
        top_up=TOP_UP.name(refund.company, refund.top_up),
        state=cast("top_up_pb2.TopUpRefund.State", int(refund.state)),
        amount_micros=refund.amount,
        amount_text=format_money(refund.amount, refund.currency),
        currency_code=refund.currency,
        reason=refund.reason,
        requested_by=refund.requested_by,
        transaction=_transaction(refund.company, refund.debit_number),
        return_transaction=_transaction(refund.company, refund.return_number),
        failure_code=refund.failure_code,
        create_time=timestamp(refund.created_at),
        update_time=timestamp(refund.updated_at),
    )


def chargeback_message(chargeback: Chargeback) -> top_up_pb2.Chargeback:
    """Return the message of a chargeback."""
    return top_up_pb2.Chargeback(
        name=CHARGEBACK.name(chargeback.company, chargeback.id),
        top_up=TOP_UP.name(chargeback.company, chargeback.top_up),
        state=cast("top_up_pb2.Chargeback.State", int(chargeback.state)),
        amount_micros=chargeback.amount,
        amount_text=format_money(chargeback.amount, chargeback.currency),
        currency_code=chargeback.currency,
        reason=chargeback.reason,
        transaction=_transaction(chargeback.company, chargeback.debit_number),
        return_transaction=_transaction(chargeback.company, chargeback.credit_number),
        create_time=timestamp(chargeback.created_at),
        update_time=timestamp(chargeback.updated_at),
    )


def card_message(company: str, card: Card) -> top_up_pb2.PaymentMethod:
    """Return the message of a saved card."""
    return top_up_pb2.PaymentMethod(
        name=PAYMENT_METHOD.name(company, card.id),
        card_brand=card.brand,
        card_last4=card.last4,
        expiry_month=card.expiry_month,
        expiry_year=card.expiry_year,
    )


def _transaction(company: str, number: int | None) -> str:
    return "" if number is None else TRANSACTION.name(company, number)
