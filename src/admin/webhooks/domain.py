"""A company's webhook, its events, and when an event that was not delivered is sent again."""

from collections.abc import Mapping
from enum import IntEnum

import msgspec

from admin.notices.domain import Delivery
from wallet.domain.backoff import Backoff

EVENT_BACKOFF = Backoff(seconds_min=10, factor=4, seconds_max=3600, age_seconds_max=5 * 86_400.0)
"""The delay of an event after each of its failures; it is given up after five days."""
WEBHOOK_BACKOFF = Backoff(seconds_min=10, factor=2, seconds_max=600)
"""The delay of a webhook, with all of its events, after each of its consecutive failures.

It grows slower than the delay of an event. So the event that failed is tried again first, and keeps its place in the
order through a restart of the receiver; but an event that the receiver always rejects is soon overtaken by the others.
"""
PAUSE_SECONDS = 2 * 86_400.0
"""A webhook is paused if no event was delivered for so long, with at least PAUSE_FAILURES_MIN failures."""
PAUSE_FAILURES_MIN = 10

SECRET_OVERLAP_SECONDS = 86_400.0
"""After a rotation the previous secret signs, too, for so long."""
ERROR_CHARACTERS_MAX = 500


class WebhookState(IntEnum):
    """Whether events are sent. The values are stored: never renumber them."""

    ENABLED = 1
    DISABLED = 2
    """Switched off by UpdateWebhook."""
    PAUSED = 3
    """Switched off by the worker, after PAUSE_SECONDS without a delivery."""


class WebhookChange(msgspec.Struct, frozen=True):
    """The fields of a webhook to change; None: unchanged."""

    url: str | None = None
    event_types: tuple[str, ...] | None = None
    state: WebhookState | None = None


class Webhook(msgspec.Struct, frozen=True):
    """The webhook of a company. Times are in microseconds since the epoch."""

    company: str
    url: str
    event_types: tuple[str, ...]
    """Values of admin.notices.event_types.EventType; empty: all types are sent."""
    state: WebhookState
    previous_secret_until: int | None
    """The previous secret signs until then, too; None: it is not used any more."""
    failing_since: int | None
    """The first failure since the last delivery; None: no failure."""
    created_at: int
    updated_at: int


class Event(msgspec.Struct, frozen=True):
    """An event, and the state of its delivery. Times are in microseconds since the epoch."""

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
    """A worker's claim to send the events of a company, for a time."""

    company: str
    until: object
    """Identifies the claim (asyncpg's timestamp): no other claim of the company ends at the same time."""


class DueEvent(msgspec.Struct, frozen=True):
    """An event to be sent, with its destination. It is never logged, since it has the secrets."""

    company: str
    serial: int
    type: str
    data: Mapping[str, str | int]
    created_at: int
    """In microseconds since the epoch."""
    failures: int
    """Failed attempts so far."""
    age_seconds: float
    """Since it happened, or since the last RedeliverEvent."""
    url: str
    secrets: tuple[str, ...]
    """The signing secrets, the current one first."""
    webhook_failures: int
    """Consecutive failures of the webhook, of any event."""


class EventBacklog(msgspec.Struct, frozen=True):
    """The events that wait to be sent to enabled webhooks."""

    events: int
    oldest_seconds: float
    """How long the oldest has waited; 0.0 if there is none."""


def should_pause(failures: int, failing_seconds: float) -> bool:
    """Return whether to pause a webhook that has failed so often in a row, for the first time so many seconds ago."""
    return failures >= PAUSE_FAILURES_MIN and failing_seconds >= PAUSE_SECONDS
