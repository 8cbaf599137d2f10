"""The changes that a deck makes to a rate card: rates to delete, rates to insert, and a summary for people.

Each place (channel, variant and destination) is compared by itself: its rates before, in the order of `effective_at`,
and after. A rate gets no end of its own if the start of the next one ends it. Rates that can never be in force again
are deleted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from operator import attrgetter

import msgspec

from wallet.domain.rates import NEVER, Place, Rate

PRICE_JUMPS_LISTED_MAX = 20
"""How many changes of price a change set lists."""

_EFFECTIVE_AT = attrgetter("effective_at")


@dataclass(frozen=True, slots=True)
class PriceJump:
    """A change of a unit price, in micros."""

    rate: str
    """`Rate.id`."""
    description: str
    old: int
    new: int

    @property
    def size(self) -> float:
        """The relative change without its sign; infinite if the old price is 0."""
        return abs(self.new - self.old) / self.old if self.old else float("inf")

    @property
    def percent(self) -> float:
        """The relative change in percent, with its sign; 0 if the old price is 0."""
        return 100 * (self.new - self.old) / self.old if self.old else 0.0


@dataclass(slots=True)
class RateChangeSet:
    """The changes to a card's rates: first `delete`, then `insert`. The four counts are of places, not of rates."""

    delete: list[tuple[Place, int]] = field(default_factory=list)
    """Place and `effective_at`. A rate whose end changes is deleted, and inserted with its new end."""
    insert: list[Rate] = field(default_factory=list)
    added: int = 0
    """Places that had no rate from the start of the deck's rates on."""
    changed: int = 0
    """Places that had another rate from then on."""
    removed: int = 0
    """Places that had a rate from then on, and now have none."""
    unchanged: int = 0
    """Places of the deck whose rates stay as they are."""
    price_jumps: list[PriceJump] = field(default_factory=list)
    """The biggest changes of price, biggest first: one per place, and PRICE_JUMPS_LISTED_MAX in all, at most."""
    count_after: int = 0
    """How many rates the card has after the changes."""


def plan_changes(
    existing: Iterable[Rate], deck: Sequence[Rate], *, at: int, now: int, keep_unlisted: bool
) -> RateChangeSet:
    """Return the changes that a deck makes to a card with the rates `existing`.

    From its first rate in the deck on, a place has the rates of the deck and no others. A place that the deck does not
    list has no rate from `at` on if the deck has its channel and variant; with `keep_unlisted` it keeps its rates.
    `at` is when the deck begins, and nothing is priced any more at a time before `now`; both are in microseconds since
    the epoch. Neither in the card nor in the deck may two rates of a place have the same `effective_at`.
    """
    before, listed = _by_place(existing), _by_place(deck)
    covered = set() if keep_unlisted else {place[:2] for place in listed}
    result = RateChangeSet(count_after=sum(map(len, before.values())))
    price_jumps: list[PriceJump] = []
    for place, new in listed.items():
        old = before.pop(place, [])
        _set_listed(result, old, new, now)
        price_jumps += _price_jump(old, new, now)
    for place, old in before.items():
        if place[:2] in covered:
            _end_unlisted(result, old, at, now)
        else:
            _record(result, old, _current_and_later(old, now))
    result.price_jumps = nlargest(PRICE_JUMPS_LISTED_MAX, price_jumps, key=lambda jump: (jump.size, jump.new))
    return result


def _by_place(rates: Iterable[Rate]) -> dict[Place, list[Rate]]:
    """Return the rates of each place in the order of `effective_at`."""
    places: dict[Place, list[Rate]] = {}
    for rate in rates:
        places.setdefault(rate.place, []).append(rate)
    for versions in places.values():
        versions.sort(key=_EFFECTIVE_AT)
    return places


def _current_and_later(versions: list[Rate], at: int) -> list[Rate]:
    """Return the rates in force at a time or later: of those that have begun by then, only the last one can be."""
    begun = bisect_right(versions, at, key=_EFFECTIVE_AT)
    if begun and _lasts_beyond(versions[begun - 1], at):
        begun -= 1
    return versions[begun:]


def _lasts_beyond(rate: Rate, at: int) -> bool:
    return rate.expires_at == NEVER or rate.expires_at > at


def _set_listed(result: RateChangeSet, old: list[Rate], new: list[Rate], now: int) -> None:
    """Give a place the rates of the deck from the start of the first one on."""
    begins = new[0].effective_at
    after = old[: bisect_left(old, begins, key=_EFFECTIVE_AT)] + new
    since = max(begins, now)
    rates_before, rates_after = _current_and_later(old, since), _current_and_later(after, since)
    if [_terms(rate, since) for rate in rates_before] == [_terms(rate, since) for rate in rates_after]:
        result.unchanged += 1
        after = old
    elif not rates_after:
        # The last of the deck's rates for this place has expired before `now`.
        result.removed += 1
    elif rates_before:
        result.changed += 1
    else:
        result.added += 1
    _record(result, old, _current_and_later(after, now))


def _terms(rate: Rate, since: int) -> tuple[object, ...]:
    """Return the terms of a rate from a time on. They do not depend on when it began before that time."""
    return (
        max(rate.effective_at, since),
        rate.expires_at,
        rate.unit_price,
        rate.connect_fee,
        rate.minimum_quantity,
        rate.first_increment,
        rate.next_increment,
        rate.description,
    )


def _end_unlisted(result: RateChangeSet, old: list[Rate], at: int, now: int) -> None:
    """End the rates of a place at `at`."""
    if _current_and_later(old, max(at, now)):
        result.removed += 1
    after = old[: bisect_left(old, at, key=_EFFECTIVE_AT)]
    if after and _lasts_beyond(after[-1], at):
        after[-1] = msgspec.structs.replace(after[-1], expires_at=at)
    _record(result, old, _current_and_later(after, now))


def _record(result: RateChangeSet, old: list[Rate], new: list[Rate]) -> None:
    """Record the deletes and inserts that turn the old rates of a place into its new ones."""
    if old == new:
        return
    by_start_before = {rate.effective_at: rate for rate in old}
    by_start_after = {rate.effective_at: rate for rate in new}
    result.delete += [(rate.place, rate.effective_at) for rate in old if by_start_after.get(rate.effective_at) != rate]
    result.insert += [rate for rate in new if by_start_before.get(rate.effective_at) != rate]
    result.count_after += len(new) - len(old)


def _price_jump(old: list[Rate], new: list[Rate], now: int) -> list[PriceJump]:
    """Return the biggest change of a place's price, if any, of each new rate against the one in force at its start."""
    price_jumps = []
    for rate in _current_and_later(new, now):
        in_force = _current_and_later(old, max(rate.effective_at, now))[:1]
        price_jumps += [
            PriceJump(rate.id, rate.description, was.unit_price, rate.unit_price)
            for was in in_force
            if was.effective_at <= max(rate.effective_at, now) and was.unit_price != rate.unit_price
        ]
    return [max(price_jumps, key=lambda jump: jump.size)] if price_jumps else []
