"""Examples of prices, computed by hand. The laws are in tests/property/wallet/test_pricing.py."""

import msgspec
import pytest

from wallet.domain.pricing import Price, billed, covered, price_of, repriced, rounded
from wallet.domain.ratebook import ANCESTORS_MAX, RateBook, RateBookBuilder, RateBooks
from wallet.domain.rates import QUANTITY_MAX, Rate, RateCard
from wallet.domain.usage import Channel, Usage

NOW = 1_790_000_000_000_000
MINUTE = Rate(Channel.VOICE, "", "+49", 10_000, next_increment=6)


def card(name: str, parent: str = "", version: int = 1) -> RateCard:
    """Return a card of which a test cares about name, parent and version."""
    return RateCard(name, "EUR", parent, "", version, 0, 0, 0)


def book(*rates: Rate, name: str = "standard", parent: str = "") -> RateBook:
    """Return the book of a card with these rates."""
    builder = RateBookBuilder(card(name, parent))
    builder.add(rates)
    return builder.build()


def costs(rate: Rate, quantity: int) -> Price:
    """Return the price of a quantity by a rate."""
    return price_of(rate, quantity, card="standard", version=1)


def found(of: RateBook, usage: Usage, number: str = "") -> str | None:
    """Return the id of the rate that prices a usage."""
    rate = of.find(usage, number, NOW)
    return rate.id if rate else None


@pytest.mark.parametrize(
    ("quantity", "minimum", "first", "next_one", "expected"),
    [
        (205, 0, 30, 6, 210),
        (205, 0, 0, 6, 210),
        (1, 0, 30, 6, 30),
        (30, 0, 30, 6, 30),
        (31, 0, 30, 6, 36),
        (1, 0, 60, 60, 60),
        (60, 0, 60, 60, 60),
        (61, 0, 60, 60, 120),
        (205, 0, 1, 1, 205),
        (205, 0, 0, 1, 205),
        (1, 10, 0, 6, 12),
        (1, 10, 30, 6, 30),
        (1, 31, 30, 6, 36),
        (13, 10, 0, 6, 18),
    ],
)
def test_what_is_billed_is_the_first_increment_and_whole_ones_after_it(
    quantity: int, minimum: int, first: int, next_one: int, expected: int
) -> None:
    assert billed(quantity, minimum=minimum, first=first, next=next_one) == expected


def test_a_call_of_205_seconds_is_billed_as_210_and_keeps_both() -> None:
    price = costs(MINUTE, 205)
    assert (price.used, price.billed, price.unit) == (205, 210, 60)
    assert price.amount == 35_000  # 3.5 minutes at 0.01


@pytest.mark.parametrize(
    ("unit_price", "seconds", "amount"),
    [(1, 30, 1), (1, 29, 0), (3, 10, 1), (3, 9, 0), (7, 90, 11), (59, 1, 1), (29, 1, 0), (30, 1, 1)],
)
def test_half_a_micro_is_rounded_up(unit_price: int, seconds: int, amount: int) -> None:
    assert costs(Rate(Channel.VOICE, "", "", unit_price), seconds).amount == amount


def test_rounding_is_to_the_nearest() -> None:
    assert [rounded(n, 4) for n in range(9)] == [0, 0, 1, 1, 1, 1, 2, 2, 2]


def test_a_connect_fee_is_taken_once() -> None:
    rate = msgspec.structs.replace(MINUTE, connect_fee=5_000)
    assert costs(rate, 60).amount == 15_000
    assert price_of(rate, 60, card="standard", version=1, connect_fee=False).amount == 10_000
    later = repriced(costs(rate, 60), 120, connect_fee=False)
    assert (later.used, later.billed, later.connect_fee, later.amount) == (120, 120, 0, 20_000)


def test_a_message_is_priced_by_the_piece() -> None:
    price = costs(Rate(Channel.SMS, "", "", 75_000), 3)
    assert (price.unit, price.billed, price.amount) == (1, 3, 225_000)


def test_what_an_amount_covers_is_in_whole_increments() -> None:
    price = costs(msgspec.structs.replace(MINUTE, first_increment=30, connect_fee=5_000), 60)
    assert covered(price, 4_999) == 0
    assert covered(price, 9_999) == 0  # Not even the first 30 seconds.
    assert covered(price, 10_000) == 30
    assert covered(price, 10_999) == 30
    assert covered(price, 11_000) == 36
    assert covered(costs(Rate(Channel.VOICE, "", "", 0), 1), 0) == QUANTITY_MAX


def test_a_price_comes_back_from_json_as_it_was() -> None:
    price = costs(MINUTE, 205)
    assert msgspec.json.decode(msgspec.json.encode(price), type=Price) == price


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (Rate(Channel.VOICE, "", "+4915", 1), "voice.+4915"),
        (Rate(Channel.WHATSAPP, "template.marketing", "DE", 1), "whatsapp.template.marketing.DE"),
        (Rate(Channel.WHATSAPP, "template", "", 1), "whatsapp.template"),
        (Rate(Channel.SMS, "", "", 1), "sms"),
        (Rate(Channel.PHONE_NUMBER, "", "FR", 1), "phone_number.FR"),
    ],
)
def test_a_rate_is_named_by_what_it_is_the_price_of(rate: Rate, expected: str) -> None:
    assert rate.id == expected


def test_the_variant_goes_before_the_destination() -> None:
    of = book(
        Rate(Channel.WHATSAPP, "template.marketing", "", 1),
        Rate(Channel.WHATSAPP, "template", "DE", 2),
        Rate(Channel.WHATSAPP, "", "+4915", 3),
    )
    number = "+4915112345678"
    assert found(of, Usage(Channel.WHATSAPP, "template.marketing", "DE"), number) == "whatsapp.template.marketing"
    assert found(of, Usage(Channel.WHATSAPP, "template.utility", "DE"), number) == "whatsapp.template.DE"
    assert found(of, Usage(Channel.WHATSAPP, "templates", "DE"), number) == "whatsapp.+4915"
    assert found(of, Usage(Channel.WHATSAPP, "", "DE")) is None
    assert found(of, Usage(Channel.SMS, "template", "DE")) is None


def test_prefix_precedes_country_precedes_default() -> None:
    """The longest prefix precedes the country, and that the default."""
    of = book(*(Rate(Channel.VOICE, "", destination, 1) for destination in ("+4", "+49", "+4915", "DE", "+1", "")))
    assert found(of, Usage(Channel.VOICE, country="DE"), "+4915112345678") == "voice.+4915"
    assert found(of, Usage(Channel.VOICE, country="DE"), "+493012345678") == "voice.+49"
    assert found(of, Usage(Channel.VOICE, country="AT"), "+43123456789") == "voice.+4"
    assert found(of, Usage(Channel.VOICE, country="DE")) == "voice.DE"
    assert found(of, Usage(Channel.VOICE, country="US"), "+12015550123") == "voice.+1"
    assert found(of, Usage(Channel.VOICE, country="FR"), "+33123456789") == "voice"
    assert found(of, Usage(Channel.VOICE)) == "voice"


def test_future_and_expired_rates_are_not_in_force() -> None:
    """A future rate waits, and an expired one leaves its place to the less specific one."""
    place = Rate(Channel.VOICE, "", "+49", 1, effective_at=10, expires_at=20)
    of = book(
        msgspec.structs.replace(place, unit_price=2, effective_at=30, expires_at=0),
        Rate(Channel.VOICE, "", "", 9, effective_at=5),
        place,
    )
    usage = Usage(Channel.VOICE, country="DE")
    prices = {at: of.find(usage, "+49301234567", at) for at in (4, 5, 9, 10, 19, 20, 29, 30)}
    assert {at: rate and rate.unit_price for at, rate in prices.items()} == {
        4: None, 5: 9, 9: 9, 10: 1, 19: 1, 20: 9, 29: 9, 30: 2,
    }  # fmt: skip


def test_any_rate_of_a_card_goes_before_every_rate_of_its_parent() -> None:
    own = book(Rate(Channel.SMS, "", "", 5), name="acme", parent="standard")
    standard = book(Rate(Channel.SMS, "", "+4915", 7), Rate(Channel.VOICE, "", "", 6_000))
    books = RateBooks({"acme": own, "standard": standard}, {"acme": "acme"}, 1)
    sms = books.price("acme", Usage(Channel.SMS, country="DE"), "+4915112345678", NOW)
    assert sms
    assert (sms.card, sms.rate, sms.amount) == ("acme", "sms", 5)
    call = books.price("acme", Usage(Channel.VOICE, country="DE", quantity=30), "+4915112345678", NOW)
    assert call
    assert (call.card, call.rate, call.amount) == ("standard", "voice", 3_000)
    assert books.price("acme", Usage(Channel.WHATSAPP), "", NOW) is None
    assert books.price("nobody", Usage(Channel.SMS), "", NOW) is None


def test_cards_that_are_each_others_parents_have_no_rate_and_no_end_either() -> None:
    books = RateBooks({"a": book(name="a", parent="b"), "b": book(name="b", parent="a")}, {}, 1)
    assert books.price("a", Usage(Channel.SMS), "", NOW) is None


def test_the_last_ancestor_that_may_be_asked_is_asked() -> None:
    line = {f"c{n}": book(name=f"c{n}", parent=f"c{n + 1}") for n in range(ANCESTORS_MAX)}
    last = f"c{ANCESTORS_MAX}"
    books = RateBooks(line | {last: book(Rate(Channel.SMS, "", "", 5), name=last)}, {}, 1)
    price = books.price("c0", Usage(Channel.SMS), "", NOW)
    assert price
    assert price.card == last
