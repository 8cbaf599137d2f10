"""What becomes of a subscription when its charge succeeds or is declined, and whom that is told. Pure.

PENDING ── paid ──► ACTIVE ── declined ──► PAST_DUE ── grace over ──► SUSPENDED
                       ▲                       │ paid                     │ resumed, paid
                       └───────────────────────┴──────────────────────────┘
and CANCELED from everywhere, for good.

Times are microseconds since the epoch.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from admin.notices.domain import EventType, Notice
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

UNFINISHED_SECONDS = 10
"""When a worker takes up what a request began, and its process may have died over."""
SETTLE_SECONDS = 30
"""When a worker looks whether a canceled subscription was charged once more by somebody who was about to."""
BACKOFF = Backoff(seconds_min=60, factor=2, seconds_max=3600)
"""How long a declined period rests: a top-up is noticed within an hour, and by ResumeSubscription at once."""

_replace = msgspec.structs.replace
_State = SubscriptionState


class Change(NamedTuple):
    """A subscription as it is to be, and what its company is told of that."""

    after: Subscription
    notices: tuple[Notice, ...] = ()


def armed(before: Subscription, now: int) -> Subscription:
    """Return a suspended subscription whose next period a request is about to charge; if it dies, a worker goes on."""
    return _replace(before, due_at=_taken_up_at(now), resumed_at=before.resumed_at or now)


def begun_anew(before: Subscription, schedule: Schedule, now: int) -> Subscription:
    """Return a pending subscription whose first charge was declined, and is tried again: it begins now."""
    return _replace(before, due_at=_taken_up_at(now), schedule=schedule, starts_at=schedule.origin_at)


def paid(before: Subscription, entry: Entry) -> Change:
    """Return what follows from the entry of the next period."""
    if before.state is _State.CANCELED:
        # Somebody charged it while it was canceled: a worker gives that back.
        return Change(_replace(before, due_at=before.canceled_at))
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
    return Change(after, (_notice(before, EventType.SUBSCRIPTION_RENEWED, data),))


def declined(before: Subscription, error: Declined, now: int) -> Change:
    """Return what follows from a definite no to the next period's charge."""
    noted = _replace(before, declines=before.declines + 1, declined=type(error).__name__)
    if isinstance(error, CompanyClosed):
        return canceled(noted, now)
    if before.state is _State.SUSPENDED or (before.state is _State.PENDING and before.at_once):
        # A request asked for it, and has its answer; it asks again, or nobody does.
        return Change(_replace(noted, due_at=None, resumed_at=None))
    retry_at = now + BACKOFF.delay(noted.declines) * 1_000_000
    if isinstance(error, RateNotFound):
        # No fault of the company's: nobody is suspended for a price that is missing. Each period is charged afterwards.
        return Change(_replace(noted, due_at=retry_at))
    late = _replace(noted, state=_State.PAST_DUE, past_due_at=before.past_due_at or now)
    grace_ends_at = late.grace_ends_at
    assert grace_ends_at is not None
    if now >= grace_ends_at:
        after = _replace(late, state=_State.SUSPENDED, due_at=None)
        return Change(after, (_decline_notice(after, error, EventType.SUBSCRIPTION_SUSPENDED),))
    after = _replace(late, due_at=min(retry_at, grace_ends_at))
    if before.state is _State.PAST_DUE:
        return Change(after)
    return Change(after, (_decline_notice(after, error, EventType.SUBSCRIPTION_PAST_DUE),))


def canceled(before: Subscription, at: int) -> Change:
    """Return a subscription that is over. Somebody may be about to charge it: a worker looks again."""
    after = _replace(
        before,
        state=_State.CANCELED,
        canceled_at=at,
        due_at=at + SETTLE_SECONDS * 1_000_000,
        resumed_at=None,
        cancel_at_period_end=False,
    )
    data = {"cancel_time": _rfc3339(at)}
    return Change(after, (_notice(before, EventType.SUBSCRIPTION_CANCELED, data),))


def ending(before: Subscription, *, at_period_end: bool) -> Subscription:
    """Return a subscription that is to end when the period that is paid is over, or that is to go on after all."""
    return _replace(before, cancel_at_period_end=at_period_end)


def with_terms(before: Subscription, terms: Terms) -> Subscription:
    """Return a subscription with other terms."""
    return _replace(before, terms=terms)


def settled(before: Subscription) -> Subscription:
    """Return a canceled subscription that nothing is left to be done for."""
    return _replace(before, due_at=None)


def postponed(before: Subscription, now: int) -> Subscription:
    """Return a subscription that a fault of ours stands in the way of: others must not wait for it."""
    return _replace(before, due_at=now + BACKOFF.seconds_max * 1_000_000)


def _taken_up_at(now: int) -> int:
    return now + UNFINISHED_SECONDS * 1_000_000


def _decline_notice(after: Subscription, error: Declined, kind: EventType) -> Notice:
    grace_ends_at = after.grace_ends_at
    assert grace_ends_at is not None
    required = error.required if isinstance(error, InsufficientFunds) else None
    data: dict[str, str | int] = {"currency_code": after.currency, "suspend_time": _rfc3339(grace_ends_at)}
    if required is not None:
        data["required_micros"] = required
    said = {
        "subscription": after.terms.display_name or after.id,
        "why": _why(error),
        "required": "" if required is None else format_money(required, after.currency),
        "suspend_time": f"{_time(grace_ends_at):%Y-%m-%d %H:%M} UTC",
    }
    return _notice(after, kind, data, said)


def _notice(
    of: Subscription, kind: EventType, data: Mapping[str, str | int], said: Mapping[str, str] | None = None
) -> Notice:
    """Return a notice whose cause is the next period of a subscription, told once for each. `said` makes a mail."""
    what = kind.rpartition(".")[2]
    name = SUBSCRIPTION.name(of.company, of.id)
    cause = f"subscription-{of.id}-{of.next_number}-{what}"
    template = "" if said is None else f"subscription_{what}"
    return Notice(of.company, cause, kind, {"subscription": name, **data}, template, said or {})


def _why(error: Declined) -> str:
    """Return why a charge was declined, as people read it in "… because …"."""
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
