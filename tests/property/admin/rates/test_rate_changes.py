"""Laws of what a deck changes in a card, against a model that looks at every rate."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from admin.rates.changes import RatePlan, plan
from tests.property.wallet.test_pricing import naively_in_force
from wallet.domain.rates import NEVER, Rate
from wallet.domain.usage import Channel

TIMES = st.integers(0, 20)
END = 30
"""Nothing begins or ends later."""


def has_an_end_after_its_beginning(rate: Rate) -> bool:
    """Tell whether a rate is one that a card may have."""
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
).filter(has_an_end_after_its_beginning)
DECKS = st.lists(RATES, max_size=12, unique_by=lambda rate: (rate.place, rate.effective_at))


def applied(existing: list[Rate], changes: RatePlan) -> list[Rate]:
    """Return a card's rates after a plan, as a table with a primary key would have them."""
    table = {(rate.place, rate.effective_at): rate for rate in existing}
    for key in changes.delete:
        del table[key]
    for rate in changes.insert:
        assert (rate.place, rate.effective_at) not in table
        table[rate.place, rate.effective_at] = rate
    assert changes.count_after == len(table)
    return list(table.values())


def terms(rates: list[Rate], at: int) -> set[Rate]:
    """Return what prices at a time: when it began, and when it will end, is no part of that."""
    return {msgspec.structs.replace(rate, effective_at=0, expires_at=0) for rate in naively_in_force(rates, at)}


@given(DECKS, DECKS, TIMES, TIMES, st.booleans())
def test_each_place_has_its_old_rate_until_the_deck_begins_and_the_decks_from_then_on(
    existing: list[Rate], deck: list[Rate], at: int, now: int, keep_unlisted: bool
) -> None:
    after = applied(existing, plan(existing, deck, at=at, now=now, keep_unlisted=keep_unlisted))
    listed = {rate.place for rate in deck}
    whole = {place[:2] for place in listed}
    for place in listed | {rate.place for rate in existing}:
        old, new, then = ([rate for rate in rates if rate.place == place] for rates in (existing, deck, after))
        begins = min((rate.effective_at for rate in new), default=at)
        stays = place not in listed and (keep_unlisted or place[:2] not in whole)
        for time in range(now, END + 1):
            assert terms(then, time) == terms(old if stays or time < begins else new, time)


@given(DECKS, DECKS, TIMES, TIMES, st.booleans())
def test_the_same_deck_again_changes_nothing(
    existing: list[Rate], deck: list[Rate], at: int, now: int, keep_unlisted: bool
) -> None:
    after = applied(existing, plan(existing, deck, at=at, now=now, keep_unlisted=keep_unlisted))
    again = plan(after, deck, at=at, now=now, keep_unlisted=keep_unlisted)
    assert again == RatePlan(unchanged=len({rate.place for rate in deck}), count_after=len(after))


@given(DECKS, DECKS, TIMES, TIMES, st.booleans())
def test_what_can_never_be_in_force_again_is_not_kept(
    existing: list[Rate], deck: list[Rate], at: int, now: int, keep_unlisted: bool
) -> None:
    after = applied(existing, plan(existing, deck, at=at, now=now, keep_unlisted=keep_unlisted))
    used = {rate for time in range(now, END + 1) for rate in naively_in_force(after, time)}
    assert set(after) == used


@given(DECKS, DECKS, TIMES, TIMES, st.booleans())
def test_a_place_is_counted_once_and_as_what_happens_to_it(
    existing: list[Rate], deck: list[Rate], at: int, now: int, keep_unlisted: bool
) -> None:
    changes = plan(existing, deck, at=at, now=now, keep_unlisted=keep_unlisted)
    counts = {"added": 0, "changed": 0, "removed": 0, "unchanged": 0}
    listed = {rate.place for rate in deck}
    whole = {place[:2] for place in listed}
    for place in listed | {rate.place for rate in existing}:
        old, new = ([rate for rate in rates if rate.place == place] for rates in (existing, deck))
        if not new and (keep_unlisted or place[:2] not in whole):
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
