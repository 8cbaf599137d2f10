"""Rate cards in Postgres: what may be, all or nothing, and nobody in between."""

import asyncio
from collections.abc import Sequence

import asyncpg
import msgspec
import pytest

from admin.companies.domain import CompanyChange
from admin.rates import store as rates
from admin.rates.store import START, Cursor, Import, RateCards
from tests.conftest import OpenWallets
from tests.support.builders import make_company
from tests.support.rates import deck, moment, put, rate
from tests.support.wallets import Wallets
from wallet.domain.errors import (
    CurrencyMismatch,
    LedgerUnavailable,
    RateCardAlreadyExists,
    RateCardNotFound,
    UnfitRateCard,
    WalletError,
)
from wallet.domain.ratebook import ANCESTORS_MAX
from wallet.domain.rates import Rate
from wallet.domain.usage import Channel
from wallet.ledger import rate_rows

HOUR = 3_600_000_000


@pytest.fixture
def cards(wallets: Wallets) -> RateCards:
    """The adapter."""
    return wallets.rate_cards


async def every_rate(cards: RateCards, card: str = "standard", channel: Channel | None = None) -> list[Rate]:
    """Return all rates of a card."""
    return [one async for some in cards.every_rate(card, channel=channel) for one in some]


async def outcomes(*calls: "asyncio.Future[object] | object") -> list[str]:
    """Return how calls ended that ran at once: "made", or the error's name."""
    ended = await asyncio.gather(*calls, return_exceptions=True)  # type: ignore[arg-type]  # coroutines of any kind
    assert all(isinstance(each, WalletError) for each in ended if isinstance(each, BaseException)), ended
    return [type(each).__name__ if isinstance(each, BaseException) else "made" for each in ended]


async def test_a_card_is_made_read_listed_and_changed(cards: RateCards) -> None:
    made = await cards.create("standard", currency="EUR", display_name="Standard")
    assert (made.id, made.currency, made.parent, made.display_name) == ("standard", "EUR", "", "Standard")
    assert (made.version, made.rate_count) == (1, 0)
    assert await cards.get("standard") == made
    own = await cards.create("acme", currency="EUR", parent="standard")
    assert own.parent == "standard"
    assert await cards.list("", 10) == [own, made]
    assert await cards.list("acme", 10) == [made]
    assert await cards.list("", 1) == [own]

    renamed = await cards.update("acme", display_name="Acme's")
    assert (renamed.display_name, renamed.parent, renamed.version) == ("Acme's", "standard", 2)
    assert renamed.updated_at > own.updated_at
    alone = await cards.update("acme", parent="")
    assert (alone.display_name, alone.parent, alone.version) == ("Acme's", "", 3)
    assert await cards.update("acme", display_name="Acme's", parent="") == alone, "nothing changes, no version"


async def test_what_is_not_there_or_taken_is_said(cards: RateCards) -> None:
    await cards.create("standard", currency="EUR")
    with pytest.raises(RateCardAlreadyExists, match="standard"):
        await cards.create("standard", currency="USD")
    for call in (
        cards.get("none"),
        cards.update("none", display_name="x"),
        cards.update("standard", parent="none"),
        cards.create("other", currency="EUR", parent="none"),
        cards.rates("none", after=START, limit=1),
        cards.change("none", Import([], 0, 0)),
        cards.change("none", Import([], 0, 0, validate_only=True)),
        every_rate(cards, "none"),
    ):
        with pytest.raises(RateCardNotFound, match="none"):
            await call
    assert [card.id for card in await cards.list("", 10)] == ["standard"]


async def test_a_parent_has_the_same_currency(cards: RateCards) -> None:
    await cards.create("euros", currency="EUR")
    await cards.create("dollars", currency="USD")
    for call in (
        cards.update("euros", parent="dollars"),
        cards.create("other", currency="EUR", parent="dollars"),
        put(cards, deck({"+49": 1}), card="euros", currency="USD"),
    ):
        with pytest.raises(CurrencyMismatch):
            await call
    assert await cards.get("euros") == (await cards.list("dollars", 1))[0]


async def test_nobody_is_an_ancestor_of_its_own(cards: RateCards) -> None:
    await cards.create("a", currency="EUR")
    await cards.create("b", currency="EUR", parent="a")
    await cards.create("c", currency="EUR", parent="b")
    before = await cards.list("", 10)
    for parent in ("a", "b", "c"):
        with pytest.raises(UnfitRateCard, match="ancestor of its own") as unfit:
            await cards.update("a", parent=parent)
        assert unfit.value.field == "rate_card.parent"
    assert await cards.list("", 10) == before


async def test_a_card_has_so_many_ancestors_and_no_more(cards: RateCards) -> None:
    """Whether it is put below too many, or too many come above it."""
    await cards.create("0", currency="EUR")
    for level in range(1, ANCESTORS_MAX + 1):
        await cards.create(str(level), currency="EUR", parent=str(level - 1))
    await cards.create("top", currency="EUR")
    for call in (
        cards.create("too-far", currency="EUR", parent=str(ANCESTORS_MAX)),
        cards.update("0", parent="top"),
        cards.update("top", parent=str(ANCESTORS_MAX)),
    ):
        with pytest.raises(UnfitRateCard, match="more than 8 ancestors"):
            await call
    await cards.update("1", parent="top")
    assert len(await cards.list("", 20)) == ANCESTORS_MAX + 2


@pytest.mark.parametrize("circle", [2, 3])
async def test_changes_at_once_close_no_circle(cards: RateCards, circle: int) -> None:
    ids = [str(number) for number in range(circle)]
    for card in ids:
        await cards.create(card, currency="EUR")
    for _ in range(10):
        ended = await outcomes(
            *(cards.update(card, parent=ids[(place + 1) % circle]) for place, card in enumerate(ids))
        )
        assert sorted(ended) == ["UnfitRateCard", *["made"] * (circle - 1)]
        for card in ids:
            await cards.update(card, parent="")


async def test_makers_at_once_make_one_card(cards: RateCards) -> None:
    ended = await outcomes(*(cards.create("standard", currency="EUR") for _ in range(4)))
    assert sorted(ended) == ["RateCardAlreadyExists"] * 3 + ["made"]
    ended = await outcomes(*(put(cards, deck({"+49": number}), card="deck") for number in range(4)))
    assert ended == ["made"] * 4
    assert (await cards.get("deck")).version == 4


async def test_a_deck_makes_its_card_and_is_its_first_version(cards: RateCards) -> None:
    new = deck({"+49": 10, "+4915": 20, "": 30})
    done = await put(cards, new)
    assert (done.plan.added, done.plan.changed, done.plan.removed) == (3, 0, 0)
    assert done.card is not None
    assert (done.card.version, done.card.rate_count, done.card.currency) == (1, 3, "EUR")
    assert await cards.get("standard") == done.card
    assert await every_rate(cards) == sorted(new, key=lambda one: one.destination)


async def test_a_deck_for_which_nothing_changes_is_no_version(cards: RateCards) -> None:
    first = await put(cards, deck({"+49": 10}))
    again = await put(cards, deck({"+49": 10}))
    assert (again.plan.unchanged, again.card) == (1, first.card)


async def test_an_empty_deck_makes_its_card(cards: RateCards, wallets: Wallets) -> None:
    done = await put(cards, [])
    assert done.card is not None
    assert (done.card.version, done.card.rate_count) == (1, 0)
    assert await wallets.rating.refresh()
    assert "standard" in wallets.rating.books.books


async def test_a_new_deck_takes_the_place_of_the_old_one(cards: RateCards) -> None:
    await put(cards, [*deck({"+49": 10, "+44": 10, "+33": 10}), rate("+49", 5, channel=Channel.SMS)])
    done = await put(cards, deck({"+49": 11, "+33": 10, "+1": 7}))
    assert done.card is not None
    assert (done.card.version, done.card.rate_count) == (2, 4)
    assert (done.plan.added, done.plan.changed, done.plan.removed, done.plan.unchanged) == (1, 1, 1, 1)
    found = {(one.channel, one.destination): one.unit_price for one in await every_rate(cards)}
    assert found == {
        (Channel.SMS, "+49"): 5,
        (Channel.VOICE, "+1"): 7,
        (Channel.VOICE, "+33"): 10,
        (Channel.VOICE, "+49"): 11,
    }


async def test_the_next_deck_is_put_in_today_with_its_beginning(cards: RateCards) -> None:
    now = moment()
    await put(cards, deck({"+49": 10, "+44": 10}))
    done = await cards.change("standard", Import(deck({"+49": 12}, effective_at=now + HOUR), now + HOUR, moment()))
    assert (done.plan.changed, done.plan.removed, done.plan.count_after) == (1, 1, 3)
    assert [(one.destination, one.unit_price, one.expires_at) for one in await every_rate(cards)] == [
        ("+44", 10, now + HOUR),
        ("+49", 10, 0),
        ("+49", 12, 0),
    ]


async def test_to_look_what_would_change_changes_nothing(cards: RateCards, database: asyncpg.Connection) -> None:
    now = moment()
    await put(cards, deck({"+49": 10}))
    before = await snapshot(database)
    for card, currency in (("standard", ""), ("standard", "EUR"), ("new", "EUR")):
        found = await cards.change(card, Import(deck({"+44": 1}), now, now, currency=currency, validate_only=True))
        assert (found.plan.added, found.plan.removed) == (1, 1 if card == "standard" else 0)
        assert (found.card.id if found.card else "new") == card
    assert await snapshot(database) == before


async def test_a_card_has_a_bound(
    cards: RateCards, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "RATES_PER_CARD_MAX", 3)
    await put(cards, deck({"+1": 1, "+2": 2}))
    before = await snapshot(database)
    now = moment()
    for new, keep in ((deck({"+3": 1, "+4": 2}), True), (deck(dict.fromkeys(("+1", "+2", "+3", "+4"), 1)), False)):
        for validate_only in (True, False):
            with pytest.raises(UnfitRateCard, match="would be 4, and a card has at most 3"):
                await cards.change("standard", Import(new, now, now, keep_unlisted=keep, validate_only=validate_only))
    assert await snapshot(database) == before


async def test_a_deck_that_fails_in_the_middle_leaves_nothing(
    cards: RateCards, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "WRITE_RATES", 2)
    await put(cards, deck({"+1": 1, "+2": 2}))
    before = await snapshot(database)
    bad = [*deck({"+1": 2, "+3": 3, "+4": 4, "+5": 5}), rate("+6", -1)]
    with pytest.raises(asyncpg.CheckViolationError):
        await put(cards, bad)
    with pytest.raises(asyncpg.CheckViolationError):
        await put(cards, bad, card="new")
    assert await snapshot(database) == before


async def test_rates_are_listed_page_by_page_and_by_what_they_are_for(cards: RateCards) -> None:
    listed = [
        rate("", 1, channel=Channel.SMS),
        rate("DE", 2, channel=Channel.SMS),
        rate("+49", 3, channel=Channel.WHATSAPP, variant="template"),
        rate("+49", 4),
        rate("+49", 5, effective_at=moment() + HOUR),
        rate("+4915", 6),
        rate("+5", 7),
        rate("DE", 8),
    ]
    await put(cards, listed)
    listed.sort(key=lambda one: (one.channel, one.variant, one.destination, one.effective_at))
    for size in (1, 3, 100):
        found: list[Rate] = []
        after = START
        while page := await cards.rates("standard", after=after, limit=size):
            assert len(page) <= size
            found += page
            after = Cursor(page[-1].channel, page[-1].variant, page[-1].destination, page[-1].effective_at)
        assert found == listed
    assert await prices(cards, channel=Channel.VOICE) == [4, 5, 6, 7, 8]
    assert await prices(cards, destination="+49") == [3, 4, 5, 6]
    assert await prices(cards, destination="+49", channel=Channel.VOICE) == [4, 5, 6]
    assert await prices(cards, destination="+490") == []
    assert [one.unit_price for one in await every_rate(cards, channel=Channel.SMS)] == [1, 2]


async def prices(cards: RateCards, *, channel: Channel | None = None, destination: str = "") -> list[int]:
    """Return the unit prices of rates as they are listed."""
    found = await cards.rates("standard", after=START, limit=100, channel=channel, destination=destination)
    return [one.unit_price for one in found]


async def test_an_export_is_of_one_version_whatever_is_imported_meanwhile(
    cards: RateCards, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_rows, "SLICE_RATES", 10)
    destinations = [f"+49{number}" for number in range(100, 200)]
    await put(cards, deck(dict.fromkeys(destinations, 1)))
    found: list[Rate] = []
    async for some in cards.every_rate("standard"):
        if not found:
            await put(cards, deck(dict.fromkeys(destinations[::2], 2)))
        assert len(some) <= 10
        found += some
    assert [one.unit_price for one in found] == [1] * 100
    assert [one.unit_price for one in await every_rate(cards)] == [2] * 50


async def test_imports_of_one_card_wait_for_each_other_and_all_come_in(cards: RateCards) -> None:
    now = moment()

    async def put_one(number: int) -> None:
        await cards.change("standard", Import(deck({f"+{number}": number}), now, now, keep_unlisted=True))

    await cards.create("standard", currency="EUR")
    assert await outcomes(*(put_one(number) for number in range(1, 9))) == ["made"] * 8
    card = await cards.get("standard")
    assert (card.version, card.rate_count) == (9, 8)
    assert len(await every_rate(cards)) == 8


async def test_all_that_may_change_at_once_ends(
    wallets: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    """Imports, parents and companies' cards lock in one order: no deadlock, and a process ends with all of it."""
    other = await open_more()
    await make_company(database)
    for card in ("a", "b", "c"):
        await wallets.rate_cards.create(card, currency="EUR")

    async def go_round(of: Wallets, number: int) -> list[str]:
        at = moment()
        ended: list[str] = []
        for turn in range(5):
            ended += await outcomes(
                put(of.rate_cards, deck({f"+{number}{turn}": turn}, effective_at=at + turn), card="abc"[turn % 3]),
                of.rate_cards.update("b", parent="ac"[turn % 2]),
                of.rate_cards.update("c", parent="ab"[turn % 2]),
                of.companies.update("acme", CompanyChange(rate_card="abc"[(number + turn) % 3])),
            )
        return ended

    ended = [
        one
        for each in await asyncio.gather(*(go_round(of, n) for n, of in enumerate((wallets, other) * 2, 1)))
        for one in each
    ]
    assert set(ended) <= {"made", "UnfitRateCard"}
    await wallets.rating.refresh()
    books = wallets.rating.books
    assert books.change == await database.fetchval("SELECT change FROM pricing")
    for each in await wallets.rate_cards.list("", 10):
        book = books.books[each.id]
        assert (book.card, book.rate_count) == (each, each.rate_count)
        assert each.rate_count == len(await every_rate(wallets.rate_cards, each.id))
    assert books.card_of == {"acme": await database.fetchval("SELECT rate_card FROM companies")}


async def test_who_waits_too_long_for_a_card_is_told(
    cards: RateCards, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(cards, deck({"+49": 10}))
    monkeypatch.setattr(rates, "_CHANGE_SETTINGS", "SET LOCAL lock_timeout = '50ms'")
    async with database.transaction():
        await database.execute("SELECT FROM rate_cards FOR UPDATE")
        with pytest.raises(LedgerUnavailable):
            await put(cards, deck({"+49": 11}))
        assert (await every_rate(cards))[0].unit_price == 10, "reading waits for nobody"


@pytest.mark.parametrize("count", [250_000])
async def test_the_largest_card_goes_in(cards: RateCards, count: int) -> None:
    at = moment()
    largest = [Rate(Channel.VOICE, "", f"+{number}", number, effective_at=at) for number in range(count, 2 * count)]
    done = await put(cards, largest)
    assert done.plan.added == count
    changed = [msgspec.structs.replace(one, unit_price=one.unit_price + 1, effective_at=at + 1) for one in largest]
    done = await put(cards, changed)
    assert (done.plan.changed, done.plan.count_after) == (count, count)


async def snapshot(database: asyncpg.Connection) -> Sequence[object]:
    """Return all there is of prices."""
    return [
        [tuple(row) for row in await database.fetch(f"SELECT * FROM {table} ORDER BY 1, 2, 3")]
        for table in ("rate_cards", "rates ")
    ] + [await database.fetchval("SELECT change FROM pricing")]
