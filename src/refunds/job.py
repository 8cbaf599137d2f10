"""Refund jobs: many charges given back, one after the other."""

from enum import IntEnum

import msgspec

from refunds.domain import RefundReason
from wallet.domain.usage import Channel

FAILURES_KEPT_MAX = 20


class JobState(IntEnum):
    """Where a job is in its life. The values are stored: never renumber them."""

    RUNNING = 1
    SUCCEEDED = 2
    CANCELED = 3


class ChargeFilter(msgspec.Struct, frozen=True):
    """Which charges: those for which everything holds that is set. Times in microseconds since the epoch."""

    starts_at: int
    """Not before it."""
    ends_at: int
    """Before it."""
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
    """Company and number, each once; empty where there is a filter."""
    company: str = ""
    """Whose charges are listed, where it is said."""


class Place(msgspec.Struct, frozen=True):
    """How far a job has come: everything up to this number of this company."""

    company: str = ""
    number: int = 0


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """A charge that could not be refunded, and the reason in a word."""

    company: str
    number: int
    reason: str


class Progress(msgspec.Struct, frozen=True):
    """What a step of a job did, or all steps. Amounts in micros, by currency."""

    matched: int = 0
    refunded: int = 0
    already_refunded: int = 0
    failed: int = 0
    amounts: dict[str, int] = {}
    failures: list[Failure] = []
    """The first of them."""


class Estimate(msgspec.Struct, frozen=True):
    """What a job would do: how many charges, and what is left of them in micros, by currency."""

    charges: int
    already_refunded: int
    amounts: dict[str, int]


class RefundJob(msgspec.Struct, frozen=True):
    """A job as it is recorded. Times in microseconds since the epoch."""

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
    at: Place
    estimate: Estimate
    progress: Progress
    created_at: int
    updated_at: int
    ended_at: int | None


class JobCharge(msgspec.Struct, frozen=True):
    """A charge that a job comes to. Amounts in micros."""

    company: str
    number: int
    currency: str
    price: int | None
    """None: there is no such charge."""
    refunded: int
    own: int | None
    """What this job has given back of it."""


class JobBatch(msgspec.Struct, frozen=True):
    """The next charges of a job, and where it is when they are done."""

    charges: list[JobCharge]
    after: Place
    last: bool
    """Whether nothing comes after them."""
