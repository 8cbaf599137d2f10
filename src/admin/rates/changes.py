"""What a deck changes in a card: which rates go, which come, and what that means to who reads it.

Each place is looked at by itself: its rates before, in the order in which they begin, and after. Nothing is ended by
hand where the next one's beginning ends it; whatever can never be in force again goes.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from operator import attrgetter

import msgspec

from wallet.domain.rates import NEVER, Place, Rate

JUMPS_LISTED_MAX = 20
"""How many changes of price a plan lists."""

_EFFECTIVE_AT = attrgetter("effective_at")


@dataclass(frozen=True, slots=True)
class Jump:
    """A unit price that changes, in micros."""

    rate: str
    """`Rate.id`."""
    description: str
    old: int
    new: int

    @property
    def size(self) -> float:
        """By how much of the old price it changes, up or down; infinite where it cost nothing."""
        return abs(self.new - self.old) / self.old if self.old else float("inf")

    @property
    def percent(self) -> float:
        """By how much of the old price it changes, with its sign, in percent; 0 where it cost nothing."""
        return 100 * (self.new - self.old) / self.old if self.old else 0.0


@dataclass(slots=True)
class RatePlan:
    """How a card gets from the rates it has to those it shall have: first delete, then insert."""

    delete: list[tuple[Place, int]] = field(default_factory=list)
    """Place and `effective_at`. A rate whose end changes is deleted here, and inserted with its new end."""
    insert: list[Rate] = field(default_factory=list)
    added: int = 0
    """Places that had no rate from then on. These four count places, not rates."""
    changed: int = 0
    """Places that had another one."""
    removed: int = 0
    """Places that would have had a rate, and have none from then on."""
    unchanged: int = 0
    """Places in the deck that stay as they are."""
    jumps: list[Jump] = field(default_factory=list)
    """The biggest changes of price, the biggest first, at most one a place and JUMPS_LISTED_MAX in all."""
    count_after: int = 0
    """How many rates the card has then."""


def plan(existing: Iterable[Rate], deck: Sequence[Rate], *, at: int, now: int, keep_unlisted: bool) -> RatePlan:
    """Return what a deck changes in a card with these rates.

    From its first rate in the deck on, a place has the deck's rates and no others. Places that the deck does not list
    have no rate from `at` on, where the deck has their channel and variant; with `keep_unlisted` they stay. Times in
    microseconds since the epoch: `at` when the deck begins, `now` before which nothing will be priced any more. Neither
    in the card nor in the deck do two rates of a place begin at the same time.
    """
    before, listed = _by_place(existing), _by_place(deck)
    whole = set() if keep_unlisted else {place[:2] for place in listed}
    result = RatePlan(count_after=sum(map(len, before.values())))
    jumps: list[Jump] = []
    for place, new in listed.items():
        old = before.pop(place, [])
        _list(result, old, new, now)
        jumps += _jump(old, new, now)
    for place, old in before.items():
        if place[:2] in whole:
            _remove(result, old, at, now)
        else:
            _replace(result, old, _alive(old, now))
    result.jumps = nlargest(JUMPS_LISTED_MAX, jumps, key=lambda jump: (jump.size, jump.new))
    return result


def _by_place(rates: Iterable[Rate]) -> dict[Place, list[Rate]]:
    """Return each place's rates in the order in which they begin."""
    places: dict[Place, list[Rate]] = {}
    for rate in rates:
        places.setdefault(rate.place, []).append(rate)
    for versions in places.values():
        versions.sort(key=_EFFECTIVE_AT)
    return places


def _alive(versions: list[Rate], at: int) -> list[Rate]:
    """Return those that are in force at a time or later: of all that have begun by then only the last can be."""
    begun = bisect_right(versions, at, key=_EFFECTIVE_AT)
    if begun and _lasts_beyond(versions[begun - 1], at):
        begun -= 1
    return versions[begun:]


def _lasts_beyond(rate: Rate, at: int) -> bool:
    return rate.expires_at == NEVER or rate.expires_at > at


def _list(result: RatePlan, old: list[Rate], new: list[Rate], now: int) -> None:
    """Give a place the deck's rates from the first one's beginning on."""
    begins = new[0].effective_at
    after = old[: bisect_left(old, begins, key=_EFFECTIVE_AT)] + new
    since = max(begins, now)
    had, has = _alive(old, since), _alive(after, since)
    if [_terms(rate, since) for rate in had] == [_terms(rate, since) for rate in has]:
        result.unchanged += 1
        after = old
    elif not has:
        # The deck's last word on this place has expired before now.
        result.removed += 1
    elif had:
        result.changed += 1
    else:
        result.added += 1
    _replace(result, old, _alive(after, now))


def _terms(rate: Rate, since: int) -> tuple[object, ...]:
    """Return what makes a difference from a time on. When it began before that makes none."""
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


def _remove(result: RatePlan, old: list[Rate], at: int, now: int) -> None:
    """End a place's rates."""
    if _alive(old, max(at, now)):
        result.removed += 1
    after = old[: bisect_left(old, at, key=_EFFECTIVE_AT)]
    if after and _lasts_beyond(after[-1], at):
        after[-1] = msgspec.structs.replace(after[-1], expires_at=at)
    _replace(result, old, _alive(after, now))


def _replace(result: RatePlan, old: list[Rate], new: list[Rate]) -> None:
    """Note what turns a place's old rates into its new ones."""
    if old == new:
        return
    had = {rate.effective_at: rate for rate in old}
    has = {rate.effective_at: rate for rate in new}
    result.delete += [(rate.place, rate.effective_at) for rate in old if has.get(rate.effective_at) != rate]
    result.insert += [rate for rate in new if had.get(rate.effective_at) != rate]
    result.count_after += len(new) - len(old)


def _jump(old: list[Rate], new: list[Rate], now: int) -> list[Jump]:
    """Return the biggest change of a place's price, if there is one: each new rate against the one in force then."""
    jumps = []
    for rate in _alive(new, now):
        in_force = _alive(old, max(rate.effective_at, now))[:1]
        jumps += [
            Jump(rate.id, rate.description, was.unit_price, rate.unit_price)
            for was in in_force
            if was.effective_at <= max(rate.effective_at, now) and was.unit_price != rate.unit_price
        ]
    return [max(jumps, key=lambda jump: jump.size)] if jumps else []
