"""Changes of rate cards, rates and companies' cards, for processes that keep a snapshot of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from wallet.domain.rates import Rate, RateCard
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rate_rows import RateReader, card_of, slices

CHANNEL = "pricing"
"""The channel of Postgres's notifications of changes: see `pricing_change` in the migrations."""
EVERYTHING = -1
"""The number before the first change."""

_SQL = load(__name__)


async def last_change(connection: Connection) -> int:
    """Return the number of the last change."""
    number: int = await connection.fetchval(_SQL["change"])
    return number


class Changes:
    """Everything that changed after a given change, in one snapshot."""

    def __init__(self, connection: Connection, since: int) -> None:
        """Read over a connection in a transaction of one snapshot: see `changes_since`."""
        self._connection = connection
        self._since = since

    async def last(self) -> int:
        """Return the number of the last change."""
        return await last_change(self._connection)

    async def cards(self) -> list[RateCard]:
        """Return the cards that changed, or whose rates changed."""
        return [card_of(row) for row in await self._connection.fetch(_SQL["cards_changed"], self._since)]

    async def rates(self, cards: Sequence[str]) -> AsyncIterator[tuple[str, list[Rate]]]:
        """Yield all rates of cards in slices, each of one card."""
        reader = RateReader(before=1)
        async for rows in slices(self._connection, _SQL["rates_of"], cards):
            by_card: dict[str, list[Rate]] = {}
            for row in rows:
                by_card.setdefault(row[0], []).append(reader.read(row))
            for card, rates in by_card.items():
                yield card, rates

    async def companies(self) -> AsyncIterator[list[tuple[str, str]]]:
        """Yield companies whose card changed, in slices: company id and card id, empty if it has none any more."""
        async for rows in slices(self._connection, _SQL["companies_changed"], self._since):
            yield [(company, card or "") for company, card in rows]


@asynccontextmanager
async def changes_since(connection: Connection, change: int) -> AsyncIterator[Changes]:
    """Yield everything that changed after a change; after EVERYTHING, all cards, rates and companies."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        yield Changes(connection, change)
