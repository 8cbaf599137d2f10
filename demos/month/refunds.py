"""Refunds: of an outage in bulk, by policy after a delivery report, by a decided case; and an adjustment."""

import time
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from demos.half_minute.gateways.answers import DemoFailed
from demos.half_minute.money import MICROS
from demos.month import traffic
from demos.month.demo import COMPANY, Demo
from demos.month.prices import CURRENCY, Product, money_text
from veloconnect.admin.v1 import adjustment_pb2, refund_pb2, transaction_pb2
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import REFUND_JOB

JOB = "outage-france"
TICKET = "carrier ticket 4711"
PAGE_SIZE = 1_000
SEGMENTS = 3
ADJUSTMENT = 5 * MICROS


def refund_outage(demo: Demo, campaign: str) -> None:
    """Refund all charges to the country whose carrier was down: preview the job, then run it."""
    names = set(demo.bulk_campaigns[campaign])
    expected = sum(demo.amounts[name] for name in names)
    preview = _job(demo, validate_only=True)
    (expected_amount,) = preview.expected_amounts
    _same("the job's preview", (preview.expected_count, expected_amount.amount_micros), (len(names), expected))
    demo.say(f"a carrier in FR was down. The preview of the bulk refund: {len(names)} charges, {money_text(expected)}")
    began = time.monotonic()
    _job(demo, validate_only=False)
    request = refund_pb2.GetRefundJobRequest(name=REFUND_JOB.name(JOB))

    def poll() -> refund_pb2.RefundJob | None:
        job: refund_pb2.RefundJob = demo.clients.call(demo.clients.refunds.GetRefundJob, request)
        return job if job.state == refund_pb2.RefundJob.STATE_SUCCEEDED else None

    job = demo.wait_for(JOB, poll)
    _same("the job", (job.refunded_count, job.failed_count), (len(names), 0))
    for row in _refunds(demo):
        if row.refunded_transaction not in names:
            demo.books.add_problem(f"{row.name} refunds {row.refunded_transaction}, which was no part of the outage")
        demo.books.post(row.idempotency_key, demo.amounts.pop(row.refunded_transaction, 0), row.name)
    demo.say(
        f"done by the job in {time.monotonic() - began:.1f} s: {job.refunded_count} refunds, {money_text(expected)}"
    )


def report_deliveries(demo: Demo) -> str:
    """Report a message as delivered in part, and one as failed; return the refund case of the second."""
    product, call = Product.SMS_GERMANY, demo.clients.call
    lost = traffic.charge(demo, "reminder-1", product, SEGMENTS)
    report = charging_pb2.ReportDeliveryRequest(
        transaction=lost,
        status=wallet_pb2.DELIVERY_STATUS_PARTIALLY_DELIVERED,
        carrier_code="503",
        delivered_count=1,
        total_count=SEGMENTS,
    )
    answer = call(demo.clients.charging.ReportDelivery, report)
    back = product.cost(SEGMENTS - 1)
    demo.books.post(answer.refund_transaction.idempotency_key, back, answer.refund_transaction.name)
    demo.say(
        f"a carrier reports 503, 1 of {SEGMENTS} segments delivered: {money_text(back)} are refunded by policy, at once"
    )

    unknown = traffic.charge(demo, "reminder-2", product, SEGMENTS)
    report = charging_pb2.ReportDeliveryRequest(
        transaction=unknown, status=wallet_pb2.DELIVERY_STATUS_FAILED, carrier_code="404"
    )
    case: str = call(demo.clients.charging.ReportDelivery, report).refund_case
    demo.say("another reports 404, number unknown: no rule refunds that, so a case is opened")
    return case


def decide(demo: Demo, case: str) -> None:
    """Decide the case as a person does: refund one segment."""
    decision = refund_pb2.RefundDecision(
        verdict=refund_pb2.RefundDecision.VERDICT_REFUND,
        amount_micros=Product.SMS_GERMANY.cost(),
        reason=refund_pb2.REFUND_REASON_GOODWILL,
        decided_by="support",
        note="an old customer; the list is cleaned now",
    )
    request = refund_pb2.DecideRefundCaseRequest(name=case, decision=decision)
    decided = demo.clients.call(demo.clients.refunds.DecideRefundCase, request)
    demo.record_row(decided.refund_transaction, decision.amount_micros)
    demo.say(f"a person decides the case: {money_text(decision.amount_micros)} back, as goodwill")


def adjust(demo: Demo) -> None:
    """Adjust the balance: a preview first, and the amount as text against typing errors."""
    clients = demo.clients
    adjustment = adjustment_pb2.Adjustment(
        amount_micros=ADJUSTMENT,
        amount_text=money_text(ADJUSTMENT),
        currency_code=CURRENCY,
        reason="welcome bonus, promised by phone",
        requested_by="sales",
    )
    request = adjustment_pb2.CreateAdjustmentRequest(
        parent=COMPANY, idempotency_key="bonus", adjustment=adjustment, validate_only=True
    )
    would_be = clients.call(clients.adjustments.CreateAdjustment, request).balance_after_micros
    _same("the preview", would_be, demo.books.balance + ADJUSTMENT)
    request.validate_only = False
    done = clients.call(clients.adjustments.CreateAdjustment, request)
    demo.books.post("bonus", ADJUSTMENT, done.transaction)
    demo.say(f"an adjustment, previewed first: {done.amount_text}, {done.reason!r}")


def _job(demo: Demo, *, validate_only: bool) -> refund_pb2.RefundJob:
    end = Timestamp()
    end.FromDatetime(datetime.now(UTC))
    start = Timestamp()
    start.FromDatetime(demo.began)
    job = refund_pb2.RefundJob(
        filter=refund_pb2.RefundFilter(
            company=COMPANY,
            start_time=start,
            end_time=end,
            channel=wallet_pb2.CHANNEL_SMS,
            country_code="FR",
        ),
        reason=refund_pb2.REFUND_REASON_CARRIER_OUTAGE,
        requested_by="operations",
        reference=TICKET,
    )
    settings = refund_pb2.CreateRefundJobSettings(refund_job_id=JOB, refund_job=job, validate_only=validate_only)
    part = refund_pb2.CreateRefundJobRequest(settings=settings)
    made: refund_pb2.RefundJob = demo.clients.stream(demo.clients.refunds.CreateRefundJob, [part])
    return made


def _refunds(demo: Demo) -> list[wallet_pb2.Transaction]:
    """Return the transactions of the job, by its reference."""
    rows: list[wallet_pb2.Transaction] = []
    request = transaction_pb2.ListTransactionsRequest(
        parent=COMPANY, page_size=PAGE_SIZE, filter=transaction_pb2.TransactionFilter(reference=TICKET)
    )
    while True:
        page = demo.clients.call(demo.clients.transactions.ListTransactions, request)
        rows += page.transactions
        if not page.next_page_token:
            return rows
        request.page_token = page.next_page_token


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise DemoFailed(f"{what} says {found}, expected {expected}")
