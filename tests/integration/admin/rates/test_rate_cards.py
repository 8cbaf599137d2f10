"""Rate cards in Postgres: constraints, atomic imports, and concurrent changes."""

import asyncio
from collections.abc import Sequence

import asyncpg
import msgspec
import pytest

from admin.companies.domain import CompanyChange
from admin.rates import store as rates
from admin.rates.store import START, Cursor, RateCards, RateImport
from tests.conftest import OpenWallets
from tests.support.builders import make_company
from tests.support.rates import deck, import_deck, moment, rate
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
    """The store."""
    return wallets.rate_cards


async def every_rate(cards: RateCards, card: str = "standard", channel: Channel | None = None) -> list[Rate]:
    """Return all rates of a card."""
    return [one async for some in cards.stream_rates(card, channel=channel) for one in some]


async def outcomes(*calls: "asyncio.Future[object] | object") -> list[str]:
    """Run calls concurrently; return "made", or the error's name, for each."""
    ended = await asyncio.gather(*calls, return_exceptions=True)  # type: ignore[arg-type]  # coroutines of any kind
    assert all(isinstance(each, WalletError) for each in ended if isinstance(each, BaseException)), ended
    return [type(each).__name__ if isinstance(each, BaseException) else "made" for each in ended]


async def test_a_card_is_created_read_listed_and_updated(cards: RateCards) -> None:
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
    assert await cards.update("acme", display_name="Acme's", parent="") == alone, "no change, no new version"


async def test_missing_cards_and_taken_ids_are_errors(cards: RateCards) -> None:
    await cards.create("standard", currency="EUR")
    with pytest.raises(RateCardAlreadyExists, match="standard"):
        await cards.create("standard", currency="USD")
    for call in (
        cards.get("none"),
        cards.update("none", display_name="x"),
        cards.update("standard", parent="none"),
        cards.create("other", currency="EUR", parent="none"),
        cards.list_rates("none", after=START, limit=1),
        cards.import_rates("none", RateImport([], 0, 0)),
        cards.import_rates("none", RateImport([], 0, 0, validate_only=True)),
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
        import_deck(cards, deck({"+49": 1}), card="euros", currency="USD"),
    ):
        with pytest.raises(CurrencyMismatch):
            await call
    assert await cards.get("euros") == (await cards.list("dollars", 1))[0]


async def test_a_card_is_never_its_own_ancestor(cards: RateCards) -> None:
    await cards.create("a", currency="EUR")
    await cards.create("b", currency="EUR", parent="a")
    await cards.create("c", currency="EUR", parent="b")
    before = await cards.list("", 10)
    for parent in ("a", "b", "c"):
        with pytest.raises(UnfitRateCard, match="ancestor of its own") as unfit:
            await cards.update("a", parent=parent)
        assert unfit.value.field == "rate_card.parent"
    assert await cards.list("", 10) == before


async def test_ancestors_are_bounded(cards: RateCards) -> None:
    """The bound holds for a card under a new parent, and for the cards below it."""
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
async def test_concurrent_changes_close_no_circle(cards: RateCards, circle: int) -> None:
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


async def test_concurrent_creations_create_one_card(cards: RateCards) -> None:
    ended = await outcomes(*(cards.create("standard", currency="EUR") for _ in range(4)))
    assert sorted(ended) == ["RateCardAlreadyExists"] * 3 + ["made"]
    ended = await outcomes(*(import_deck(cards, deck({"+49": number}), card="deck") for number in range(4)))
    assert ended == ["made"] * 4
    assert (await cards.get("deck")).version == 4


async def test_an_import_creates_its_card_in_version_1(cards: RateCards) -> None:
    new = deck({"+49": 10, "+4915": 20, "": 30})
    done = await import_deck(cards, new)
    assert (done.changes.added, done.changes.changed, done.changes.removed) == (3, 0, 0)
    assert done.card is not None
    assert (done.card.version, done.card.rate_count, done.card.currency) == (1, 3, "EUR")
    assert await cards.get("standard") == done.card
    assert await every_rate(cards) == sorted(new, key=lambda one: one.destination)


async def test_an_import_without_changes_makes_no_version(cards: RateCards) -> None:
    first = await import_deck(cards, deck({"+49": 10}))
    again = await import_deck(cards, deck({"+49": 10}))
    assert (again.changes.unchanged, again.card) == (1, first.card)


async def test_an_empty_deck_creates_its_card(cards: RateCards, wallets: Wallets) -> None:
    done = await import_deck(cards, [])
    assert done.card is not None
    assert (done.card.version, done.card.rate_count) == (1, 0)
    assert await wallets.rating.refresh()
    assert "standard" in wallets.rating.books.books


async def test_a_new_deck_replaces_the_old_one(cards: RateCards) -> None:
    await import_deck(cards, [*deck({"+49": 10, "+44": 10, "+33": 10}), rate("+49", 5, channel=Channel.SMS)])
    done = await import_deck(cards, deck({"+49": 11, "+33": 10, "+1": 7}))
    assert done.card is not None
    assert (done.card.version, done.card.rate_count) == (2, 4)
    assert (done.changes.added, done.changes.changed, done.changes.removed, done.changes.unchanged) == (1, 1, 1, 1)
    found = {(one.channel, one.destination): one.unit_price for one in await every_rate(cards)}
    assert found == {
        (Channel.SMS, "+49"): 5,
        (Channel.VOICE, "+1"): 7,
        (Channel.VOICE, "+33"): 10,
        (Channel.VOICE, "+49"): 11,
    }


async def test_a_deck_is_imported_before_it_begins(cards: RateCards) -> None:
    now = moment()
    await import_deck(cards, deck({"+49": 10, "+44": 10}))
    done = await cards.import_rates(
        "standard", RateImport(deck({"+49": 12}, effective_at=now + HOUR), now + HOUR, moment())
    )
    assert (done.changes.changed, done.changes.removed, done.changes.count_after) == (1, 1, 3)
    assert [(one.destination, one.unit_price, one.expires_at) for one in await every_rate(cards)] == [
        ("+44", 10, now + HOUR),
        ("+49", 10, 0),
        ("+49", 12, 0),
    ]


async def test_validate_only_changes_nothing(cards: RateCards, database: asyncpg.Connection) -> None:
    now = moment()
    await import_deck(cards, deck({"+49": 10}))
    before = await snapshot(database)
    for card, currency in (("standard", ""), ("standard", "EUR"), ("new", "EUR")):
        found = await cards.import_rates(
            card, RateImport(deck({"+44": 1}), now, now, currency=currency, validate_only=True)
        )
        assert (found.changes.added, found.changes.removed) == (1, 1 if card == "standard" else 0)
        assert (found.card.id if found.card else "new") == card
    assert await snapshot(database) == before


async def test_the_rates_of_a_card_are_bounded(
    cards: RateCards, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "RATES_PER_CARD_MAX", 3)
    await import_deck(cards, deck({"+1": 1, "+2": 2}))
    before = await snapshot(database)
    now = moment()
    for new, keep in ((deck({"+3": 1, "+4": 2}), True), (deck(dict.fromkeys(("+1", "+2", "+3", "+4"), 1)), False)):
        for validate_only in (True, False):
            with pytest.raises(UnfitRateCard, match="would be 4, and a card has at most 3"):
                await cards.import_rates(
                    "standard", RateImport(new, now, now, keep_unlisted=keep, validate_only=validate_only)
                )
    assert await snapshot(database) == before


async def test_a_failed_import_changes_nothing(
    cards: RateCards, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "WRITE_RATES", 2)
    await import_deck(cards, deck({"+1": 1, "+2": 2}))
    before = await snapshot(database)
    bad = [*deck({"+1": 2, "+3": 3, "+4": 4, "+5": 5}), rate("+6", -1)]
    with pytest.raises(asyncpg.CheckViolationError):
        await import_deck(cards, bad)
    with pytest.raises(asyncpg.CheckViolationError):
        await import_deck(cards, bad, card="new")
    assert await snapshot(database) == before


async def test_rates_are_listed_in_pages_and_filtered(cards: RateCards) -> None:
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
    await import_deck(cards, listed)
    listed.sort(key=lambda one: (one.channel, one.variant, one.destination, one.effective_at))
    for size in (1, 3, 100):
        found: list[Rate] = []
        after = START
        while page := await cards.list_rates("standard", after=after, limit=size):
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
    """Return the unit prices of listed rates, in their order."""
    found = await cards.list_rates("standard", after=START, limit=100, channel=channel, destination=destination)
    return [one.unit_price for one in found]


async def test_an_export_is_of_one_version(cards: RateCards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_rows, "SLICE_RATES", 10)
    destinations = [f"+49{number}" for number in range(100, 200)]
    await import_deck(cards, deck(dict.fromkeys(destinations, 1)))
    found: list[Rate] = []
    async for some in cards.stream_rates("standard"):
        if not found:
            await import_deck(cards, deck(dict.fromkeys(destinations[::2], 2)))
        assert len(some) <= 10
        found += some
    assert [one.unit_price for one in found] == [1] * 100
    assert [one.unit_price for one in await every_rate(cards)] == [2] * 50


async def test_concurrent_imports_of_a_card_all_succeed(cards: RateCards) -> None:
    now = moment()

    async def import_one(number: int) -> None:
        await cards.import_rates("standard", RateImport(deck({f"+{number}": number}), now, now, keep_unlisted=True))

    await cards.create("standard", currency="EUR")
    assert await outcomes(*(import_one(number) for number in range(1, 9))) == ["made"] * 8
    card = await cards.get("standard")
    assert (card.version, card.rate_count) == (9, 8)
    assert len(await every_rate(cards)) == 8


async def test_concurrent_changes_of_all_kinds_do_not_deadlock(
    wallets: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    """Imports, changes of parents and of companies' cards lock in the same order. At last a process has all changes."""
    other = await open_more()
    await make_company(database)
    for card in ("a", "b", "c"):
        await wallets.rate_cards.create(card, currency="EUR")

    async def change_all(of: Wallets, number: int) -> list[str]:
        at = moment()
        ended: list[str] = []
        for turn in range(5):
            ended += await outcomes(
                import_deck(
                    of.rate_cards, deck({f"+{number}{turn}": turn}, effective_at=at + turn), card="abc"[turn % 3]
                ),
                of.rate_cards.update("b", parent="ac"[turn % 2]),
                of.rate_cards.update("c", parent="ab"[turn % 2]),
                of.companies.update("acme", CompanyChange(rate_card="abc"[(number + turn) % 3])),
            )
        return ended

    ended = [
        one
        for each in await asyncio.gather(*(change_all(of, n) for n, of in enumerate((wallets, other) * 2, 1)))
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


async def test_waiting_for_a_locked_card_is_bounded(
    cards: RateCards, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await import_deck(cards, deck({"+49": 10}))
    monkeypatch.setattr(rates, "_CHANGE_SETTINGS", "SET LOCAL lock_timeout = '50ms'")
    async with database.transaction():
        await database.execute("SELECT FROM rate_cards FOR UPDATE")
        with pytest.raises(LedgerUnavailable):
            await import_deck(cards, deck({"+49": 11}))
        assert (await every_rate(cards))[0].unit_price == 10, "reading does not wait"


@pytest.mark.parametrize("count", [250_000])
async def test_the_largest_card_is_imported(cards: RateCards, count: int) -> None:
    at = moment()
    largest = [Rate(Channel.VOICE, "", f"+{number}", number, effective_at=at) for number in range(count, 2 * count)]
    done = await import_deck(cards, largest)
    assert done.changes.added == count
    changed = [msgspec.structs.replace(one, unit_price=one.unit_price + 1, effective_at=at + 1) for one in largest]
    done = await import_deck(cards, changed)
    assert (done.changes.changed, done.changes.count_after) == (count, count)


async def snapshot(database: asyncpg.Connection) -> Sequence[object]:
    """Return all rows of cards and rates, and the change number."""
    return [
        [tuple(row) for row in await database.fetch(f"SELECT * FROM {table} ORDER BY 1, 2, 3")]
        for table in ("rate_cards", "rates ")
    ] + [await database.fetchval("SELECT change FROM pricing")]
