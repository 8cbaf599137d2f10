"""Recurring charges: what a subscription is, and what is asked of one."""

from enum import IntEnum

import msgspec

from admin.subscriptions.periods import Period, Schedule, Unit, day_of
from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES
from wallet.domain.pricing import rounded
from wallet.domain.usage import Usage

FINGERPRINT = b"subscription".ljust(FINGERPRINT_BYTES)
"""Of every charge of a subscription: whatever its price is at the next try, it is the same request."""


class SubscriptionState(IntEnum):
    """Where a subscription is in its life. The values are stored: never renumber them."""

    PENDING = 1
    ACTIVE = 2
    PAST_DUE = 3
    SUSPENDED = 4
    CANCELED = 5


class Terms(msgspec.Struct, frozen=True):
    """What each period is charged for. They may be changed, for the periods that are not charged yet."""

    display_name: str
    usage: Usage
    number: str
    """In E.164, or empty where only a country or nothing was named. It prices each period, so it is kept."""
    amount: int | None
    """In micros; None: as the rate card says when it is charged."""
    grace_seconds: int
    """How long a period may stay unpaid before the subscription is suspended."""


class NewSubscription(msgspec.Struct, frozen=True):
    """A subscription that is asked for. `starts_at` in microseconds since the epoch; None: at once."""

    company: str
    id: str
    fingerprint: bytes
    terms: Terms
    unit: Unit
    count: int
    anchor_day: int
    """1 to 31 for months; 0: the day on which it begins."""
    starts_at: int | None

    def schedule(self, now: int) -> Schedule:
        """Return its calendar, where it is made now."""
        return schedule_from(now if self.starts_at is None else self.starts_at, self.unit, self.count, self.anchor_day)


class Subscription(msgspec.Struct, frozen=True):
    """A subscription as it is recorded. Times in microseconds since the epoch."""

    company: str
    id: str
    serial: int
    version: int
    """Counts changes."""
    fingerprint: bytes
    """Of the request that made it."""
    currency: str
    terms: Terms
    schedule: Schedule
    starts_at: int
    at_once: bool
    """The request that makes it charges the first period, and answers for a decline: nobody else tries then."""
    created_at: int
    state: SubscriptionState = SubscriptionState.PENDING
    charged: int = 0
    """Periods that are charged: all up to this number."""
    period_starts_at: int | None = None
    """Of the last period that is charged."""
    period_ends_at: int | None = None
    last_number: int | None = None
    """Of the last period's entry."""
    due_at: int | None = None
    """When a worker has to look at it; None: not by itself."""
    past_due_at: int | None = None
    """When its period was first declined."""
    declines: int = 0
    """How often the next period was declined."""
    declined: str = ""
    """Why at last, as in InsufficientFunds."""
    resumed_at: int | None = None
    """SUSPENDED: since when it is to be active again. That is decided, and not done."""
    cancel_at_period_end: bool = False
    canceled_at: int | None = None

    @property
    def next_number(self) -> int:
        """The number of the period that is charged next."""
        return self.charged + 1

    @property
    def next_key(self) -> str:
        """The idempotency key under which it is charged, whoever does it and however often."""
        return system_keys.subscription_period(self.id, self.next_number)

    @property
    def next_schedule(self) -> Schedule:
        """The calendar by which the next period is charged.

        Who comes back while the period that was not paid is still running pays that, and keeps its anchor. Who comes
        back later had nothing meanwhile, and begins anew at that time.
        """
        if self.resumed_at is None or self.schedule.period(self.next_number).ends_at > self.resumed_at:
            return self.schedule
        return schedule_from(self.resumed_at, self.schedule.unit, self.schedule.count, first=self.next_number)

    @property
    def next_period(self) -> Period:
        """The period that is charged next."""
        return self.next_schedule.period(self.next_number)

    @property
    def grace_ends_at(self) -> int | None:
        """When it is suspended, if the period that is declined is not paid until then."""
        return None if self.past_due_at is None else self.past_due_at + self.terms.grace_seconds * 1_000_000


class TermsChange(msgspec.Struct, frozen=True):
    """What is to change of the terms. None: as it is; `usage` comes with its `number`."""

    display_name: str | None = None
    usage: Usage | None = None
    number: str = ""
    sets_amount: bool = False
    amount: int | None = None
    """With `sets_amount`; None: as the rate card says."""
    grace_seconds: int | None = None

    def applied(self, terms: Terms) -> Terms:
        """Return the terms as they are to be."""
        return Terms(
            terms.display_name if self.display_name is None else self.display_name,
            terms.usage if self.usage is None else self.usage,
            terms.number if self.usage is None else self.number,
            self.amount if self.sets_amount else terms.amount,
            terms.grace_seconds if self.grace_seconds is None else self.grace_seconds,
        )


def schedule_from(origin_at: int, unit: Unit, count: int, anchor_day: int = 0, *, first: int = 1) -> Schedule:
    """Return the calendar that begins at a time, with that day as the anchor unless another one is given."""
    return Schedule(unit, count, origin_at, (anchor_day or day_of(origin_at)) if unit is Unit.MONTH else 0, first)


def share_of(amount: int, period: Period) -> int:
    """Return what of a whole period's amount a period costs, in micros: by its length, rounded half up to a micro."""
    return rounded(amount * (period.ends_at - period.starts_at), period.whole) if period.cut else amount
