"""The state transitions of a subscription, and the notices that they make. Pure functions.

PENDING ── paid ──► ACTIVE ── declined ──► PAST_DUE ── grace over ──► SUSPENDED
                       ▲                       │ paid                     │ resumed, paid
                       └───────────────────────┴──────────────────────────┘
CANCELED is reached from every state, and is final.

Times are in microseconds since the epoch.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from admin.notices.domain import Notice
from admin.notices.event_types import EventType
from admin.subscriptions.domain import Subscription, SubscriptionState, Terms
from admin.subscriptions.periods import Schedule
from wallet.domain.backoff import Backoff
from wallet.domain.entries import Entry
from wallet.domain.errors import (
    CompanyClosed,
    CompanySuspended,
    Declined,
    DestinationBlocked,
    InsufficientFunds,
    RateNotFound,
    SpendLimitReached,
)
from wallet.domain.money import format_money
from wallet.domain.resource_names import SUBSCRIPTION, TRANSACTION

TAKEOVER_SECONDS = 10
"""After so long a worker continues what a request has begun: its process may have died."""
SETTLE_SECONDS = 30
"""After so long a worker checks whether a canceled subscription was charged concurrently with the cancellation."""
BACKOFF = Backoff(seconds_min=60, factor=2, seconds_max=3600)
"""Delays after declines: a top-up takes effect within an hour, or at once by ResumeSubscription."""

_replace = msgspec.structs.replace
_State = SubscriptionState


class Transition(NamedTuple):
    """A subscription after a transition, and the notices to publish with it."""

    after: Subscription
    notices: tuple[Notice, ...] = ()


def start_resumption(before: Subscription, now: int) -> Subscription:
    """Return a suspended subscription whose next period a request is about to charge; a worker continues if it dies."""
    return _replace(before, due_at=_takeover_at(now), resumed_at=before.resumed_at or now)


def restart(before: Subscription, schedule: Schedule, now: int) -> Subscription:
    """Return a pending subscription whose first charge was declined before it is tried again, beginning now."""
    return _replace(before, due_at=_takeover_at(now), schedule=schedule, starts_at=schedule.origin_at)


def apply_charge(before: Subscription, entry: Entry) -> Transition:
    """Return the transition by the entry that charges the next period."""
    if before.state is _State.CANCELED:
        # It was charged concurrently with the cancellation: a worker refunds that.
        return Transition(_replace(before, due_at=before.canceled_at))
    period = before.next_period
    after = _replace(
        before,
        state=_State.ACTIVE,
        schedule=before.next_schedule,
        charged=before.next_number,
        period_starts_at=period.starts_at,
        period_ends_at=period.ends_at,
        last_number=entry.number,
        due_at=period.ends_at,
        past_due_at=None,
        declines=0,
        declined="",
        resumed_at=None,
    )
    data: dict[str, str | int] = {
        "transaction": TRANSACTION.name(before.company, entry.number),
        "amount_micros": -entry.amount,
        "currency_code": before.currency,
        "period_number": after.charged,
        "period_start_time": _rfc3339(period.starts_at),
        "period_end_time": _rfc3339(period.ends_at),
    }
    return Transition(after, (_notice(before, EventType.SUBSCRIPTION_RENEWED, data),))


def apply_decline(before: Subscription, error: Declined, now: int) -> Transition:
    """Return the transition by a decline of the next period's charge."""
    recorded = _replace(before, declines=before.declines + 1, declined=type(error).__name__)
    if isinstance(error, CompanyClosed):
        return cancel(recorded, now)
    if before.state is _State.SUSPENDED or (before.state is _State.PENDING and before.at_once):
        # The request that charged it has the error. Only another request tries again.
        return Transition(_replace(recorded, due_at=None, resumed_at=None))
    retry_at = now + BACKOFF.delay(recorded.declines) * 1_000_000
    if isinstance(error, RateNotFound):
        # A missing price is not the company's fault, and does not suspend. All missed periods are charged afterwards.
        return Transition(_replace(recorded, due_at=retry_at))
    late = _replace(recorded, state=_State.PAST_DUE, past_due_at=before.past_due_at or now)
    grace_ends_at = late.grace_ends_at
    assert grace_ends_at is not None
    if now >= grace_ends_at:
        after = _replace(late, state=_State.SUSPENDED, due_at=None)
        return Transition(after, (_decline_notice(after, error, EventType.SUBSCRIPTION_SUSPENDED),))
    after = _replace(late, due_at=min(retry_at, grace_ends_at))
    if before.state is _State.PAST_DUE:
        return Transition(after)
    return Transition(after, (_decline_notice(after, error, EventType.SUBSCRIPTION_PAST_DUE),))


def cancel(before: Subscription, at: int) -> Transition:
    """Return the transition to CANCELED. A worker checks later for a concurrent charge."""
    after = _replace(
        before,
        state=_State.CANCELED,
        canceled_at=at,
        due_at=at + SETTLE_SECONDS * 1_000_000,
        resumed_at=None,
        cancel_at_period_end=False,
    )
    data = {"cancel_time": _rfc3339(at)}
    return Transition(after, (_notice(before, EventType.SUBSCRIPTION_CANCELED, data),))


def set_cancel_at_period_end(before: Subscription, *, at_period_end: bool) -> Subscription:
    """Return a subscription that is canceled at the end of the paid period, or not any more."""
    return _replace(before, cancel_at_period_end=at_period_end)


def change_terms(before: Subscription, terms: Terms) -> Subscription:
    """Return a subscription with other terms."""
    return _replace(before, terms=terms)


def mark_settled(before: Subscription) -> Subscription:
    """Return a canceled subscription that needs no further check."""
    return _replace(before, due_at=None)


def postpone(before: Subscription, now: int) -> Subscription:
    """Return a subscription that met an unexpected error: it is due again in an hour, and others do not wait for it."""
    return _replace(before, due_at=now + BACKOFF.seconds_max * 1_000_000)


def _takeover_at(now: int) -> int:
    return now + TAKEOVER_SECONDS * 1_000_000


def _decline_notice(after: Subscription, error: Declined, kind: EventType) -> Notice:
    grace_ends_at = after.grace_ends_at
    assert grace_ends_at is not None
    required = error.required if isinstance(error, InsufficientFunds) else None
    data: dict[str, str | int] = {"currency_code": after.currency, "suspend_time": _rfc3339(grace_ends_at)}
    if required is not None:
        data["required_micros"] = required
    variables = {
        "subscription": after.terms.display_name or after.id,
        "why": _decline_text(error),
        "required": "" if required is None else format_money(required, after.currency),
        "suspend_time": f"{_time(grace_ends_at):%Y-%m-%d %H:%M} UTC",
    }
    return _notice(after, kind, data, variables)


def _notice(
    subscription: Subscription,
    kind: EventType,
    data: Mapping[str, str | int],
    variables: Mapping[str, str] | None = None,
) -> Notice:
    """Return a notice about the next period of a subscription, at most one of a kind for each period.

    With `variables` it makes a mail, too.
    """
    event = kind.rpartition(".")[2]
    name = SUBSCRIPTION.name(subscription.company, subscription.id)
    cause = f"subscription-{subscription.id}-{subscription.next_number}-{event}"
    template = "" if variables is None else f"subscription_{event}"
    return Notice(subscription.company, cause, kind, {"subscription": name, **data}, template, variables or {})


def _decline_text(error: Declined) -> str:
    """Return why a charge was declined, for mails, as a clause that follows "because"."""
    match error:
        case InsufficientFunds():
            available = format_money(max(error.available, 0), error.currency)
            return f"{format_money(error.required, error.currency)} are required and {available} are available"
        case CompanySuspended():
            return "the account is suspended"
        case DestinationBlocked():
            return "the account's settings block it"
        case SpendLimitReached():
            return f"the spend limit {error.limit.id} is reached"
        case _:
            return "the account declined it"


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1_000_000, UTC)


def _rfc3339(at: int) -> str:
    return f"{_time(at):%Y-%m-%dT%H:%M:%SZ}"
