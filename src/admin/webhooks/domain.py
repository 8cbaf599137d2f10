"""A company's webhook, the events that are sent to it, and when one that did not get through is sent again."""

from collections.abc import Mapping
from enum import IntEnum

import msgspec

from admin.notices.domain import Delivery
from wallet.domain.backoff import Backoff

EVENT_BACKOFF = Backoff(seconds_min=10, factor=4, seconds_max=3600, age_seconds_max=5 * 86_400.0)
"""How long an event rests after each of its failures."""
WEBHOOK_BACKOFF = Backoff(seconds_min=10, factor=2, seconds_max=600)
"""How long a webhook rests after each failure in a row, whatever waits for it.

It grows slower than the events' own: so the event that failed is tried again first, and keeps its place in the row
through a restart of the receiver, but one that the receiver cannot bear is soon overtaken by the others.
"""
PAUSE_SECONDS = 2 * 86_400.0
"""After so long without anything that got through a webhook is paused."""
PAUSE_FAILURES_MIN = 10

SECRET_OVERLAP_SECONDS = 86_400.0
"""How long the secret before the present one is used as well."""
ERROR_CHARACTERS_MAX = 500


class WebhookState(IntEnum):
    """Whether anything is sent. The values are stored."""

    ENABLED = 1
    DISABLED = 2
    """The company said so."""
    PAUSED = 3
    """Nothing got through for PAUSE_SECONDS."""


class WebhookChange(msgspec.Struct, frozen=True):
    """What of a webhook is to change; None: it stays."""

    url: str | None = None
    event_types: tuple[str, ...] | None = None
    state: WebhookState | None = None


class Webhook(msgspec.Struct, frozen=True):
    """Where a company's events are sent. Times in microseconds since the epoch."""

    company: str
    url: str
    event_types: tuple[str, ...]
    """admin.notices.domain.EventType; empty: all."""
    state: WebhookState
    previous_secret_until: int | None
    """Until then the secret before the present one is used as well."""
    failing_since: int | None
    created_at: int
    updated_at: int


class Event(msgspec.Struct, frozen=True):
    """What happened, and what became of its delivery. Times in microseconds since the epoch."""

    company: str
    serial: int
    type: str
    data: Mapping[str, str | int]
    created_at: int
    delivery: Delivery
    attempts: int
    attempted_at: int | None
    delivered_at: int | None
    due_at: int
    error: str


class Claim(msgspec.Struct, frozen=True):
    """That somebody sends a company's events for now."""

    company: str
    until: object
    """Names the claim, as Postgres has it: nobody else's ends then."""


class Parcel(msgspec.Struct, frozen=True):
    """An event to be sent, with all that it takes. It is never logged: it has the secrets."""

    company: str
    serial: int
    type: str
    data: Mapping[str, str | int]
    created_at: int
    """In microseconds since the epoch."""
    failures: int
    """Tries in vain so far."""
    age_seconds: float
    """Since it has been wanted."""
    url: str
    secrets: tuple[str, ...]
    """Those that it is signed with, the present one first."""
    webhook_failures: int
    """Tries in vain in a row, of any event."""


class EventsWaiting(msgspec.Struct, frozen=True):
    """What is to be sent."""

    events: int
    oldest_seconds: float


def is_to_be_paused(failures: int, failing_seconds: float) -> bool:
    """Return whether a webhook has failed so often, and for so long, that nobody need go on trying."""
    return failures >= PAUSE_FAILURES_MIN and failing_seconds >= PAUSE_SECONDS
