"""The prices that this process charges by: a snapshot of all rate cards, renewed when anything of them changes.

Charges look at the snapshot and wait for nothing. It is replaced as a whole, and only when the new one is complete:
every charge is priced wholly by the old or wholly by the new.
"""

import asyncio
import contextlib

import asyncpg
import structlog

from wallet import metrics
from wallet.domain.errors import Unavailable
from wallet.domain.ratebook import RateBook, RateBookBuilder, RateBooks
from wallet.ledger.failures import unavailable
from wallet.ledger.listening import listening
from wallet.ledger.pool import Connection
from wallet.ledger.pricing import CHANNEL, EVERYTHING, Changes, changes_since, last_change
from wallet.ledger.transactions import reading

POLL_SECONDS = 1.0
"""How long a change goes unnoticed at most where Postgres told nobody."""
RECONNECT_SECONDS = 1.0

NOTHING = RateBooks({}, {}, EVERYTHING)
"""Before the first refresh."""

log = structlog.get_logger(__name__)


class Rating:
    """Keeps the snapshot. `run` renews it by itself; where that does not run, `refresh` does."""

    def __init__(self, pool: asyncpg.Pool, database_url: str) -> None:
        """Read nothing yet: there are no prices until the first refresh."""
        self.books = NOTHING
        """To be read anew for each use: it is replaced, never changed."""
        self._pool = pool
        self._database_url = database_url
        self._refreshing = asyncio.Lock()
        self._told = asyncio.Event()

    async def refresh(self) -> bool:
        """Take over what is committed by now; return whether that was anything. Raises LedgerUnavailable.

        The old snapshot stays in use until the new one is whole, and where none comes about.
        """
        async with self._refreshing:
            try:
                async with reading(self._pool) as connection:
                    if await last_change(connection) == self.books.change:
                        return False
                    with metrics.rate_book_load_seconds.time():
                        await self._load(connection)
            except Exception:
                metrics.rate_book_refresh_failures.inc()
                raise
        return True

    async def _load(self, connection: Connection) -> None:
        old = self.books
        # A database that was restored to the past may have other changes under numbers that were there before.
        if await last_change(connection) < old.change:
            log.warning("rate_books_from_the_past", change=old.change)
            old = NOTHING
        async with changes_since(connection, old.change) as changes:
            change = await changes.last()
            books = {**old.books, **await _changed_books(changes)}
            card_of = dict(old.card_of)
            async for companies in changes.companies():
                for company, card in companies:
                    if card:
                        card_of[company] = card
                    else:
                        card_of.pop(company, None)
        self.books = RateBooks(books, card_of, change)
        metrics.rate_book_change.set(change)
        metrics.rate_book_cards.set(len(books))
        metrics.rate_book_rates.set(sum(book.rate_count for book in books.values()))
        log.info("rate_books_loaded", change=change, cards=len(books), rates=sum(b.rate_count for b in books.values()))

    async def run(self) -> None:
        """Renew the snapshot when Postgres tells of a change, and every POLL_SECONDS. Ends only by being cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name="rate book listener")
            tasks.create_task(self._follow(), name="rate book refresh")

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), POLL_SECONDS)
            self._told.clear()
            try:
                await self.refresh()
            except Exception as error:
                if not isinstance(error, Unavailable):
                    log.exception("rate_book_refresh_failed")

    async def _listen(self) -> None:
        """Hear of changes, over a connection that is opened again whenever it is lost."""
        while True:
            try:
                async with listening(self._database_url, CHANNEL, self._told.set) as lost:
                    # What was told while nobody listened.
                    self._told.set()
                    await lost.wait()
            except Exception as error:
                if not unavailable(error):
                    log.exception("rate_book_listener_failed")
            await asyncio.sleep(RECONNECT_SECONDS)


async def _changed_books(changes: Changes) -> dict[str, RateBook]:
    """Return the books of the cards that changed."""
    builders = {card.id: RateBookBuilder(card) for card in await changes.cards()}
    # Between two slices the loop goes round: charges go on.
    async for card, rates in changes.rates(list(builders)):
        builders[card].add(rates)
    return {card: builder.build() for card, builder in builders.items()}
