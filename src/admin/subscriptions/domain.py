"""Subscriptions, their terms, and the requests that create or change them."""

from enum import IntEnum

import msgspec

from admin.subscriptions.periods import Schedule, SubscriptionPeriod, Unit, day_of
from wallet.domain import system_keys
from wallet.domain.commands import FINGERPRINT_BYTES
from wallet.domain.pricing import rounded
from wallet.domain.usage import Usage

FINGERPRINT = b"subscription".ljust(FINGERPRINT_BYTES)
"""The fingerprint of every charge of a subscription: an attempt at another price is the same request."""


class SubscriptionState(IntEnum):
    """The state of a subscription. The values are stored: never renumber them."""

    PENDING = 1
    ACTIVE = 2
    PAST_DUE = 3
    SUSPENDED = 4
    CANCELED = 5


class Terms(msgspec.Struct, frozen=True):
    """The terms that each period is charged by. A change holds for the periods that are not charged yet."""

    display_name: str
    usage: Usage
    number: str
    """In E.164; empty if the usage names a country or no destination. The rate of each period depends on it."""
    amount: int | None
    """In micros; None: the price by the rate card when a period is charged."""
    grace_seconds: int
    """How long a subscription is past due before it is suspended."""


class NewSubscription(msgspec.Struct, frozen=True):
    """A request for a subscription. `starts_at` is in microseconds since the epoch; None: at once."""

    company: str
    id: str
    fingerprint: bytes
    terms: Terms
    unit: Unit
    count: int
    anchor_day: int
    """1 to 31 for months; 0: the day of the month on which it begins."""
    starts_at: int | None

    def schedule(self, now: int) -> Schedule:
        """Return its schedule if it is created now."""
        return schedule_from(now if self.starts_at is None else self.starts_at, self.unit, self.count, self.anchor_day)


class Subscription(msgspec.Struct, frozen=True):
    """A subscription as it is stored. Times are in microseconds since the epoch."""

    company: str
    id: str
    serial: int
    version: int
    """Incremented with each change."""
    fingerprint: bytes
    """The fingerprint of the request that created it."""
    currency: str
    terms: Terms
    schedule: Schedule
    starts_at: int
    at_once: bool
    """Whether the creating request charges the first period. If that is declined, no worker tries again."""
    created_at: int
    state: SubscriptionState = SubscriptionState.PENDING
    charged: int = 0
    """The number of the last charged period; all before it are charged, too."""
    period_starts_at: int | None = None
    """The start of the last charged period."""
    period_ends_at: int | None = None
    last_number: int | None = None
    """The number of the entry that charged the last period."""
    due_at: int | None = None
    """When a worker processes it; None: it waits for a request."""
    past_due_at: int | None = None
    """When the next period was first declined."""
    declines: int = 0
    """How often the next period was declined."""
    declined: str = ""
    """The class name of the last decline, such as "InsufficientFunds"."""
    resumed_at: int | None = None
    """SUSPENDED: when a resumption was requested whose charge is not recorded yet."""
    cancel_at_period_end: bool = False
    canceled_at: int | None = None

    @property
    def next_number(self) -> int:
        """The number of the period that is charged next."""
        return self.charged + 1

    @property
    def next_key(self) -> str:
        """The idempotency key of the next period's charge, the same for every process and attempt."""
        return system_keys.subscription_period(self.id, self.next_number)

    @property
    def next_schedule(self) -> Schedule:
        """The schedule of the next period.

        A subscription that is resumed within its unpaid period pays that period, and keeps its anchor. One that is
        resumed later was not served meanwhile: a new schedule begins at that time.
        """
        if self.resumed_at is None or self.schedule.period(self.next_number).ends_at > self.resumed_at:
            return self.schedule
        return schedule_from(self.resumed_at, self.schedule.unit, self.schedule.count, first=self.next_number)

    @property
    def next_period(self) -> SubscriptionPeriod:
        """The period that is charged next."""
        return self.next_schedule.period(self.next_number)

    @property
    def grace_ends_at(self) -> int | None:
        """When it is suspended if the declined period is not paid by then; None: it is not past due."""
        return None if self.past_due_at is None else self.past_due_at + self.terms.grace_seconds * 1_000_000


class TermsChange(msgspec.Struct, frozen=True):
    """A change of the terms; None: unchanged. `number` belongs to `usage`."""

    display_name: str | None = None
    usage: Usage | None = None
    number: str = ""
    sets_amount: bool = False
    amount: int | None = None
    """Used with `sets_amount`; None: the price by the rate card."""
    grace_seconds: int | None = None

    def apply(self, terms: Terms) -> Terms:
        """Return the changed terms."""
        return Terms(
            terms.display_name if self.display_name is None else self.display_name,
            terms.usage if self.usage is None else self.usage,
            terms.number if self.usage is None else self.number,
            self.amount if self.sets_amount else terms.amount,
            terms.grace_seconds if self.grace_seconds is None else self.grace_seconds,
        )


def schedule_from(origin_at: int, unit: Unit, count: int, anchor_day: int = 0, *, first: int = 1) -> Schedule:
    """Return the schedule that begins at a time; its anchor is `anchor_day`, or that day if it is 0."""
    return Schedule(unit, count, origin_at, (anchor_day or day_of(origin_at)) if unit is Unit.MONTH else 0, first)


def prorated(amount: int, period: SubscriptionPeriod) -> int:
    """Return the amount for a period, in micros: a cut period costs its share by length, rounded half up to a micro."""
    return rounded(amount * (period.ends_at - period.starts_at), period.whole) if period.cut else amount
