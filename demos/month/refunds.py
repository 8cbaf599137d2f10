"""Money back: an outage in bulk, what was not delivered by policy, a case by a person; and a correction by hand."""

import time
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from demos.half_minute.gateways.answers import Refused
from demos.half_minute.money import MICROS
from demos.month import traffic
from demos.month.demo import COMPANY, Stage
from demos.month.prices import CURRENCY, Sold, told
from veloconnect.admin.v1 import adjustment_pb2, refund_pb2, transaction_pb2
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import REFUND_JOB

JOB = "outage-france"
TICKET = "carrier ticket 4711"
PAGE = 1_000
SEGMENTS = 3
ADJUSTMENT = 5 * MICROS


def refund_outage(stage: Stage, campaign: str) -> None:
    """Refund all charges to the country whose carrier was down: ask first, then have a job do it."""
    names = set(stage.bulk_campaigns[campaign])
    expected = sum(stage.amounts[name] for name in names)
    asked = _job(stage, validate_only=True)
    (sum_,) = asked.expected_amounts
    _same("the job's preview", (asked.expected_count, sum_.amount_micros), (len(names), expected))
    stage.say(f"a carrier in FR was down. Asked first, the bulk refund says {len(names)} charges, {told(expected)}")
    began = time.monotonic()
    _job(stage, validate_only=False)
    request = refund_pb2.GetRefundJobRequest(name=REFUND_JOB.name(JOB))

    def look() -> refund_pb2.RefundJob | None:
        job: refund_pb2.RefundJob = stage.clients.ask(stage.clients.refunds.GetRefundJob, request)
        return job if job.state == refund_pb2.RefundJob.STATE_SUCCEEDED else None

    job = stage.wait(JOB, look)
    _same("the job", (job.refunded_count, job.failed_count), (len(names), 0))
    for row in _refunds(stage):
        if row.refunded_transaction not in names:
            stage.books.complain(f"{row.name} refunds {row.refunded_transaction}, which was no part of the outage")
        stage.books.post(row.idempotency_key, stage.amounts.pop(row.refunded_transaction, 0), row.name)
    stage.say(f"done by the job in {time.monotonic() - began:.1f} s: {job.refunded_count} refunds, {told(expected)}")


def report_deliveries(stage: Stage) -> str:
    """Report a message of which one segment arrived, and one that reached nobody; return the case of that one."""
    sold, ask = Sold.SMS_GERMANY, stage.clients.ask
    lost = traffic.charge(stage, "reminder-1", sold, SEGMENTS)
    report = charging_pb2.ReportDeliveryRequest(
        transaction=lost,
        status=wallet_pb2.DELIVERY_STATUS_PARTIALLY_DELIVERED,
        carrier_code="503",
        delivered_count=1,
        total_count=SEGMENTS,
    )
    answer = ask(stage.clients.charging.ReportDelivery, report)
    back = sold.cost(SEGMENTS - 1)
    stage.books.post(answer.refund_transaction.idempotency_key, back, answer.refund_transaction.name)
    stage.say(
        f"a carrier reports 503, 1 of {SEGMENTS} segments delivered: {told(back)} are refunded by policy, at once"
    )

    unknown = traffic.charge(stage, "reminder-2", sold, SEGMENTS)
    report = charging_pb2.ReportDeliveryRequest(
        transaction=unknown, status=wallet_pb2.DELIVERY_STATUS_FAILED, carrier_code="404"
    )
    case: str = ask(stage.clients.charging.ReportDelivery, report).refund_case
    stage.say("another reports 404, number unknown: no rule refunds that, so a case is opened")
    return case


def decide(stage: Stage, case: str) -> None:
    """Give one segment back, as a person does."""
    decision = refund_pb2.RefundDecision(
        verdict=refund_pb2.RefundDecision.VERDICT_REFUND,
        amount_micros=Sold.SMS_GERMANY.cost(),
        reason=refund_pb2.REFUND_REASON_GOODWILL,
        decided_by="support",
        note="an old customer; the list is cleaned now",
    )
    request = refund_pb2.DecideRefundCaseRequest(name=case, decision=decision)
    decided = stage.clients.ask(stage.clients.refunds.DecideRefundCase, request)
    stage.post_row(decided.refund_transaction, decision.amount_micros)
    stage.say(f"a person decides the case: {told(decision.amount_micros)} back, as goodwill")


def adjust(stage: Stage) -> None:
    """Correct the balance by hand, tried first, with the amount in words against slips."""
    clients = stage.clients
    adjustment = adjustment_pb2.Adjustment(
        amount_micros=ADJUSTMENT,
        amount_text=told(ADJUSTMENT),
        currency_code=CURRENCY,
        reason="welcome bonus, promised by phone",
        requested_by="sales",
    )
    request = adjustment_pb2.CreateAdjustmentRequest(
        parent=COMPANY, idempotency_key="bonus", adjustment=adjustment, validate_only=True
    )
    would_be = clients.ask(clients.adjustments.CreateAdjustment, request).balance_after_micros
    _same("the preview", would_be, stage.books.balance + ADJUSTMENT)
    request.validate_only = False
    done = clients.ask(clients.adjustments.CreateAdjustment, request)
    stage.books.post("bonus", ADJUSTMENT, done.transaction)
    stage.say(f"a correction by hand, tried first: {done.amount_text}, {done.reason!r}")


def _job(stage: Stage, *, validate_only: bool) -> refund_pb2.RefundJob:
    end = Timestamp()
    end.FromDatetime(datetime.now(UTC))
    start = Timestamp()
    start.FromDatetime(stage.began)
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
    made: refund_pb2.RefundJob = stage.clients.stream(stage.clients.refunds.CreateRefundJob, [part])
    return made


def _refunds(stage: Stage) -> list[wallet_pb2.Transaction]:
    """Return the job's rows, by the ticket that it was given."""
    rows: list[wallet_pb2.Transaction] = []
    request = transaction_pb2.ListTransactionsRequest(
        parent=COMPANY, page_size=PAGE, filter=transaction_pb2.TransactionFilter(reference=TICKET)
    )
    while True:
        page = stage.clients.ask(stage.clients.transactions.ListTransactions, request)
        rows += page.transactions
        if not page.next_page_token:
            return rows
        request.page_token = page.next_page_token


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise Refused(f"{what} says {found}, expected {expected}")
