"""Requests of RefundService and delivery reports that must be refused."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from tests.acceptance.bad_requests.makers import MICROS_MAX, UNKNOWN, BadRequest, RefusedRequest, charge, forged
from tests.support.clients import Clients
from veloconnect.admin.v1 import refund_pb2
from veloconnect.charging.v1 import charging_pb2
from veloconnect.wallet.v1 import wallet_pb2

TOP_UP = "companies/bad/transactions/1"
CHARGED = "companies/bad/transactions/7"
"""The charge "charged" of test_bad_input.py, of one micro; `settle` sees to it that it is."""
NONE = "companies/bad/transactions/999"
FAILED, PARTLY, DELIVERED = (
    wallet_pb2.DELIVERY_STATUS_FAILED,
    wallet_pb2.DELIVERY_STATUS_PARTIALLY_DELIVERED,
    wallet_pb2.DELIVERY_STATUS_DELIVERED,
)
GOODWILL = refund_pb2.REFUND_REASON_GOODWILL
REJECT = refund_pb2.RefundDecision.VERDICT_REJECT
REFUND = refund_pb2.RefundDecision.VERDICT_REFUND


def refund(*, parent: str = "companies/bad", key: str = "new", **fields: Any) -> refund_pb2.CreateRefundRequest:
    """Return a refund that would be made, but for the fields that are given."""
    good = {"transaction": CHARGED, "amount_micros": 1, "reason": GOODWILL, "requested_by": "ann"}
    values = {name: value for name, value in {**good, **fields}.items() if value is not None}
    return refund_pb2.CreateRefundRequest(
        parent=parent, idempotency_key=key, refund=refund_pb2.Refund(**values), validate_only=False
    )


def previewed(**fields: Any) -> refund_pb2.CreateRefundRequest:
    """Return a refund that is only validated."""
    request = refund(**fields)
    request.validate_only = True
    return request


def job(refund_job_id: str = "new", *, filter_: dict[str, Any] | None = None, **fields: Any) -> Any:
    """Return the settings of a job that would be made."""
    good = {"reason": GOODWILL, "requested_by": "ann"}
    where = {"company": "companies/bad", "start_time": at(1), "end_time": at(2), **(filter_ or {})}
    asked = refund_pb2.RefundJob(
        filter=refund_pb2.RefundFilter(**{name: value for name, value in where.items() if value is not None}),
        **{**good, **fields},
    )
    return refund_pb2.CreateRefundJobRequest(
        settings=refund_pb2.CreateRefundJobSettings(refund_job_id=refund_job_id, refund_job=asked)
    )


def names(*transactions: str) -> refund_pb2.CreateRefundJobRequest:
    """Return a message with the names of charges."""
    return refund_pb2.CreateRefundJobRequest(names=refund_pb2.TransactionNames(transactions=transactions))


def at(seconds: int) -> Timestamp:
    """Return a time."""
    return Timestamp(seconds=seconds)


def policy(name: str = "", **rule: Any) -> refund_pb2.UpdateRefundPolicyRequest:
    """Return a policy of one rule."""
    good = {"carrier_code": "500", "action": refund_pb2.RefundRule.ACTION_REFUND}
    return refund_pb2.UpdateRefundPolicyRequest(
        refund_policy=refund_pb2.RefundPolicy(name=name, rules=[refund_pb2.RefundRule(**{**good, **rule})])
    )


def case(refund_case_id: str = "new", *, parent: str = "companies/bad", **fields: Any) -> Any:
    """Return the opening of a case."""
    good = {"transaction": CHARGED, "description": "Nothing came.", "requested_by": "carl"}
    return refund_pb2.CreateRefundCaseRequest(
        parent=parent, refund_case_id=refund_case_id, refund_case=refund_pb2.RefundCase(**{**good, **fields})
    )


def decide(name: str = "companies/bad/refundCases/open", **fields: Any) -> refund_pb2.DecideRefundCaseRequest:
    """Return a decision."""
    good = {"verdict": REFUND, "reason": GOODWILL, "decided_by": "bob"}
    return refund_pb2.DecideRefundCaseRequest(name=name, decision=refund_pb2.RefundDecision(**{**good, **fields}))


def cases(token: str = "", **fields: Any) -> refund_pb2.ListRefundCasesRequest:
    """Return the listing of cases."""
    return refund_pb2.ListRefundCasesRequest(**{"parent": "companies/bad", "page_token": token, **fields})


def report(**fields: Any) -> charging_pb2.ReportDeliveryRequest:
    """Return a report that would open a case."""
    return charging_pb2.ReportDeliveryRequest(**{"transaction": CHARGED, "status": FAILED, **fields})


def settle(clients: Clients) -> None:
    """Make what these requests speak of: a job, an open case, and one that is rejected."""
    recorded = clients.call(clients.charging.Charge, charge(idempotency_key="charged")).transaction
    assert (recorded.name, recorded.amount_micros) == (CHARGED, -1)
    clients.call(clients.refunds.CreateRefundJob, iter([job("none", filter_={"company": "companies/empty"})]))
    while clients.call(clients.refunds.GetRefundJob, got("none")).state == refund_pb2.RefundJob.STATE_RUNNING:
        pass
    for each in ("open", "rejected"):
        clients.call(clients.refunds.CreateRefundCase, case(each))
    clients.call(
        clients.refunds.DecideRefundCase, decide("companies/bad/refundCases/rejected", verdict=REJECT, reason=0)
    )


def got(job_: str) -> refund_pb2.GetRefundJobRequest:
    """Return the reading of a job."""
    return refund_pb2.GetRefundJobRequest(name=f"refundJobs/{job_}")


_FILTER = "settings.refund_job.filter"
_BAD_JOBS: dict[str, tuple[list[Any], str]] = {
    "of no message": ([], "settings"),
    "of names only": ([names(CHARGED)], "settings"),
    "of settings twice": ([job(), job()], "settings"),
    "of a bad id": ([job("A b")], "settings.refund_job_id"),
    "without a reason": ([job(reason=0)], "settings.refund_job.reason"),
    "without a requester": ([job(requested_by="")], "settings.refund_job.requested_by"),
    "without a start": ([job(filter_={"start_time": None})], f"{_FILTER}.start_time"),
    "without an end": ([job(filter_={"end_time": None})], f"{_FILTER}.end_time"),
    "from its end to its start": ([job(filter_={"start_time": at(2)})], f"{_FILTER}.end_time"),
    "of what is to come": ([job(filter_={"end_time": at(10**11)})], f"{_FILTER}.end_time"),
    "of no country": ([job(filter_={"country_code": "QX"})], f"{_FILTER}.country_code"),
    "of an unknown channel": ([job(filter_={"channel": 77})], f"{_FILTER}.channel"),
    "of a bad company": ([job(filter_={"company": "bad"})], f"{_FILTER}.company"),
    "by names and a time": ([job(), names(CHARGED)], f"{_FILTER}.start_time"),
    "of what has no name": (
        [job(filter_={"start_time": None, "end_time": None}), names(CHARGED, "7")],
        "names.transactions[1]",
    ),
    "of another company's charges": (
        [job(filter_={"start_time": None, "end_time": None}), names("companies/full/transactions/1")],
        "names.transactions[0]",
    ),
    "of no names": ([job(), names()], "names.transactions"),
}
"""Case → the messages of a refund job, and the invalid field."""

BAD: dict[str, BadRequest] = {
    **{f"job {what}": ("refunds.CreateRefundJob", parts, field) for what, (parts, field) in _BAD_JOBS.items()},
    **{
        f"refund {what}": ("refunds.CreateRefund", request, field)
        for what, (request, field) in {
            "missing": (refund_pb2.CreateRefundRequest(parent="companies/bad", idempotency_key="new"), "refund"),
            "under no key": (refund(key=""), "idempotency_key"),
            "under a key of the service's own": (refund(key="~case:1"), "idempotency_key"),
            "of nothing": (refund(amount_micros=0), "refund.amount_micros"),
            "of less than nothing": (refund(amount_micros=-1), "refund.amount_micros"),
            "out of range": (refund(amount_micros=MICROS_MAX + 1), "refund.amount_micros"),
            "without a charge": (refund(transaction=""), "refund.transaction"),
            "of transaction zero": (refund(transaction="companies/bad/transactions/0"), "refund.transaction"),
            "of another company's charge": (refund(transaction="companies/full/transactions/1"), "refund.transaction"),
            "without a reason": (refund(reason=0), "refund.reason"),
            "for an unknown reason": (refund(reason=99), "refund.reason"),
            "without a requester": (refund(requested_by=""), "refund.requested_by"),
            "asked for by the service": (refund(requested_by="~refund-policy"), "refund.requested_by"),
            "asked for with a line end": (refund(requested_by="ann\n"), "refund.requested_by"),
            "with NUL in its reference": (refund(reference="a\0"), "refund.reference"),
            "by amount and counts": (refund(delivered_count=1, total_count=2), "refund.amount_micros"),
            "of some of none": (refund(amount_micros=None, delivered_count=1), "refund.total_count"),
            "of none of some": (refund(amount_micros=None, total_count=1), "refund.delivered_count"),
            "of all that came": (
                refund(amount_micros=None, delivered_count=2, total_count=2),
                "refund.delivered_count",
            ),
            "of 0 of 0": (refund(amount_micros=None, delivered_count=0, total_count=0), "refund.total_count"),
        }.items()
    },
    "refund read by a bad name": (
        "refunds.GetRefund",
        refund_pb2.GetRefundRequest(name="companies/bad/transactions/1"),
        "name",
    ),
    "job of a bad name": ("refunds.GetRefundJob", refund_pb2.GetRefundJobRequest(name="refundJobs/A"), "name"),
    "job canceled by no name": ("refunds.CancelRefundJob", refund_pb2.CancelRefundJobRequest(), "name"),
    "jobs by garbage": ("refunds.ListRefundJobs", refund_pb2.ListRefundJobsRequest(page_token="%"), "page_token"),
    "jobs by a negative page size": (
        "refunds.ListRefundJobs",
        refund_pb2.ListRefundJobsRequest(page_size=-1),
        "page_size",
    ),
    "policy of another name": ("refunds.UpdateRefundPolicy", policy("policies/1"), "refund_policy.name"),
    "policy read by no name": ("refunds.GetRefundPolicy", refund_pb2.GetRefundPolicyRequest(), "name"),
    "policy that is missing": (
        "refunds.UpdateRefundPolicy",
        refund_pb2.UpdateRefundPolicyRequest(),
        "refund_policy",
    ),
    "rule without a code": (
        "refunds.UpdateRefundPolicy",
        policy(carrier_code=""),
        "refund_policy.rules[0].carrier_code",
    ),
    "rule with a star inside": (
        "refunds.UpdateRefundPolicy",
        policy(carrier_code="5*0"),
        "refund_policy.rules[0].carrier_code",
    ),
    "rule that says nothing": ("refunds.UpdateRefundPolicy", policy(action=0), "refund_policy.rules[0].action"),
    "rule for an unknown channel": ("refunds.UpdateRefundPolicy", policy(channel=77), "refund_policy.rules[0].channel"),
    "case of a bad id": ("refunds.CreateRefundCase", case("~delivery-1"), "refund_case_id"),
    "case that is missing": (
        "refunds.CreateRefundCase",
        refund_pb2.CreateRefundCaseRequest(parent="companies/bad", refund_case_id="new"),
        "refund_case",
    ),
    "case about nothing": ("refunds.CreateRefundCase", case(description=""), "refund_case.description"),
    "case with an escape": ("refunds.CreateRefundCase", case(description="\x1b[0m"), "refund_case.description"),
    "case without a requester": ("refunds.CreateRefundCase", case(requested_by=""), "refund_case.requested_by"),
    "case of another company's charge": (
        "refunds.CreateRefundCase",
        case(transaction="companies/full/transactions/1"),
        "refund_case.transaction",
    ),
    "case of a bad name": (
        "refunds.GetRefundCase",
        refund_pb2.GetRefundCaseRequest(name="companies/bad/refundCases/"),
        "name",
    ),
    "cases of a bad name": ("refunds.ListRefundCases", cases(parent="companies/*"), "parent"),
    "cases in an unknown state": ("refunds.ListRefundCases", cases(state=77), "state"),
    "cases of another company's charge": (
        "refunds.ListRefundCases",
        cases(transaction="companies/full/transactions/1"),
        "transaction",
    ),
    "cases by the token of another list": (
        "refunds.ListRefundCases",
        cases(forged("companies/bad/refundCases/1/ 1")),
        "page_token",
    ),
    "decision that is missing": (
        "refunds.DecideRefundCase",
        refund_pb2.DecideRefundCaseRequest(name="companies/bad/refundCases/open"),
        "decision",
    ),
    "decision of nothing": ("refunds.DecideRefundCase", decide(verdict=0), "decision.verdict"),
    "decision without a reason": ("refunds.DecideRefundCase", decide(reason=0), "decision.reason"),
    "decision without a decider": ("refunds.DecideRefundCase", decide(decided_by=""), "decision.decided_by"),
    "decision of an amount of nothing": ("refunds.DecideRefundCase", decide(amount_micros=0), "decision.amount_micros"),
    "rejection with an amount": (
        "refunds.DecideRefundCase",
        decide(verdict=REJECT, reason=0, amount_micros=1),
        "decision.amount_micros",
    ),
    "rejection with a reason": ("refunds.DecideRefundCase", decide(verdict=REJECT), "decision.reason"),
    **{
        f"report {what}": ("charging.ReportDelivery", request, field)
        for what, (request, field) in {
            "of nothing": (report(transaction=""), "transaction"),
            "without a status": (report(status=0), "status"),
            "of an unknown status": (report(status=77), "status"),
            "with a space in its code": (report(carrier_code="5 0"), "carrier_code"),
            "of some without counts": (report(status=PARTLY), "delivered_count"),
            "of some that are none": (report(status=PARTLY, delivered_count=0, total_count=2), "delivered_count"),
            "of some that are all": (report(status=PARTLY, delivered_count=2, total_count=2), "delivered_count"),
            "of some of no number": (report(status=PARTLY, delivered_count=2), "total_count"),
            "of all that are some": (report(status=DELIVERED, delivered_count=1, total_count=2), "delivered_count"),
            "of none that are some": (report(delivered_count=1, total_count=2), "delivered_count"),
            "of a total of none": (report(total_count=0), "total_count"),
        }.items()
    },
}
"""Case → method, request, invalid field."""

REFUSED: dict[str, RefusedRequest] = {
    "refund of a top-up": ("refunds.CreateRefund", refund(transaction=TOP_UP), "TRANSACTION_NOT_FOUND"),
    "refund of what is left of a top-up": (
        "refunds.CreateRefund",
        refund(transaction=TOP_UP, amount_micros=None),
        "TRANSACTION_NOT_FOUND",
    ),
    "preview of a refund of nothing there": (
        "refunds.CreateRefund",
        previewed(transaction=NONE),
        "TRANSACTION_NOT_FOUND",
    ),
    "refund above the charge": ("refunds.CreateRefund", refund(amount_micros=2), "REFUND_EXCEEDS_CHARGE"),
    "preview above the charge": ("refunds.CreateRefund", previewed(amount_micros=2), "REFUND_EXCEEDS_CHARGE"),
    "refund of an unknown company": (
        "refunds.CreateRefund",
        refund(parent=UNKNOWN, transaction=f"{UNKNOWN}/transactions/1"),
        "COMPANY_NOT_FOUND",
    ),
    "refund under a charge's key": ("refunds.CreateRefund", refund(key="charged"), "IDEMPOTENCY_KEY_REUSED"),
    "refund of all that is left under a charge's key": (
        "refunds.CreateRefund",
        refund(key="charged", amount_micros=None),
        "IDEMPOTENCY_KEY_REUSED",
    ),
    "refund read that is a charge": (
        "refunds.GetRefund",
        refund_pb2.GetRefundRequest(name="companies/bad/refunds/7"),
        "TRANSACTION_NOT_FOUND",
    ),
    "job that is none": ("refunds.GetRefundJob", got("never"), "REFUND_JOB_NOT_FOUND"),
    "job canceled that is none": (
        "refunds.CancelRefundJob",
        refund_pb2.CancelRefundJobRequest(name="refundJobs/never"),
        "REFUND_JOB_NOT_FOUND",
    ),
    "job of an unknown company": (
        "refunds.CreateRefundJob",
        [job(filter_={"company": UNKNOWN})],
        "COMPANY_NOT_FOUND",
    ),
    "another job under a job's id": ("refunds.CreateRefundJob", [job("none")], "IDEMPOTENCY_KEY_REUSED"),
    "case that is none": (
        "refunds.GetRefundCase",
        refund_pb2.GetRefundCaseRequest(name="companies/bad/refundCases/~delivery-7"),
        "REFUND_CASE_NOT_FOUND",
    ),
    "decision of no case": (
        "refunds.DecideRefundCase",
        decide("companies/bad/refundCases/never"),
        "REFUND_CASE_NOT_FOUND",
    ),
    "decision of what is decided": (
        "refunds.DecideRefundCase",
        decide("companies/bad/refundCases/rejected"),
        "REFUND_CASE_DECIDED",
    ),
    "decision above the charge": ("refunds.DecideRefundCase", decide(amount_micros=2), "REFUND_EXCEEDS_CHARGE"),
    "case about a top-up": ("refunds.CreateRefundCase", case(transaction=TOP_UP), "TRANSACTION_NOT_FOUND"),
    "another case under a case's id": (
        "refunds.CreateRefundCase",
        case("open", description="Something else."),
        "IDEMPOTENCY_KEY_REUSED",
    ),
    "cases of an unknown company": ("refunds.ListRefundCases", cases(parent=UNKNOWN), "COMPANY_NOT_FOUND"),
    "report of a top-up": ("charging.ReportDelivery", report(transaction=TOP_UP), "TRANSACTION_NOT_FOUND"),
    "report of an unknown company": (
        "charging.ReportDelivery",
        report(transaction=f"{UNKNOWN}/transactions/1"),
        "COMPANY_NOT_FOUND",
    ),
}
"""Case → method, request or the messages of a stream, reason."""
