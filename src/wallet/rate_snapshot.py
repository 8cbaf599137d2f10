"""The prices that this process charges by: a snapshot of all rate cards, renewed when one of them changes.

Charges read the snapshot and wait for nothing. It is replaced as a whole, and only when the new one is complete: every
charge is priced wholly by the old or wholly by the new one.
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
from wallet.ledger.rate_changes import CHANNEL, EVERYTHING, Changes, changes_since, last_change
from wallet.ledger.transactions import reading

POLL_SECONDS = 1.0
"""How long a change goes unnoticed at most if its notification is lost."""
RECONNECT_SECONDS = 1.0

NOTHING = RateBooks({}, {}, EVERYTHING)
"""The snapshot before the first refresh: no prices."""

log = structlog.get_logger(__name__)


class RateSnapshot:
    """Holds the snapshot. `run` renews it continuously; `refresh` renews it once."""

    def __init__(self, pool: asyncpg.Pool, database_url: str) -> None:
        """Read nothing yet: there are no prices until the first refresh."""
        self.books = NOTHING
        """The present snapshot. Read it anew for each use: it is replaced, never changed."""
        self._pool = pool
        self._database_url = database_url
        self._refreshing = asyncio.Lock()
        self._notified = asyncio.Event()

    async def refresh(self) -> bool:
        """Load the changes that are committed by now; return whether there were any. Raises LedgerUnavailable.

        The old snapshot stays in use until the new one is complete, and if loading fails.
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
        """Renew the snapshot on notifications of Postgres, and every POLL_SECONDS. Ends only by being cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name="rate book listener")
            tasks.create_task(self._refresh_continuously(), name="rate book refresh")

    async def _refresh_continuously(self) -> None:
        while True:
            # Not wait_for, which loses a cancellation that comes together with a notification, before Python 3.12.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._notified.wait()
            self._notified.clear()
            try:
                await self.refresh()
            except Exception as error:
                if not isinstance(error, Unavailable):
                    log.exception("rate_book_refresh_failed")

    async def _listen(self) -> None:
        """Listen for notifications of changes, over a connection that is opened again whenever it is lost."""
        while True:
            try:
                async with listening(self._database_url, CHANNEL, self._notified.set) as lost:
                    # Notifications may have been missed before this connection was open.
                    self._notified.set()
                    await lost.wait()
            except Exception as error:
                if not unavailable(error):
                    log.exception("rate_book_listener_failed")
            await asyncio.sleep(RECONNECT_SECONDS)


async def _changed_books(changes: Changes) -> dict[str, RateBook]:
    """Return the books of the cards that changed."""
    builders = {card.id: RateBookBuilder(card) for card in await changes.cards()}
    # Charges are served between two slices.
    async for card, rates in changes.rates(list(builders)):
        builders[card].add(rates)
    return {card: builder.build() for card, builder in builders.items()}
