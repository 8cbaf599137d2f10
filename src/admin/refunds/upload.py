"""The upload of a refund job: settings, then names of charges, if any; and conversion of jobs to messages."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from hashlib import blake2b
from typing import NamedTuple, cast

from admin.refunds.messages import reason_message, reason_of
from refunds.job import ChargeFilter, Estimate, NewJob, RefundJob
from server import wire
from server.countries import COUNTRIES
from server.rejections import InvalidRequest, Violation, invalid
from server.times import micros_of
from veloconnect.admin.v1 import refund_pb2
from wallet.domain.commands import FINGERPRINT_BYTES
from wallet.domain.resource_names import COMPANY, REFUND_JOB, TRANSACTION
from wallet.domain.usage import Channel

NAMES_MAX = 200_000
"""About 50 MB of memory for each upload."""
_CALLER_FIELDS = ("filter", "reason", "requested_by", "reference")
_FILTER_ONLY_FIELDS = ("start_time", "end_time", "channel", "country_code", "campaign_id", "contact_id")

ChargeSet = set[tuple[str, int]]


class JobUpload(NamedTuple):
    """The job that a caller sent."""

    job: NewJob
    requested: refund_pb2.RefundJob
    """The fields that callers set."""
    validate_only: bool


async def receive_upload(requests: AsyncIterator[refund_pb2.CreateRefundJobRequest]) -> JobUpload:
    """Read a stream to its end. Raises InvalidRequest unless it is settings, then at most NAMES_MAX names."""
    settings = None
    listed: ChargeSet = set()
    async for request in requests:
        if request.HasField("settings"):
            if settings is not None:
                raise invalid("settings", "must be in the first message only")
            settings = request.settings
        elif settings is None:
            raise invalid("settings", "must be in the first message, before all names")
        else:
            _add(listed, request.names.transactions, settings.refund_job.filter.company)
    if settings is None:
        raise invalid("settings", "is required, in the first message")
    # Sorting and hashing many names takes a while.
    return await asyncio.to_thread(_upload, settings, listed)


def _add(listed: ChargeSet, names: Iterable[str], company: str) -> None:
    """Add charges by their names, which must belong to `company` unless it is "". Raises InvalidRequest."""
    broken: list[Violation] = []
    for index, name in enumerate(names):
        if not TRANSACTION.matches(name):
            problem = "must be the name of a transaction, such as companies/acme/transactions/1042"
            broken.append(Violation(f"names.transactions[{index}]", problem))
            continue
        charge = TRANSACTION.parse(name)
        if company and company != COMPANY.name(charge[0]):
            broken.append(Violation(f"names.transactions[{index}]", f"must be a transaction of {company}"))
        else:
            listed.add(charge)
    if broken:
        raise InvalidRequest(violations=broken)
    if len(listed) > NAMES_MAX:
        raise invalid("names.transactions", f"are more than {NAMES_MAX} in all: create several jobs")


def _upload(settings: refund_pb2.CreateRefundJobSettings, listed: ChargeSet) -> JobUpload:
    requested = refund_pb2.RefundJob()
    for field in _CALLER_FIELDS:
        if field == "filter":
            requested.filter.CopyFrom(settings.refund_job.filter)
        else:
            setattr(requested, field, getattr(settings.refund_job, field))
    if listed:
        _check_listed_filter(requested.filter)
    where = None if listed else _filter_of(requested.filter)
    charges = sorted(listed)
    job = NewJob(
        settings.refund_job_id,
        _fingerprint(requested, charges),
        reason_of(requested.reason),
        requested.requested_by,
        requested.reference,
        where,
        charges,
        COMPANY.parse_optional(requested.filter.company),
    )
    return JobUpload(job, requested, settings.validate_only)


def _check_listed_filter(message: refund_pb2.RefundFilter) -> None:
    """Raise InvalidRequest if a filter is set in addition to names."""
    for field, _ in message.ListFields():
        if field.name in _FILTER_ONLY_FIELDS:
            raise invalid(f"settings.refund_job.filter.{field.name}", "must be left out if transactions are named")


def _filter_of(message: refund_pb2.RefundFilter) -> ChargeFilter:
    path = "settings.refund_job.filter"
    broken = [
        Violation(f"{path}.{field}", "is required, unless transactions are named")
        for field in ("start_time", "end_time")
        if not message.HasField(field)
    ]
    starts_at = micros_of(message.start_time, f"{path}.start_time", broken)
    ends_at = micros_of(message.end_time, f"{path}.end_time", broken)
    if not broken and starts_at >= ends_at:
        broken.append(Violation(f"{path}.end_time", "must be after start_time"))
    if not broken and ends_at > time.time_ns() // 1000:
        broken.append(Violation(f"{path}.end_time", "must be in the past: a job refunds existing charges"))
    if message.country_code and message.country_code not in COUNTRIES:
        broken.append(Violation(f"{path}.country_code", f"{message.country_code} is not a country of ISO 3166-1"))
    if broken:
        raise InvalidRequest(violations=broken)
    return ChargeFilter(
        starts_at=starts_at,
        ends_at=ends_at,
        company=COMPANY.parse_optional(message.company),
        channel=Channel(int(message.channel)) if message.channel else None,
        country=message.country_code,
        campaign_id=message.campaign_id,
        contact_id=message.contact_id,
    )


def _fingerprint(requested: refund_pb2.RefundJob, charges: list[tuple[str, int]]) -> bytes:
    """Return the hash of a request. Names count as a set, independent of their order and messages."""
    digest = blake2b(requested.SerializeToString(deterministic=True), digest_size=FINGERPRINT_BYTES)
    for company, number in charges:
        digest.update(f"\n{company} {number}".encode())
    return digest.digest()


def preview_message(upload: JobUpload, estimate: Estimate) -> refund_pb2.RefundJob:
    """Return the preview of a job as a message."""
    message = refund_pb2.RefundJob()
    message.CopyFrom(upload.requested)
    message.listed_count = len(upload.job.listed)
    message.expected_count = estimate.charges
    message.already_refunded_count = estimate.already_refunded
    message.expected_amounts.extend(_amounts(estimate.amounts))
    return message


def job_message(job: RefundJob) -> refund_pb2.RefundJob:
    """Return a recorded job as a message."""
    progress = job.progress
    message = refund_pb2.RefundJob(
        name=REFUND_JOB.name(job.id),
        filter=_filter_message(job),
        reason=reason_message(job.reason),
        requested_by=job.requested_by,
        reference=job.reference,
        state=cast("refund_pb2.RefundJob.State", int(job.state)),
        listed_count=job.listed,
        expected_count=job.estimate.charges,
        expected_amounts=_amounts(job.estimate.amounts),
        matched_count=progress.matched,
        refunded_count=progress.refunded,
        refunded_amounts=_amounts(progress.amounts),
        already_refunded_count=progress.already_refunded,
        failed_count=progress.failed,
        failures=[
            refund_pb2.RefundJob.Failure(
                transaction=TRANSACTION.name(failure.company, failure.number), reason=failure.reason
            )
            for failure in progress.failures
        ],
        create_time=wire.timestamp(job.created_at),
        update_time=wire.timestamp(job.updated_at),
    )
    if job.ended_at is not None:
        message.end_time.CopyFrom(wire.timestamp(job.ended_at))
    return message


def _filter_message(job: RefundJob) -> refund_pb2.RefundFilter:
    message = refund_pb2.RefundFilter(company=COMPANY.name(job.company) if job.company else "")
    where = job.where
    if where is not None:
        message.start_time.CopyFrom(wire.timestamp(where.starts_at))
        message.end_time.CopyFrom(wire.timestamp(where.ends_at))
        if where.channel is not None:
            message.channel = wire.channel(where.channel)
        message.country_code = where.country
        message.campaign_id = where.campaign_id
        message.contact_id = where.contact_id
    return message


def _amounts(amounts: dict[str, int]) -> list[refund_pb2.RefundAmount]:
    return [
        refund_pb2.RefundAmount(currency_code=currency, amount_micros=amount)
        for currency, amount in sorted(amounts.items())
    ]
