"""Examples of the changes that a deck makes to a card. The laws are in tests/property/admin/rates."""

from msgspec.structs import replace

from admin.rates.changes import PRICE_JUMPS_LISTED_MAX, PriceJump, RateChangeSet, plan_changes
from wallet.domain.rates import Rate
from wallet.domain.usage import Channel

GERMANY = Rate(Channel.VOICE, "", "+49", 10_000, next_increment=6, effective_at=10, description="Germany")
AUSTRIA = replace(GERMANY, destination="+43", description="Austria")
MESSAGE = Rate(Channel.SMS, "", "", 75_000, effective_at=10)


def changes(
    existing: list[Rate], *deck: Rate, at: int = 100, now: int = 100, keep_unlisted: bool = False
) -> RateChangeSet:
    """Return the changes that a deck makes, by default now."""
    return plan_changes(existing, deck, at=at, now=now, keep_unlisted=keep_unlisted)


def test_a_deck_is_added_to_an_empty_card() -> None:
    new = [replace(rate, effective_at=100) for rate in (GERMANY, AUSTRIA)]
    assert changes([], *new) == RateChangeSet(insert=new, added=2, count_after=2)


def test_a_new_price_replaces_the_old_one() -> None:
    new = replace(GERMANY, unit_price=15_000, effective_at=100)
    jump = PriceJump("voice.+49", "Germany", 10_000, 15_000)
    assert changes([GERMANY], new) == RateChangeSet(
        [(GERMANY.place, 10)], [new], changed=1, price_jumps=[jump], count_after=1
    )
    assert jump.percent == 50


def test_a_later_price_keeps_the_current_one() -> None:
    new = replace(GERMANY, unit_price=5_000, effective_at=200)
    result = changes([GERMANY], new, at=200)
    assert (result.delete, result.insert, result.count_after) == ([], [new], 2)
    assert result.price_jumps[0].percent == -50


def test_a_deck_replaces_rates_that_begin_after_it() -> None:
    later = replace(GERMANY, unit_price=30_000, effective_at=300)
    new = replace(GERMANY, unit_price=20_000, effective_at=200)
    result = changes([GERMANY, later], new, at=200)
    assert (result.delete, result.insert, result.changed) == ([(GERMANY.place, 300)], [new], 1)


def test_an_unchanged_price_is_not_written() -> None:
    assert changes([GERMANY], replace(GERMANY, effective_at=100)) == RateChangeSet(unchanged=1, count_after=1)


def test_unlisted_rates_end() -> None:
    deck = replace(GERMANY, effective_at=100)
    assert changes([GERMANY, AUSTRIA], deck) == RateChangeSet(
        [(AUSTRIA.place, 10)], removed=1, unchanged=1, count_after=1
    )


def test_unlisted_rates_end_when_the_deck_begins() -> None:
    deck = replace(GERMANY, effective_at=200)
    result = changes([GERMANY, AUSTRIA, replace(AUSTRIA, effective_at=300)], deck, at=200)
    assert result.delete == [(AUSTRIA.place, 10), (AUSTRIA.place, 300)]
    assert result.insert == [replace(AUSTRIA, expires_at=200)]
    assert (result.removed, result.count_after) == (1, 2)


def test_rates_of_other_channels_and_variants_stay() -> None:
    secure = replace(AUSTRIA, variant="secure")
    result = changes([GERMANY, MESSAGE, secure], replace(GERMANY, effective_at=100))
    assert result == RateChangeSet(unchanged=1, count_after=3)


def test_keep_unlisted_keeps_unlisted_rates() -> None:
    result = changes([GERMANY, AUSTRIA], replace(GERMANY, effective_at=100), keep_unlisted=True)
    assert result == RateChangeSet(unchanged=1, count_after=2)


def test_expired_rates_are_deleted_and_not_counted() -> None:
    old = replace(MESSAGE, effective_at=1, expires_at=9)
    result = changes([old, MESSAGE, AUSTRIA], replace(AUSTRIA, effective_at=100))
    assert result == RateChangeSet([(MESSAGE.place, 1)], unchanged=1, count_after=2)


def test_the_biggest_price_jumps_are_listed_first() -> None:
    old = [replace(GERMANY, destination=f"+49{n}", unit_price=100) for n in range(50)]
    deck = [replace(rate, unit_price=100 + n, effective_at=100) for n, rate in enumerate(old)]
    result = changes(old, *deck)
    assert (result.changed, result.unchanged) == (49, 1)
    assert [jump.new for jump in result.price_jumps] == list(range(149, 149 - PRICE_JUMPS_LISTED_MAX, -1))


def test_a_price_after_a_free_rate_is_the_biggest_jump() -> None:
    free = replace(AUSTRIA, unit_price=0)
    deck = [replace(GERMANY, unit_price=90_000, effective_at=100), replace(AUSTRIA, effective_at=100)]
    result = changes([GERMANY, free], *deck)
    assert [(jump.rate, jump.percent) for jump in result.price_jumps] == [("voice.+43", 0), ("voice.+49", 800)]
