"""A process prices by the whole old or the whole new version of a card, and soon by the new one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from admin.companies.domain import CompanyChange
from admin.rates.store import RateCards
from tests.conftest import OpenWallets
from tests.support.builders import make_company
from tests.support.polling import until
from tests.support.rates import deck, import_deck
from tests.support.tcp_proxy import Proxy, through
from tests.support.wallets import Wallets
from wallet import metrics
from wallet.domain.errors import LedgerUnavailable
from wallet.domain.rates import Rate
from wallet.domain.usage import Channel, Usage
from wallet.ledger import rate_rows
from wallet.ledger.listening import listening
from wallet.ledger.pool import open_pool
from wallet.ledger.rate_changes import CHANNEL
from wallet.rate_snapshot import NOTHING, RateSnapshot

VISIBLE_SECONDS_MAX = 2.0
RATES = 3_000
"""Rates of a card that takes several slices to read."""


def price(rating: RateSnapshot, destination: str = "+4915112345678", card: str = "standard") -> int | None:
    """Return the price of a minute by a process's snapshot."""
    found = rating.books.price(
        card, Usage(Channel.VOICE, country="DE", quantity=60), destination, time.time_ns() // 1000
    )
    return found.amount if found else None


@asynccontextmanager
async def running(rating: RateSnapshot) -> AsyncIterator[RateSnapshot]:
    """Let a process's rating run by itself."""
    task = asyncio.create_task(rating.run())
    try:
        yield rating
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def seconds_until(holds: Callable[[], bool]) -> float:
    """Return the seconds until a condition held."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() < started + 10, "it never held"
        await asyncio.sleep(0.005)
    return time.monotonic() - started


async def listeners(database: asyncpg.Connection) -> int:
    """Return the number of listeners on this database."""
    found: int = await database.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'veloconnect-listener' AND query LIKE 'LISTEN%'"
    )
    return found


async def until_listening(database: asyncpg.Connection) -> None:
    """Wait until a listener is connected."""
    await until(lambda: listeners(database))


async def test_there_are_no_prices_before_the_first_refresh_and_all_after_it(wallets: Wallets) -> None:
    assert wallets.rating.books is NOTHING
    await import_deck(wallets.rate_cards, deck({"+49": 10, "+4915": 20}))
    assert await wallets.rating.refresh()
    assert (price(wallets.rating), price(wallets.rating, "+493012345")) == (20, 10)
    assert not await wallets.rating.refresh(), "nothing has changed since"


async def test_a_process_that_serves_has_the_prices_from_the_start(wallets: Wallets, open_more: OpenWallets) -> None:
    await import_deck(wallets.rate_cards, deck({"+49": 10}))
    assert price((await open_more(sweeps=True)).rating) == 10


async def test_a_change_is_seen_at_once_where_it_is_told(
    wallets: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.rate_snapshot.POLL_SECONDS", 3600)
    async with running(wallets.rating):
        await until_listening(database)
        await import_deck(wallets.rate_cards, deck({"+49": 10}))
        seconds = await seconds_until(lambda: price(wallets.rating) == 10)
    print(f"seen after {seconds:.3f} s")
    assert seconds < VISIBLE_SECONDS_MAX


async def test_a_change_is_seen_by_the_poll_where_listening_fails(
    wallets: Wallets, database: asyncpg.Connection, database_url: str
) -> None:
    rating = RateSnapshot(wallets.pool, "postgresql://127.0.0.1:1/nowhere")
    async with running(rating):
        await import_deck(wallets.rate_cards, deck({"+49": 10}))
        seconds = await seconds_until(lambda: price(rating) == 10)
        assert not await listeners(database)
    print(f"seen after {seconds:.3f} s")
    assert seconds < VISIBLE_SECONDS_MAX


async def test_a_listener_reconnects_and_catches_up(
    wallets: Wallets, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener whose connection is cut connects again and gets what it missed."""
    monkeypatch.setattr("wallet.rate_snapshot.POLL_SECONDS", 3600)
    monkeypatch.setattr("wallet.rate_snapshot.RECONNECT_SECONDS", 0.2)
    async with running(wallets.rating):
        await until_listening(database)
        await database.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'veloconnect-listener'"
        )
        await import_deck(wallets.rate_cards, deck({"+49": 10}))
        assert await seconds_until(lambda: price(wallets.rating) == 10) < VISIBLE_SECONDS_MAX
        await until_listening(database)
        await import_deck(wallets.rate_cards, deck({"+49": 11}))
        assert await seconds_until(lambda: price(wallets.rating) == 11) < VISIBLE_SECONDS_MAX


async def test_a_connection_that_is_half_open_is_found_out(
    database_url: str, postgres_proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wallet.ledger.listening.CHECK_SECONDS", 0.05)
    monkeypatch.setattr("wallet.ledger.listening.COMMAND_SECONDS_MAX", 0.2)
    async with listening(through(database_url, postgres_proxy), CHANNEL, lambda: None) as lost:
        release = postgres_proxy.hold()
        await asyncio.wait_for(lost.wait(), 5)
        release()


async def test_old_prices_stay_while_postgres_is_away(
    wallets: Wallets, database_url: str, postgres_proxy: Proxy
) -> None:
    """New prices come when Postgres is back."""
    pool = await open_pool(through(database_url, postgres_proxy), size_max=2)
    try:
        rating = RateSnapshot(pool, through(database_url, postgres_proxy))
        await import_deck(wallets.rate_cards, deck({"+49": 10}))
        await rating.refresh()
        failures = failed()
        await postgres_proxy.shut()
        await import_deck(wallets.rate_cards, deck({"+49": 11}))
        with pytest.raises(LedgerUnavailable):
            await rating.refresh()
        assert failed() == failures + 1
        assert price(rating) == 10
        async with running(rating):
            await postgres_proxy.open()
            assert await seconds_until(lambda: price(rating) == 11) < VISIBLE_SECONDS_MAX
    finally:
        pool.terminate()


async def test_a_version_is_taken_over_as_a_whole(wallets: Wallets, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many slices it takes to read it, and while the next one is committed."""
    monkeypatch.setattr(rate_rows, "SLICE_RATES", 100)
    destinations = [f"+49{number}" for number in range(10_000, 10_000 + RATES)]
    done = asyncio.Event()

    async def import_versions() -> None:
        for version in range(1, 6):
            await import_deck(wallets.rate_cards, deck(dict.fromkeys(destinations, version)))
        done.set()

    async def read_books() -> None:
        while not done.is_set() or price(wallets.rating, destinations[0]) != 5:
            prices = {price(wallets.rating, destination) for destination in (*destinations[::100], destinations[-1])}
            assert len(prices) == 1, prices
            seen.update(prices)
            await asyncio.sleep(0)

    seen: set[int | None] = set()
    async with running(wallets.rating), asyncio.timeout(60):
        await asyncio.gather(import_versions(), read_books())
    assert len(seen) > 2, "it was read while versions came and went"


async def test_a_parent_and_a_companys_card_are_followed(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    await wallets.rate_cards.create("standard", currency="EUR")
    await wallets.rate_cards.create("own", currency="EUR", parent="standard")
    await import_deck(wallets.rate_cards, deck({"+49": 10, "+44": 30}))
    await import_deck(wallets.rate_cards, deck({"+4915": 20}), card="own")
    await wallets.companies.update("acme", CompanyChange(rate_card="own"))
    await wallets.rating.refresh()
    assert wallets.rating.books.card_of == {"acme": "own"}
    await wallets.companies.update("acme", CompanyChange(rate_card="own"))
    assert not await wallets.rating.refresh(), "the card that it has already is no change"
    assert [price(wallets.rating, number, "own") for number in ("+4915112345678", "+441234567890")] == [20, 30]

    await wallets.rate_cards.update("own", parent="")
    await wallets.companies.update("acme", CompanyChange(rate_card=""))
    before = wallets.rating.books
    await wallets.rating.refresh()
    assert wallets.rating.books.card_of == {}
    assert price(wallets.rating, "+441234567890", "own") is None
    assert before.card_of == {"acme": "own"}, "who took the old snapshot keeps it whole"


async def test_only_what_changed_is_read_again(wallets: Wallets) -> None:
    await import_deck(wallets.rate_cards, deck({"+49": 10}))
    await import_deck(wallets.rate_cards, deck({"+49": 10}), card="other")
    await wallets.rating.refresh()
    before = wallets.rating.books
    await import_deck(wallets.rate_cards, deck({"+49": 11}), card="other")
    await wallets.rating.refresh()
    assert wallets.rating.books.books["standard"] is before.books["standard"]
    assert price(wallets.rating, card="other") == 11


async def test_a_database_restored_to_the_past_is_read_anew(wallets: Wallets, database: asyncpg.Connection) -> None:
    await import_deck(wallets.rate_cards, deck({"+49": 10}))
    await import_deck(wallets.rate_cards, deck({"+49": 11}), card="lost")
    await wallets.rating.refresh()
    await database.execute("DELETE FROM rates WHERE card_id = 'lost'")
    await database.execute("DELETE FROM rate_cards WHERE card_id = 'lost'")
    await database.execute("UPDATE pricing SET change = change - 1")
    await wallets.rating.refresh()
    assert wallets.rating.books.books.keys() == {"standard"}
    assert price(wallets.rating) == 10


async def test_the_books_in_use_are_on_metrics(wallets: Wallets) -> None:
    await import_deck(wallets.rate_cards, deck({"+49": 10, "+44": 20}))
    await wallets.rating.refresh()
    shown = [
        figure._value.get() for figure in (metrics.rate_book_change, metrics.rate_book_cards, metrics.rate_book_rates)
    ]
    assert shown == [wallets.rating.books.change, 1, 2]


@pytest.mark.parametrize("rates", [36_205])
async def test_a_large_deck_is_read_in_a_second_while_others_are_served(wallets: Wallets, rates: int) -> None:
    at = time.time_ns() // 1000 - 1
    large = [
        Rate(Channel.VOICE, "", f"+{number}", number % 997, 0, 0, 0, 6, at, description=f"Place {number // 100}")
        for number in range(2_000_000, 2_000_000 + rates)
    ]
    await import_deck(RateCards(wallets.pool), large)
    slices: list[float] = []

    async def be_served() -> None:
        while True:
            started = time.thread_time()
            await asyncio.sleep(0)
            slices.append(time.thread_time() - started)

    # Of the processor's time: what another process takes of the machine is not the fault of the one that reads.
    serving = asyncio.create_task(be_served())
    started = time.thread_time()
    await wallets.rating.refresh()
    seconds = time.thread_time() - started
    serving.cancel()
    print(f"{rates} rates in {seconds:.3f} s, others waited {max(slices) * 1000:.1f} ms at most")
    assert seconds < 1.0 * 2, "twice for a slower machine"
    assert sorted(slices)[-5] < 0.010


def failed() -> float:
    """Return the number of failed refreshes in this process."""
    failures: float = metrics.rate_book_refresh_failures._value.get()
    return failures


async def test_cancelling_as_a_notification_comes_ends_it(wallets: Wallets) -> None:
    """Both in one step of the event loop: a process that stops must not go on waiting for changes."""
    refreshing = asyncio.create_task(wallets.rating._refresh_continuously())
    for _ in range(3):
        await asyncio.sleep(0)  # Until it waits.
    wallets.rating._notified.set()
    refreshing.cancel()
    await asyncio.wait([refreshing], timeout=5)
    assert refreshing.cancelled()
