"""Laws of the changes that a deck makes to a card, against a model that examines every rate."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from admin.rates.changes import RateChangeSet, plan_changes
from tests.property.wallet.test_pricing import naively_in_force
from wallet.domain.rates import NEVER, Rate
from wallet.domain.usage import Channel

TIMES = st.integers(0, 20)
END = 30
"""No rate begins or ends later."""


def ends_after_it_begins(rate: Rate) -> bool:
    """Return whether a card may have a rate."""
    return rate.expires_at == NEVER or rate.expires_at > rate.effective_at


RATES = st.builds(
    Rate,
    channel=st.sampled_from([Channel.SMS, Channel.VOICE]),
    variant=st.sampled_from(["", "a"]),
    destination=st.sampled_from(["", "+1", "+12", "DE"]),
    unit_price=st.integers(0, 2),
    effective_at=TIMES,
    expires_at=st.one_of(st.just(NEVER), st.integers(1, END)),
    description=st.sampled_from(["", "Somewhere"]),
).filter(ends_after_it_begins)
DECKS = st.lists(RATES, max_size=12, unique_by=lambda rate: (rate.place, rate.effective_at))


def apply(existing: list[Rate], changes: RateChangeSet) -> list[Rate]:
    """Return a card's rates after changes, as a table with a primary key has them."""
    table = {(rate.place, rate.effective_at): rate for rate in existing}
    for key in changes.delete:
        del table[key]
    for rate in changes.insert:
        assert (rate.place, rate.effective_at) not in table
        table[rate.place, rate.effective_at] = rate
    assert changes.count_after == len(table)
    return list(table.values())


def terms(rates: list[Rate], at: int) -> set[Rate]:
    """Return the rates in force at a time, without their start and end."""
    return {msgspec.structs.replace(rate, effective_at=0, expires_at=0) for rate in naively_in_force(rates, at)}


@given(DECKS, DECKS, TIMES, TIMES, st.booleans())
def test_a_place_has_old_rates_until_the_deck_begins_then_the_decks(
    existing: list[Rate], deck: list[Rate], at: int, now: int, keep_unlisted: bool
) -> None:
    after = apply(existing, plan_changes(existing, deck, at=at, now=now, keep_unlisted=keep_unlisted))
    listed = {rate.place for rate in deck}
    covered = {place[:2] for place in listed}
    for place in listed | {rate.place for rate in existing}:
        old, new, then = ([rate for rate in rates if rate.place == place] for rates in (existing, deck, after))
        begins = min((rate.effective_at for rate in new), default=at)
        stays = place not in listed and (keep_unlisted or place[:2] not in covered)
        for time in range(now, END + 1):
            assert terms(then, time) == terms(old if stays or time < begins else new, time)


@given(DECKS, DECKS, TIMES, TIMES, st.booleans())
def test_importing_a_deck_twice_changes_nothing(
    existing: list[Rate], deck: list[Rate], at: int, now: int, keep_unlisted: bool
) -> None:
    after = apply(existing, plan_changes(existing, deck, at=at, now=now, keep_unlisted=keep_unlisted))
    again = plan_changes(after, deck, at=at, now=now, keep_unlisted=keep_unlisted)
    assert again == RateChangeSet(unchanged=len({rate.place for rate in deck}), count_after=len(after))


@given(DECKS, DECKS, TIMES, TIMES, st.booleans())
def test_rates_that_are_never_in_force_are_deleted(
    existing: list[Rate], deck: list[Rate], at: int, now: int, keep_unlisted: bool
) -> None:
    after = apply(existing, plan_changes(existing, deck, at=at, now=now, keep_unlisted=keep_unlisted))
    used = {rate for time in range(now, END + 1) for rate in naively_in_force(after, time)}
    assert set(after) == used


@given(DECKS, DECKS, TIMES, TIMES, st.booleans())
def test_each_place_is_counted_once_by_what_happens(
    existing: list[Rate], deck: list[Rate], at: int, now: int, keep_unlisted: bool
) -> None:
    changes = plan_changes(existing, deck, at=at, now=now, keep_unlisted=keep_unlisted)
    counts = {"added": 0, "changed": 0, "removed": 0, "unchanged": 0}
    listed = {rate.place for rate in deck}
    covered = {place[:2] for place in listed}
    for place in listed | {rate.place for rate in existing}:
        old, new = ([rate for rate in rates if rate.place == place] for rates in (existing, deck))
        if not new and (keep_unlisted or place[:2] not in covered):
            continue
        since = max(now, min((rate.effective_at for rate in new), default=at))
        had, has = (any(naively_in_force(rates, time) for time in range(since, END + 1)) for rates in (old, new))
        same = all(
            [(r.expires_at, terms([r], r.effective_at)) for r in naively_in_force(old, time)]
            == [(r.expires_at, terms([r], r.effective_at)) for r in naively_in_force(new, time)]
            for time in range(since, END + 1)
        )
        begun = [{r.effective_at for r in rates if since < r.effective_at} for rates in (old, new)]
        if not new:
            counts["removed"] += had
        elif same and begun[0] == begun[1]:
            counts["unchanged"] += 1
        else:
            counts["changed" if had and has else "added" if has else "removed"] += 1
    assert counts == {name: getattr(changes, name) for name in counts}
