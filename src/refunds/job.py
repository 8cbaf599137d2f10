"""Refund jobs: many charges are refunded, one after the other."""

from enum import IntEnum

import msgspec

from refunds.domain import RefundReason
from wallet.domain.usage import Channel

FAILURES_KEPT_MAX = 20


class JobState(IntEnum):
    """The states of a job. The values are stored: never renumber them."""

    RUNNING = 1
    SUCCEEDED = 2
    CANCELED = 3


class ChargeFilter(msgspec.Struct, frozen=True):
    """Selects the charges that match every field that is set. Times in microseconds since the epoch."""

    starts_at: int
    """Inclusive."""
    ends_at: int
    """Exclusive."""
    company: str = ""
    channel: Channel | None = None
    country: str = ""
    campaign_id: str = ""
    contact_id: str = ""


class NewJob(msgspec.Struct, frozen=True):
    """A job to be recorded: by a filter, or by the names of charges."""

    id: str
    fingerprint: bytes
    reason: RefundReason
    requested_by: str
    reference: str
    where: ChargeFilter | None
    listed: list[tuple[str, int]]
    """Company and number, each once; empty if there is a filter."""
    company: str = ""
    """The company of the listed charges, if the request names one."""


class JobPosition(msgspec.Struct, frozen=True):
    """The last charge that a job has processed: everything up to this number of this company is done."""

    company: str = ""
    number: int = 0


class JobFailure(msgspec.Struct, frozen=True, array_like=True):
    """A charge that could not be refunded, and the reason of the error."""

    company: str
    number: int
    reason: str


class Progress(msgspec.Struct, frozen=True):
    """The counts of one step of a job, or of all steps. Amounts in micros, by currency."""

    matched: int = 0
    refunded: int = 0
    already_refunded: int = 0
    failed: int = 0
    amounts: dict[str, int] = {}
    failures: list[JobFailure] = []
    """The first FAILURES_KEPT_MAX."""


class Estimate(msgspec.Struct, frozen=True):
    """The expected result of a job: number of charges, and the micros that are left to refund, by currency."""

    charges: int
    already_refunded: int
    amounts: dict[str, int]


class RefundJob(msgspec.Struct, frozen=True):
    """A recorded job. Times in microseconds since the epoch."""

    id: str
    serial: int
    """Grows from job to job."""
    state: JobState
    reason: RefundReason
    requested_by: str
    reference: str
    where: ChargeFilter | None
    """None: its charges are listed."""
    company: str
    listed: int
    position: JobPosition
    estimate: Estimate
    progress: Progress
    created_at: int
    updated_at: int
    ended_at: int | None


class JobCharge(msgspec.Struct, frozen=True):
    """A charge that a job is about to refund. Amounts in micros."""

    company: str
    number: int
    currency: str
    price: int | None
    """None: there is no such charge."""
    refunded: int
    own: int | None
    """The amount that this job has refunded of it; None: nothing yet."""


class JobBatch(msgspec.Struct, frozen=True):
    """The next charges of a job, and its position after them."""

    charges: list[JobCharge]
    after: JobPosition
    last: bool
    """Whether they are the last ones."""
