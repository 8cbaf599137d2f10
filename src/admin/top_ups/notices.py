"""Notices to companies about top-ups, refunds and chargebacks: each is an event, and a mail if it has a template."""

from admin.notices.domain import Notice
from admin.notices.event_types import EventType
from admin.top_ups.chargeback_domain import Chargeback
from admin.top_ups.domain import TopUp, TopUpMethod
from admin.top_ups.refund_domain import TopUpRefund
from wallet.domain.money import format_money
from wallet.domain.resource_names import CHARGEBACK, TOP_UP, TOP_UP_REFUND, TRANSACTION


def _top_up_data(top_up: TopUp) -> dict[str, str | int]:
    return {
        "top_up": TOP_UP.name(top_up.company, top_up.id),
        "amount_micros": top_up.amount if top_up.cleared is None else top_up.cleared,
        "currency_code": top_up.currency,
        "method": f"METHOD_{top_up.method.name}",
    }


def succeeded(top_up: TopUp) -> Notice:
    """Return the notice that a top-up is credited. Only a bank transfer has a mail."""
    assert top_up.cleared is not None
    assert top_up.balance_after is not None
    assert top_up.entry_number is not None
    return Notice(
        top_up.company,
        f"top-up-succeeded-{top_up.id}",
        EventType.TOP_UP_SUCCEEDED,
        {**_top_up_data(top_up), "transaction": TRANSACTION.name(top_up.company, top_up.entry_number)},
        # The result of a card payment is visible at once; a transfer takes days.
        "top_up_received" if top_up.method is TopUpMethod.BANK_TRANSFER else "",
        {
            "amount": format_money(top_up.cleared, top_up.currency),
            "balance": format_money(top_up.balance_after, top_up.currency),
            "payment_reference": top_up.payment_reference,
        },
    )


def failed(top_up: TopUp) -> Notice:
    """Return the notice that a top-up has failed. Only a bank transfer has a mail."""
    return Notice(
        top_up.company,
        f"top-up-failed-{top_up.id}",
        EventType.TOP_UP_FAILED,
        {**_top_up_data(top_up), "failure_code": top_up.failure_code},
        "top_up_failed" if top_up.method is TopUpMethod.BANK_TRANSFER else "",
        {
            "amount": format_money(top_up.amount, top_up.currency),
            "payment_reference": top_up.payment_reference,
            "why": top_up.failure_message,
        },
    )


def refunded(refund: TopUpRefund) -> Notice:
    """Return the notice that a top-up, or a part of it, is refunded."""
    return Notice(
        refund.company,
        f"top-up-refunded-{refund.id}",
        EventType.TOP_UP_REFUNDED,
        {
            "top_up": TOP_UP.name(refund.company, refund.top_up),
            "top_up_refund": TOP_UP_REFUND.name(refund.company, refund.id),
            "amount_micros": refund.amount,
            "currency_code": refund.currency,
            "reason": refund.reason,
        },
        "top_up_refunded",
        {"amount": format_money(refund.amount, refund.currency)},
    )


def _chargeback_data(chargeback: Chargeback) -> dict[str, str | int]:
    return {
        "chargeback": CHARGEBACK.name(chargeback.company, chargeback.id),
        "top_up": TOP_UP.name(chargeback.company, chargeback.top_up),
        "amount_micros": chargeback.amount,
        "currency_code": chargeback.currency,
    }


def disputed(chargeback: Chargeback) -> Notice:
    """Return the notice that a top-up is charged back."""
    return Notice(
        chargeback.company,
        f"chargeback-{chargeback.id}",
        EventType.TOP_UP_DISPUTED,
        {**_chargeback_data(chargeback), "reason": chargeback.reason},
        "chargeback",
        {"amount": format_money(chargeback.amount, chargeback.currency)},
    )


def dispute_closed(chargeback: Chargeback) -> Notice:
    """Return the notice that a chargeback is won or lost."""
    return Notice(
        chargeback.company,
        f"chargeback-closed-{chargeback.id}",
        EventType.DISPUTE_CLOSED,
        {**_chargeback_data(chargeback), "state": f"STATE_{chargeback.state.name}"},
        f"chargeback_{chargeback.state.name.lower()}",
        {"amount": format_money(chargeback.amount, chargeback.currency)},
    )
