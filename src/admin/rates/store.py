"""Rate cards and their rates in Postgres, for the back office.

A change locks the row of its card first, and the row of `pricing` last. So changes of the same card wait for each
other, changes of different cards do not, and there is no deadlock.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import asyncpg

from admin.rates.changes import RateChangeSet, plan_changes
from wallet.domain.errors import (
    Applied,
    CurrencyMismatch,
    RateCardAlreadyExists,
    RateCardNotFound,
    UnfitRateCard,
)
from wallet.domain.ratebook import ANCESTORS_MAX
from wallet.domain.rates import Place, Rate, RateCard
from wallet.domain.usage import Channel
from wallet.ledger.pool import Connection
from wallet.ledger.queries import load
from wallet.ledger.rate_rows import COLUMNS, RateReader, card_of, record_of, slices
from wallet.ledger.transactions import reading, snapshot, writing

RATES_PER_CARD_MAX = 250_000
CHANGES_AT_ONCE_MAX = 4
"""In one process. Each holds a connection while it waits for another change, and others need connections as well."""
CHANGE_SECONDS_MAX = 60
"""How long a change of a card waits for another one, and how long each of its statements may take."""
CLOCKS_APART_US_MAX = 5_000_000
"""The greatest difference between the clocks of two processes, in microseconds."""
WRITE_RATES = 2_000
"""How many rates one statement writes at most."""

_CHANGE_SETTINGS = (
    f"SET LOCAL lock_timeout = '{CHANGE_SECONDS_MAX}s'; "
    f"SET LOCAL idle_in_transaction_session_timeout = '{CHANGE_SECONDS_MAX}s'"
)

_SQL = load(__name__)


class RateImport(NamedTuple):
    """A deck to import, with the arguments of `plan_changes`; `now` is that of `effective_now`."""

    deck: Sequence[Rate]
    at: int
    now: int
    keep_unlisted: bool = False
    currency: str = ""
    """A missing card is created in this currency, and an existing one must have it. Empty: the card must exist."""
    validate_only: bool = False
    """Whether to return the changes without making them."""


class ImportResult(NamedTuple):
    """The changes that a deck made, or would make, and the card as it is now, None if it does not exist."""

    changes: RateChangeSet
    card: RateCard | None


class Cursor(NamedTuple):
    """A position in a card's list of rates: after the rate that it names."""

    channel: int
    variant: str
    destination: str
    effective_at: int


START = Cursor(0, "", "", 0)
"""The position before the first rate."""


def effective_now() -> int:
    """Return the `effective_at` of a rate that begins now, in microseconds since the epoch.

    It is CLOCKS_APART_US_MAX ago, so that the rate has begun by the clock of every process.
    """
    return time.time_ns() // 1000 - CLOCKS_APART_US_MAX


class RateCards:
    """Create, read and change rate cards.

    Every method raises LedgerUnavailable if Postgres does not answer; a change may still have been made.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        """Use an open pool."""
        self._pool = pool
        self._changes = asyncio.Semaphore(CHANGES_AT_ONCE_MAX)

    async def create(self, card: str, *, currency: str, parent: str = "", display_name: str = "") -> RateCard:
        """Create a card without rates.

        Raises RateCardAlreadyExists, RateCardNotFound (the parent), CurrencyMismatch, UnfitRateCard (the parent has
        ANCESTORS_MAX ancestors).
        """
        async with self._changing() as connection:
            if parent:
                await _check_currency(connection, parent, currency)
            if not await connection.fetchval(_SQL["insert_card"], card, currency, parent or None, display_name):
                raise RateCardAlreadyExists(card)
            await _count_change(connection, card, versions=0, rate_count=0)
            await _check_ancestors(connection, card)
            return await _get(connection, card)

    async def get(self, card: str) -> RateCard:
        """Return a card. Raises RateCardNotFound."""
        async with reading(self._pool) as connection:
            return await _get(connection, card)

    async def list(self, after: str, limit: int) -> list[RateCard]:
        """Return up to `limit` cards whose ids come after `after`, by id."""
        async with reading(self._pool) as connection:
            return [card_of(row) for row in await connection.fetch(_SQL["list_cards"], after, limit)]

    async def update(self, card: str, *, display_name: str | None = None, parent: str | None = None) -> RateCard:
        """Change a card's name or parent. None keeps it, and an empty parent removes it.

        Raises RateCardNotFound (the card, or the parent), CurrencyMismatch, UnfitRateCard (a card would be its own
        ancestor, or have more than ANCESTORS_MAX ancestors).
        """
        async with self._changing() as connection:
            before = await _get_locked(connection, card)
            if before is None:
                raise RateCardNotFound(card)
            if parent:
                await _check_currency(connection, parent, before.currency)
            parent = before.parent if parent is None else parent
            name = before.display_name if display_name is None else display_name
            if (name, parent) == (before.display_name, before.parent):
                return before
            await connection.execute(_SQL["change_card"], card, name, parent or None)
            await connection.execute(_SQL["count_change"], card, 1, before.rate_count, timeout=CHANGE_SECONDS_MAX)
            if parent != before.parent:
                # Not before count_change: two concurrent changes could close a circle that neither of them sees. The
                # second one has waited there, and sees the first.
                await _check_ancestors(connection, card)
            return await _get(connection, card)

    async def list_rates(
        self, card: str, *, after: Cursor, limit: int, channel: Channel | None = None, destination: str = ""
    ) -> Sequence[Rate]:
        """Return up to `limit` rates after a position, by channel, variant, destination and `effective_at`.

        `channel` and the beginning of a `destination` filter them. Raises RateCardNotFound.
        """
        async with reading(self._pool) as connection:
            await _get(connection, card)
            rows = await connection.fetch(_SQL["list_rates"], card, *after, channel, destination, limit)
        read = RateReader().read
        return [read(row) for row in rows]

    async def stream_rates(self, card: str, *, channel: Channel | None = None) -> AsyncGenerator[Sequence[Rate], None]:
        """Yield all rates of a card out of one snapshot, in slices, in the order of `list_rates`.

        One slice is in memory at a time. Raises RateCardNotFound, and LedgerUnavailable if the caller takes longer than
        CHANGE_SECONDS_MAX for a slice.
        """
        async with snapshot(self._pool) as connection:
            await connection.execute(_CHANGE_SETTINGS)
            await _get(connection, card)
            reader = RateReader()
            async for rows in slices(connection, _SQL["rates"], card, channel):
                yield [reader.read(row) for row in rows]

    async def import_rates(self, card: str, new: RateImport) -> ImportResult:
        """Make the changes of `plan_changes` to a card, all or none.

        Raises RateCardNotFound, CurrencyMismatch (the card has another currency), UnfitRateCard (too many rates).
        """
        if len(new.deck) > RATES_PER_CARD_MAX:
            raise _too_many(len(new.deck))
        applied = Applied.NO if new.validate_only else Applied.UNKNOWN
        async with self._changing(applied) as connection:
            created = False
            # A validation does not wait for a change that is under way.
            before = await (_find if new.validate_only else _get_locked)(connection, card)
            if before is None and not new.currency:
                raise RateCardNotFound(card)
            if before is None and not new.validate_only:
                created = bool(await connection.fetchval(_SQL["insert_card"], card, new.currency, None, ""))
                before = await _get_locked(connection, card)  # Another process may have created it meanwhile.
            if before is not None and new.currency not in ("", before.currency):
                raise CurrencyMismatch(wallet=before.currency, given=new.currency)
            existing = await _read_all(connection, card)
            planned = await asyncio.to_thread(
                plan_changes, existing, new.deck, at=new.at, now=new.now, keep_unlisted=new.keep_unlisted
            )
            if planned.count_after > RATES_PER_CARD_MAX:
                raise _too_many(planned.count_after)
            if new.validate_only or not (planned.delete or planned.insert or created):
                return ImportResult(planned, before)
            await _delete(connection, card, planned.delete)
            await _insert(connection, card, planned.insert)
            # A card that is created for the deck has its rates in version 1.
            await _count_change(connection, card, versions=0 if created else 1, rate_count=planned.count_after)
            return ImportResult(planned, await _get(connection, card))

    @asynccontextmanager
    async def _changing(self, applied: Applied = Applied.UNKNOWN) -> AsyncIterator[Connection]:
        async with self._changes, writing(self._pool, applied) as connection:
            await connection.execute(_CHANGE_SETTINGS)
            yield connection


async def _find(connection: Connection, card: str) -> RateCard | None:
    row = await connection.fetchrow(_SQL["get_card"], card)
    return card_of(row) if row else None


async def _get(connection: Connection, card: str) -> RateCard:
    found = await _find(connection, card)
    if found is None:
        raise RateCardNotFound(card)
    return found


async def _get_locked(connection: Connection, card: str) -> RateCard | None:
    row = await connection.fetchrow(_SQL["lock_card"], card, timeout=CHANGE_SECONDS_MAX)
    return card_of(row) if row else None


async def _count_change(connection: Connection, card: str, *, versions: int, rate_count: int) -> None:
    await connection.execute(_SQL["count_change"], card, versions, rate_count, timeout=CHANGE_SECONDS_MAX)


async def _check_currency(connection: Connection, parent: str, currency: str) -> None:
    of_parent = await connection.fetchval(_SQL["card_currency"], parent)
    if of_parent is None:
        raise RateCardNotFound(parent)
    if of_parent != currency:
        raise CurrencyMismatch(wallet=of_parent, given=currency)


async def _check_ancestors(connection: Connection, card: str) -> None:
    """Raise UnfitRateCard if a card is its own ancestor, or has too many ancestors, itself or a card below it."""
    rows = await connection.fetch(_SQL["ancestors"], card, ANCESTORS_MAX + 1)
    if any(row["card_id"] == card for row in rows):
        raise UnfitRateCard("would make the card an ancestor of its own", field="rate_card.parent")
    below = await connection.fetchval(_SQL["levels_below"], card, ANCESTORS_MAX + 1)
    if len(rows) + below > ANCESTORS_MAX:
        raise UnfitRateCard(
            f"would give a card more than {ANCESTORS_MAX} ancestors, itself or one below it", field="rate_card.parent"
        )


def _too_many(rates: int) -> UnfitRateCard:
    return UnfitRateCard(f"would be {rates}, and a card has at most {RATES_PER_CARD_MAX}", field="rates")


async def _read_all(connection: Connection, card: str) -> list[Rate]:
    reader = RateReader()
    return [reader.read(row) async for rows in slices(connection, _SQL["rates"], card, None) for row in rows]


async def _delete(connection: Connection, card: str, rates: Sequence[tuple[Place, int]]) -> None:
    for begin in range(0, len(rates), WRITE_RATES):
        places, moments = zip(*rates[begin : begin + WRITE_RATES], strict=True)
        channels, variants, destinations = zip(*places, strict=True)
        await connection.execute(
            _SQL["delete_rates"], card, channels, variants, destinations, moments, timeout=CHANGE_SECONDS_MAX
        )


async def _insert(connection: Connection, card: str, rates: Sequence[Rate]) -> None:
    for begin in range(0, len(rates), WRITE_RATES):
        records = [record_of(card, rate) for rate in rates[begin : begin + WRITE_RATES]]
        await connection.copy_records_to_table("rates", records=records, columns=COLUMNS, timeout=CHANGE_SECONDS_MAX)
