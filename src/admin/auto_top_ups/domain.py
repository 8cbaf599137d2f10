"""Automatic top-ups: when one is made, and its amount.

A rule adds `amount` when less than `threshold` is available. One charge of the card covers the whole gap: the smallest
multiple of `amount` that brings the available amount back to the threshold, so that the customer sees the amount of the
rule or a multiple of it. Amounts are micros; days and months are in UTC.
"""

from enum import IntEnum

import msgspec

from wallet.domain.backoff import Backoff
from wallet.domain.money import MICROS_MAX

DAY_COUNT_MAX = 10
"""Top-ups a day, unless the rule says otherwise; one more is a runaway, which pauses the rule."""
DECLINE_BACKOFF = Backoff(seconds_min=600, factor=6, seconds_max=21_600, failures_max=4)
"""How long a rule waits after each decline in a row: 10 minutes, 1 hour, 6 hours. The fourth pauses it."""
OUTCOME_BACKOFF = Backoff(seconds_min=2, factor=2, seconds_max=60)
"""How soon a top-up is resumed to learn its state, while the provider gives none."""
AUTHENTICATION_SECONDS = 60
"""The same, while the bank waits for the customer's authentication."""


class RuleState(IntEnum):
    """The state of a rule. The values are stored: never renumber them."""

    ACTIVE = 1
    PAUSED = 2


class PauseReason(IntEnum):
    """The reasons for pauses of rules. The values are stored: never renumber them."""

    REQUESTED = 1
    DECLINES = 2
    RUNAWAY = 3
    DISPUTE = 4


class FiringState(IntEnum):
    """Whether the end of a firing has been recorded; its payment's state is the top-up's.

    The values are stored: never renumber them.
    """

    OPEN = 1
    """Its top-up may still succeed, or has ended and that is not recorded yet. The amount counts within bounds."""
    SUCCEEDED = 2
    """Recorded. The amount counts within bounds."""
    FAILED = 3
    """Recorded. The amount no longer counts within bounds."""


class AutoTopUpTerms(msgspec.Struct, frozen=True):
    """The terms of a rule, as people set them. A bound that is None does not exist."""

    threshold: int
    amount: int
    payment_method: str
    """The id of a saved card."""
    day_amount_max: int | None = None
    month_amount_max: int | None = None
    day_count_max: int = DAY_COUNT_MAX
    month_count_max: int | None = None


class AutoTopUpChange(msgspec.Struct, frozen=True):
    """A change of a rule: None leaves a term as it is, and 0 removes a bound."""

    threshold: int | None = None
    amount: int | None = None
    payment_method: str | None = None
    day_amount_max: int | None = None
    month_amount_max: int | None = None
    day_count_max: int | None = None
    month_count_max: int | None = None


class AutoTopUp(msgspec.Struct, frozen=True):
    """A rule. Times in microseconds since the epoch; 0 if there is none."""

    company: str
    currency: str
    terms: AutoTopUpTerms
    state: RuleState
    pause_reason: PauseReason | None
    paused_at: int
    declines: int
    """Declines in a row."""
    waits_until: int
    in_flight: str
    """The id of the top-up that is in flight; empty if there is none."""
    day_amount: int
    """The amount of today's firings, without those that failed."""
    month_amount: int
    created_at: int
    updated_at: int


class Firing(msgspec.Struct, frozen=True):
    """The decision to make one automatic top-up, with its terms. The state of the payment is its top-up's."""

    company: str
    number: int
    amount: int
    currency: str
    payment_method: str

    @property
    def top_up(self) -> str:
        """The id of its top-up."""
        return top_up_id(self.number)


class Added(msgspec.Struct, frozen=True):
    """Amounts and counts of a company's firings in this day and month, without those that failed."""

    day_amount: int = 0
    day_count: int = 0
    month_amount: int = 0
    month_count: int = 0


class FiringDecision(IntEnum):
    """The decision about a company below its threshold."""

    FIRE = 1
    WAIT_FOR_DAY = 2
    """A bound of the day is reached: wait for the next day."""
    WAIT_FOR_MONTH = 3
    RUNAWAY = 4
    """There were too many today: pause the rule."""


def apply_change(before: AutoTopUpTerms | None, change: AutoTopUpChange) -> AutoTopUpTerms | None:
    """Return the terms after a change, or None if the threshold, amount or payment method would be missing."""
    old = before or AutoTopUpTerms(0, 0, "")
    new = AutoTopUpTerms(
        change.threshold or old.threshold,
        change.amount or old.amount,
        change.payment_method or old.payment_method,
        day_amount_max=_changed_bound(change.day_amount_max, old.day_amount_max),
        month_amount_max=_changed_bound(change.month_amount_max, old.month_amount_max),
        day_count_max=_changed_bound(change.day_count_max, old.day_count_max) or DAY_COUNT_MAX,
        month_count_max=_changed_bound(change.month_count_max, old.month_count_max),
    )
    return new if new.threshold and new.amount and new.payment_method else None


def top_up_id(number: int) -> str:
    """Return the id of the top-up of a firing."""
    return f"auto-{number}"


def decide(terms: AutoTopUpTerms, available: int, added: Added) -> tuple[FiringDecision, int]:
    """Return what to do if `available` is below the threshold, and the amount of the charge.

    Bounds reduce the charge by whole multiples of the rule's amount, and postpone it if not one is left.
    """
    assert available < terms.threshold
    needed = -(-(terms.threshold - available) // terms.amount)
    by_day = _multiples(terms.day_amount_max, added.day_amount, terms.amount)
    by_month = _multiples(terms.month_amount_max, added.month_amount, terms.amount)
    if by_month <= 0 or (terms.month_count_max is not None and added.month_count >= terms.month_count_max):
        return FiringDecision.WAIT_FOR_MONTH, 0
    if by_day <= 0:
        return FiringDecision.WAIT_FOR_DAY, 0
    if added.day_count >= terms.day_count_max:
        return FiringDecision.RUNAWAY, 0
    return FiringDecision.FIRE, min(needed, by_day, by_month, MICROS_MAX // terms.amount) * terms.amount


def _changed_bound(change: int | None, before: int | None) -> int | None:
    return before if change is None else change or None


def _multiples(bound: int | None, added: int, amount: int) -> int:
    """Return how many multiples of an amount a bound still allows."""
    return MICROS_MAX // amount if bound is None else (bound - added) // amount
