"""Conversion of refunds, cases and the policy to messages and back."""

from collections.abc import Sequence
from typing import cast

from google.protobuf.message import Message

from refunds.amounts import DeliveredShare
from refunds.delivery import (
    Action,
    CaseDecision,
    CaseOrigin,
    NewCase,
    RefundCase,
    RefundPolicy,
    RefundRule,
)
from refunds.domain import RefundReason, RefundRequest
from server import wire
from server.fingerprint import fingerprint
from server.rejections import invalid
from veloconnect.admin.v1 import refund_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.commands import Kind
from wallet.domain.entries import Entry
from wallet.domain.resource_names import COMPANY, REFUND, REFUND_CASE, REFUND_POLICY, TRANSACTION
from wallet.domain.usage import Channel

_REASON = "REFUND_REASON_"
_OUTPUT_ONLY = ("name", "currency_code", "refund_transaction", "create_time")


def refund_request_of(request: refund_pb2.CreateRefundRequest) -> RefundRequest:
    """Return the refund of a request. Raises InvalidRequest."""
    refund = request.refund
    company, number = _charge_of(request.parent, refund.transaction, "refund.transaction")
    share = None
    if refund.HasField("delivered_count") != refund.HasField("total_count"):
        missing = "total_count" if refund.HasField("delivered_count") else "delivered_count"
        raise invalid(f"refund.{missing}", "is required: delivered_count and total_count go together")
    if refund.HasField("total_count"):
        if refund.HasField("amount_micros"):
            raise invalid("refund.amount_micros", "must be left out with delivered_count and total_count")
        share = DeliveredShare(refund.delivered_count, refund.total_count)
        if share.delivered >= share.total:
            raise invalid("refund.delivered_count", "must be less than total_count: else nothing is undelivered")
    return RefundRequest(
        company,
        number,
        request.idempotency_key,
        fingerprint(Kind.REFUND, _without_output_only(request)),
        reason_of(refund.reason),
        refund.requested_by,
        refund.reference,
        amount=refund.amount_micros if refund.HasField("amount_micros") else None,
        undelivered=share,
    )


def _without_output_only(request: refund_pb2.CreateRefundRequest) -> refund_pb2.CreateRefundRequest:
    """Return the request without output-only fields, which a caller may send back or not."""
    stripped = refund_pb2.CreateRefundRequest()
    stripped.CopyFrom(request)
    without(stripped.refund, *_OUTPUT_ONLY)
    return stripped


def without(message: Message, *fields: str) -> None:
    """Clear fields of a message."""
    for field in fields:
        message.ClearField(field)


def refund_message(entry: Entry) -> refund_pb2.Refund:
    """Return a recorded refund as a message."""
    return refund_pb2.Refund(
        name=REFUND.name(entry.company, entry.number),
        transaction=TRANSACTION.name(entry.company, entry.refunded_number),
        amount_micros=entry.amount,
        reason=reason_message(entry.reason),
        requested_by=entry.requested_by,
        reference=entry.reference,
        currency_code=entry.currency,
        refund_transaction=wire.transaction(entry),
        create_time=wire.timestamp(entry.created_at),
    )


def preview_message(refund: refund_pb2.Refund, amount: int, currency: str) -> refund_pb2.Refund:
    """Return the refund that a request would make."""
    message = refund_pb2.Refund()
    message.CopyFrom(refund)
    without(message, *_OUTPUT_ONLY)
    message.amount_micros = amount
    message.currency_code = currency
    return message


def reason_of(reason: refund_pb2.RefundReason) -> RefundReason:
    """Return a reason from its value in a message."""
    return RefundReason(refund_pb2.RefundReason.Name(reason).removeprefix(_REASON))


def reason_message(reason: str) -> refund_pb2.RefundReason:
    """Return the value for a reason in the ledger, unspecified for an unknown one."""
    name = f"{_REASON}{reason}"
    number = refund_pb2.RefundReason.Value(name) if name in refund_pb2.RefundReason.keys() else 0  # noqa: SIM118
    return cast("refund_pb2.RefundReason", number)


def rules_of(messages: Sequence[refund_pb2.RefundRule]) -> list[RefundRule]:
    """Return the rules of a policy from messages."""
    return [
        RefundRule(
            message.carrier_code,
            Action(int(message.action)),
            Channel(int(message.channel)) if message.channel else None,
            message.description,
        )
        for message in messages
    ]


def policy_message(policy: RefundPolicy) -> refund_pb2.RefundPolicy:
    """Return the policy as a message."""
    return refund_pb2.RefundPolicy(
        name=REFUND_POLICY,
        rules=[
            refund_pb2.RefundRule(
                channel=None if rule.channel is None else wire.channel(rule.channel),
                carrier_code=rule.carrier_code,
                action=cast("refund_pb2.RefundRule.Action", int(rule.action)),
                description=rule.description,
            )
            for rule in policy.rules
        ],
        update_time=wire.timestamp(policy.updated_at) if policy.updated_at else None,
    )


def new_case_of(request: refund_pb2.CreateRefundCaseRequest) -> NewCase:
    """Return the case that a request opens. Raises InvalidRequest."""
    case = request.refund_case
    company, number = _charge_of(request.parent, case.transaction, "refund_case.transaction")
    facts = refund_pb2.CreateRefundCaseRequest(
        parent=request.parent,
        refund_case_id=request.refund_case_id,
        refund_case=refund_pb2.RefundCase(
            transaction=case.transaction, description=case.description, requested_by=case.requested_by
        ),
    )
    return NewCase(
        company,
        request.refund_case_id,
        number,
        CaseOrigin.REQUEST,
        case.description,
        case.requested_by,
        fingerprint(Kind.REFUND, facts),
    )


def decision_of(message: refund_pb2.RefundDecision) -> CaseDecision:
    """Return the decision of a message. Raises InvalidRequest."""
    refund = message.verdict == refund_pb2.RefundDecision.VERDICT_REFUND
    if refund and not message.reason:
        raise invalid("decision.reason", "is required with VERDICT_REFUND")
    for field in ("amount_micros", "reason"):
        if not refund and (message.HasField(field) if field == "amount_micros" else getattr(message, field)):
            raise invalid(f"decision.{field}", "must be left out with VERDICT_REJECT")
    return CaseDecision(
        refund,
        message.decided_by,
        message.note,
        message.amount_micros if message.HasField("amount_micros") else None,
        reason_of(message.reason) if refund else None,
    )


def case_message(case: RefundCase) -> refund_pb2.RefundCase:
    """Return a case as a message."""
    message = refund_pb2.RefundCase(
        name=REFUND_CASE.name(case.company, case.id),
        transaction=TRANSACTION.name(case.company, case.number),
        description=case.description,
        requested_by=case.requested_by,
        state=cast("refund_pb2.RefundCase.State", int(case.state)),
        origin=cast("refund_pb2.RefundCase.Origin", int(case.origin)),
        create_time=wire.timestamp(case.created_at),
    )
    if case.report is not None:
        message.status = cast("wallet_pb2.DeliveryStatus", int(case.report.status))
        message.carrier_code = case.report.carrier_code
        message.delivered_count, message.total_count = case.report.share.delivered, case.report.share.total
    if case.decision is not None:
        message.decision.CopyFrom(_decision_message(case.decision))
    if case.refund_number is not None:
        message.refund_transaction = TRANSACTION.name(case.company, case.refund_number)
    if case.decided_at is not None:
        message.decide_time.CopyFrom(wire.timestamp(case.decided_at))
    return message


def _decision_message(decision: CaseDecision) -> refund_pb2.RefundDecision:
    verdict = refund_pb2.RefundDecision.VERDICT_REFUND if decision.refund else refund_pb2.RefundDecision.VERDICT_REJECT
    return refund_pb2.RefundDecision(
        verdict=verdict,
        amount_micros=decision.amount,
        reason=reason_message(decision.reason or ""),
        decided_by=decision.decided_by,
        note=decision.note,
    )


def _charge_of(parent: str, transaction: str, field: str) -> tuple[str, int]:
    """Return company and number of a charge, which must belong to `parent`. Raises InvalidRequest."""
    company, number = TRANSACTION.parse(transaction)
    if company != COMPANY.parse(parent):
        raise invalid(field, f"must be a transaction of {COMPANY.name(COMPANY.parse(parent))}")
    return company, number
