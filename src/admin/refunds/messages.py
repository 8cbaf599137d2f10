"""Refunds, cases and the policy: to messages, and from them."""

from collections.abc import Sequence
from typing import cast

from google.protobuf.message import Message

from refunds.delivery import (
    Action,
    CaseOrigin,
    Decision,
    NewCase,
    RefundCase,
    RefundPolicy,
    RefundRule,
)
from refunds.domain import DeliveredShare, RefundReason, RefundRequest
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
    """Return the refund that a request asks for. Raises InvalidRequest."""
    asked = request.refund
    company, number = _charge_in(request.parent, asked.transaction, "refund.transaction")
    share = None
    if asked.HasField("delivered_count") != asked.HasField("total_count"):
        missing = "total_count" if asked.HasField("delivered_count") else "delivered_count"
        raise invalid(f"refund.{missing}", "is required: delivered_count and total_count go together")
    if asked.HasField("total_count"):
        if asked.HasField("amount_micros"):
            raise invalid("refund.amount_micros", "must be left out where counts say what was delivered")
        share = DeliveredShare(asked.delivered_count, asked.total_count)
        if share.delivered >= share.total:
            raise invalid("refund.delivered_count", "must be less than total_count: else nothing is undelivered")
    return RefundRequest(
        company,
        number,
        request.idempotency_key,
        fingerprint(Kind.REFUND, _as_asked(request)),
        reason_of(asked.reason),
        asked.requested_by,
        asked.reference,
        amount=asked.amount_micros if asked.HasField("amount_micros") else None,
        undelivered=share,
    )


def _as_asked(request: refund_pb2.CreateRefundRequest) -> refund_pb2.CreateRefundRequest:
    """Return the request without the fields that are ours to fill: a caller may send them back, or not."""
    asked = refund_pb2.CreateRefundRequest()
    asked.CopyFrom(request)
    without(asked.refund, *_OUTPUT_ONLY)
    return asked


def without(message: Message, *fields: str) -> None:
    """Clear fields of a message."""
    for field in fields:
        message.ClearField(field)


def refund_message(entry: Entry) -> refund_pb2.Refund:
    """Return a refund that is recorded."""
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


def preview_message(asked: refund_pb2.Refund, amount: int, currency: str) -> refund_pb2.Refund:
    """Return a refund as it would be."""
    message = refund_pb2.Refund()
    message.CopyFrom(asked)
    without(message, *_OUTPUT_ONLY)
    message.amount_micros = amount
    message.currency_code = currency
    return message


def reason_of(reason: refund_pb2.RefundReason) -> RefundReason:
    """Return why, from a message."""
    return RefundReason(refund_pb2.RefundReason.Name(reason).removeprefix(_REASON))


def reason_message(reason: str) -> refund_pb2.RefundReason:
    """Return why, from the word that the ledger keeps; unspecified for a word that is none of ours."""
    name = f"{_REASON}{reason}"
    number = refund_pb2.RefundReason.Value(name) if name in refund_pb2.RefundReason.keys() else 0  # noqa: SIM118
    return cast("refund_pb2.RefundReason", number)


def rules_of(messages: Sequence[refund_pb2.RefundRule]) -> list[RefundRule]:
    """Return rules of the policy."""
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
    """Return the policy."""
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
    asked = request.refund_case
    company, number = _charge_in(request.parent, asked.transaction, "refund_case.transaction")
    facts = refund_pb2.CreateRefundCaseRequest(
        parent=request.parent,
        refund_case_id=request.refund_case_id,
        refund_case=refund_pb2.RefundCase(
            transaction=asked.transaction, description=asked.description, requested_by=asked.requested_by
        ),
    )
    return NewCase(
        company,
        request.refund_case_id,
        number,
        CaseOrigin.REQUEST,
        asked.description,
        asked.requested_by,
        fingerprint(Kind.REFUND, facts),
    )


def decision_of(asked: refund_pb2.RefundDecision) -> Decision:
    """Return a decision. Raises InvalidRequest."""
    refund = asked.verdict == refund_pb2.RefundDecision.VERDICT_REFUND
    if refund and not asked.reason:
        raise invalid("decision.reason", "is required: why the money is given back")
    for field in ("amount_micros", "reason"):
        if not refund and (asked.HasField(field) if field == "amount_micros" else getattr(asked, field)):
            raise invalid(f"decision.{field}", "must be left out where nothing is given back")
    return Decision(
        refund,
        asked.decided_by,
        asked.note,
        asked.amount_micros if asked.HasField("amount_micros") else None,
        reason_of(asked.reason) if refund else None,
    )


def case_message(case: RefundCase) -> refund_pb2.RefundCase:
    """Return a case."""
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


def _decision_message(decision: Decision) -> refund_pb2.RefundDecision:
    verdict = refund_pb2.RefundDecision.VERDICT_REFUND if decision.refund else refund_pb2.RefundDecision.VERDICT_REJECT
    return refund_pb2.RefundDecision(
        verdict=verdict,
        amount_micros=decision.amount,
        reason=reason_message(decision.reason or ""),
        decided_by=decision.decided_by,
        note=decision.note,
    )


def _charge_in(parent: str, transaction: str, field: str) -> tuple[str, int]:
    """Return company and number of a charge, which must be the parent's. Raises InvalidRequest."""
    company, number = TRANSACTION.parse(transaction)
    if company != COMPANY.parse(parent):
        raise invalid(field, f"must be a transaction of {COMPANY.name(COMPANY.parse(parent))}")
    return company, number
