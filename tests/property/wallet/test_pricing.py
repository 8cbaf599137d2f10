"""Laws of prices, against a model that compares every rate and computes with fractions."""

from fractions import Fraction
from math import floor

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from wallet.domain.pricing import Price, covered, price_of, repriced
from wallet.domain.ratebook import RateBook, RateBookBuilder, RateBooks
from wallet.domain.rates import NEVER, QUANTITY_MAX, UNIT_PRICE_MAX, Rate, RateCard
from wallet.domain.usage import Channel, Usage

# Few of each, so that rates meet usages and one another.
CHANNELS = st.sampled_from([Channel.SMS, Channel.VOICE])
VARIANTS = st.sampled_from(["", "a", "a.b", "a.b.c", "ab", "b"])
COUNTRIES = st.sampled_from(["DE", "AT"])
DIGITS = st.text("12", min_size=1, max_size=5)
NUMBERS = st.text("12", min_size=4, max_size=8).map(lambda digits: "+" + digits)
TIMES = st.integers(0, 20)

RATES = st.builds(
    Rate,
    channel=CHANNELS,
    variant=VARIANTS,
    destination=st.one_of(DIGITS.map(lambda digits: "+" + digits), COUNTRIES, st.just("")),
    unit_price=st.integers(0, 1_000),
    effective_at=TIMES,
    expires_at=st.one_of(st.just(NEVER), st.integers(1, 25)),
)
DECKS = st.lists(RATES, max_size=30, unique_by=lambda rate: (rate.place, rate.effective_at))
USAGES = st.builds(
    Usage, channel=CHANNELS, variant=VARIANTS, country=st.one_of(COUNTRIES, st.just("")), quantity=st.integers(0, 500)
)

UNIT_PRICES = st.one_of(st.integers(0, 200), st.integers(0, UNIT_PRICE_MAX))
QUANTITIES = st.one_of(st.integers(0, 200), st.integers(0, QUANTITY_MAX))
TERMS = st.builds(
    Rate,
    channel=st.sampled_from(Channel),
    variant=st.just(""),
    destination=st.just(""),
    unit_price=UNIT_PRICES,
    connect_fee=UNIT_PRICES,
    minimum_quantity=QUANTITIES,
    first_increment=QUANTITIES,
    next_increment=QUANTITIES.filter(bool),
)
PER_UNIT = {Channel.SMS: 1, Channel.WHATSAPP: 1, Channel.VOICE: 60, Channel.PHONE_NUMBER: 1}


def book(rates: list[Rate], name: str = "standard", parent: str = "") -> RateBook:
    """Return the book of a card, made in slices."""
    builder = RateBookBuilder(RateCard(name, "EUR", parent, "", 7, 0, 0, 0))
    for start in range(0, len(rates), 4):
        builder.add(rates[start : start + 4])
    return builder.build()


def naively_in_force(rates: list[Rate], at: int) -> list[Rate]:
    """Return the rates that are in force at a time: of each place the last that has begun, if it has not expired."""
    begun = [rate for rate in rates if rate.effective_at <= at]
    last = [
        rate
        for rate in begun
        if not any(other.place == rate.place and other.effective_at > rate.effective_at for other in begun)
    ]
    return [rate for rate in last if rate.expires_at == NEVER or at < rate.expires_at]


def naively_found(rates: list[Rate], usage: Usage, number: str, at: int) -> Rate | None:
    """Return the most specific of all rates in force that match, by the rule's own words."""
    matching = [
        (len(rate.variant.split(".")) if rate.variant else 0, specific, rate.destination, rate)
        for rate in naively_in_force(rates, at)
        if rate.channel == usage.channel
        and (not rate.variant or f"{usage.variant}.".startswith(f"{rate.variant}."))
        and (specific := naively_specific(rate.destination, usage.country, number)) is not None
    ]
    return max(matching, key=lambda match: match[:2])[3] if matching else None


def naively_specific(destination: str, country: str, number: str) -> int | None:
    """Return how specific a destination is for a usage; None where it does not match."""
    if destination.startswith("+"):
        return len(destination) if number.startswith(destination) else None
    if destination:
        return 1 if destination == country else None
    return 0


def exact_amount(rate: Rate, billed: int) -> Fraction:
    """Return the price of `billed`, before it is rounded."""
    return Fraction(rate.unit_price, PER_UNIT[rate.channel]) * billed + rate.connect_fee


def half_up(amount: Fraction) -> int:
    """Return the nearest integer, the greater of two."""
    return floor(amount + Fraction(1, 2))


def priced(rate: Rate, quantity: int) -> Price:
    """Return the price of a quantity by a rate."""
    return price_of(rate, quantity, card="standard", version=7)


@given(DECKS, USAGES, st.one_of(st.just(""), NUMBERS), TIMES)
def test_the_rate_is_the_one_that_a_linear_scan_finds(deck: list[Rate], usage: Usage, number: str, at: int) -> None:
    assert book(deck).find(usage, number, at) == naively_found(deck, usage, number, at)


@given(st.lists(DECKS, min_size=1, max_size=4), USAGES, st.one_of(st.just(""), NUMBERS), TIMES)
def test_a_card_goes_before_its_parent(decks: list[list[Rate]], usage: Usage, number: str, at: int) -> None:
    last = len(decks) - 1
    line = [book(deck, f"c{n}", "" if n == last else f"c{n + 1}") for n, deck in enumerate(decks)]
    price = RateBooks({b.card.id: b for b in line}, {}, 1).price("c0", usage, number, at)
    found = ((n, naively_found(deck, usage, number, at)) for n, deck in enumerate(decks))
    expected = next(((n, rate) for n, rate in found if rate), None)
    if expected is None:
        assert price is None
        return
    n, rate = expected
    assert price == price_of(rate, usage.quantity, card=f"c{n}", version=7)


@given(TERMS, QUANTITIES)
def test_what_is_billed_is_the_least_that_the_increments_allow(rate: Rate, quantity: int) -> None:
    price = priced(rate, quantity)
    assert price.used == quantity
    wanted = max(quantity, rate.minimum_quantity)
    assert price.billed >= wanted
    steps = Fraction(price.billed - rate.first_increment, rate.next_increment)
    assert steps.denominator == 1
    assert steps >= 0
    assert steps == 0 or price.billed - rate.next_increment < wanted


@given(TERMS, QUANTITIES)
def test_an_amount_is_rounded_once_and_a_half_of_it_up(rate: Rate, quantity: int) -> None:
    price = priced(rate, quantity)
    assert price.amount == half_up(exact_amount(rate, price.billed))


@given(TERMS, QUANTITIES, QUANTITIES, st.booleans())
def test_a_pinned_price_goes_on_as_its_rate_would(rate: Rate, before: int, quantity: int, connect_fee: bool) -> None:
    again = repriced(priced(rate, before), quantity, connect_fee=connect_fee)
    assert again == price_of(rate, quantity, card="standard", version=7, connect_fee=connect_fee)
    back = msgspec.json.decode(msgspec.json.encode(again), type=Price)
    assert back == again


@given(TERMS, QUANTITIES, st.one_of(st.integers(0, 500), st.integers(0, 9_000_000_000_000_000)))
def test_what_an_amount_covers_is_the_most_that_it_pays_for(rate: Rate, quantity: int, amount: int) -> None:
    price = priced(rate, quantity)
    most = covered(price, amount)
    assert 0 <= most <= QUANTITY_MAX
    if most:
        assert priced(rate, most).amount <= amount
    if most < QUANTITY_MAX:
        assert priced(rate, most + 1).amount > amount


@given(TERMS, QUANTITIES, st.integers(1, QUANTITY_MAX), st.integers(-1, 1))
def test_what_is_paid_for_is_covered(rate: Rate, quantity: int, wanted: int, off: int) -> None:
    # At the edge: exactly what a quantity costs, a micro more and a micro less.
    price = priced(rate, quantity)
    amount = max(0, priced(rate, wanted).amount + off)
    most = covered(price, amount)
    assert (most >= wanted) == (priced(rate, wanted).amount <= amount)
