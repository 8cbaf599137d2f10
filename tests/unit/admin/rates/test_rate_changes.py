"""What a deck changes in a card: examples. The laws are in tests/property/test_rate_changes.py."""

from msgspec.structs import replace

from admin.rates.changes import JUMPS_LISTED_MAX, Jump, RatePlan, plan
from wallet.domain.rates import Rate
from wallet.domain.usage import Channel

GERMANY = Rate(Channel.VOICE, "", "+49", 10_000, next_increment=6, effective_at=10, description="Germany")
AUSTRIA = replace(GERMANY, destination="+43", description="Austria")
MESSAGE = Rate(Channel.SMS, "", "", 75_000, effective_at=10)


def changes(existing: list[Rate], *deck: Rate, at: int = 100, now: int = 100, keep_unlisted: bool = False) -> RatePlan:
    """Return what a deck changes, by default at once."""
    return plan(existing, deck, at=at, now=now, keep_unlisted=keep_unlisted)


def test_an_empty_card_has_the_deck_added() -> None:
    new = [replace(rate, effective_at=100) for rate in (GERMANY, AUSTRIA)]
    assert changes([], *new) == RatePlan(insert=new, added=2, count_after=2)


def test_a_new_price_takes_the_place_of_the_old_one() -> None:
    new = replace(GERMANY, unit_price=15_000, effective_at=100)
    jump = Jump("voice.+49", "Germany", 10_000, 15_000)
    assert changes([GERMANY], new) == RatePlan([(GERMANY.place, 10)], [new], changed=1, jumps=[jump], count_after=1)
    assert jump.percent == 50


def test_next_months_price_leaves_todays_where_it_is() -> None:
    new = replace(GERMANY, unit_price=5_000, effective_at=200)
    result = changes([GERMANY], new, at=200)
    assert (result.delete, result.insert, result.count_after) == ([], [new], 2)
    assert result.jumps[0].percent == -50


def test_what_was_to_come_later_gives_way_to_the_deck() -> None:
    later = replace(GERMANY, unit_price=30_000, effective_at=300)
    new = replace(GERMANY, unit_price=20_000, effective_at=200)
    result = changes([GERMANY, later], new, at=200)
    assert (result.delete, result.insert, result.changed) == ([(GERMANY.place, 300)], [new], 1)


def test_the_same_price_stays_untouched() -> None:
    assert changes([GERMANY], replace(GERMANY, effective_at=100)) == RatePlan(unchanged=1, count_after=1)


def test_what_the_deck_does_not_list_ends() -> None:
    deck = replace(GERMANY, effective_at=100)
    assert changes([GERMANY, AUSTRIA], deck) == RatePlan([(AUSTRIA.place, 10)], removed=1, unchanged=1, count_after=1)


def test_what_the_deck_does_not_list_ends_when_the_deck_begins() -> None:
    deck = replace(GERMANY, effective_at=200)
    result = changes([GERMANY, AUSTRIA, replace(AUSTRIA, effective_at=300)], deck, at=200)
    assert result.delete == [(AUSTRIA.place, 10), (AUSTRIA.place, 300)]
    assert result.insert == [replace(AUSTRIA, expires_at=200)]
    assert (result.removed, result.count_after) == (1, 2)


def test_other_channels_and_variants_stay() -> None:
    secure = replace(AUSTRIA, variant="secure")
    result = changes([GERMANY, MESSAGE, secure], replace(GERMANY, effective_at=100))
    assert result == RatePlan(unchanged=1, count_after=3)


def test_unlisted_rates_may_stay() -> None:
    result = changes([GERMANY, AUSTRIA], replace(GERMANY, effective_at=100), keep_unlisted=True)
    assert result == RatePlan(unchanged=1, count_after=2)


def test_what_is_over_is_cleared_away_and_not_counted() -> None:
    old = replace(MESSAGE, effective_at=1, expires_at=9)
    result = changes([old, MESSAGE, AUSTRIA], replace(AUSTRIA, effective_at=100))
    assert result == RatePlan([(MESSAGE.place, 1)], unchanged=1, count_after=2)


def test_the_biggest_jumps_are_listed_first() -> None:
    old = [replace(GERMANY, destination=f"+49{n}", unit_price=100) for n in range(50)]
    deck = [replace(rate, unit_price=100 + n, effective_at=100) for n, rate in enumerate(old)]
    result = changes(old, *deck)
    assert (result.changed, result.unchanged) == (49, 1)
    assert [jump.new for jump in result.jumps] == list(range(149, 149 - JUMPS_LISTED_MAX, -1))


def test_a_price_where_there_was_none_to_pay_is_the_biggest_jump() -> None:
    free = replace(AUSTRIA, unit_price=0)
    deck = [replace(GERMANY, unit_price=90_000, effective_at=100), replace(AUSTRIA, effective_at=100)]
    result = changes([GERMANY, free], *deck)
    assert [(jump.rate, jump.percent) for jump in result.jumps] == [("voice.+43", 0), ("voice.+49", 800)]
