"""Convert rows of rate cards and rates to domain objects."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec

from wallet.domain.rates import Rate, RateCard
from wallet.domain.usage import Channel
from wallet.ledger.pool import Connection
from wallet.ledger.rows import struct_of

SLICE_RATES = 500
"""Number of rates that are read at a time: the event loop is blocked for the conversion, about 2 ms."""

_CHANNELS = {channel.value: channel for channel in Channel}


def card_of(row: asyncpg.Record) -> RateCard:
    """Return a rate card."""
    return struct_of(row, RateCard, id=row["card_id"])


class RateReader:
    """Reads rates whose columns are in the order of Rate's fields, after `before` other columns.

    Decks repeat values: equal texts and numbers become the same object, which makes a large book smaller.
    """

    def __init__(self, *, before: int = 0) -> None:
        """Share equal values among the rates that this reader reads."""
        self._before = before
        self._shared: dict[Any, Any] = {}

    def read(self, row: asyncpg.Record) -> Rate:
        """Return a rate."""
        channel, variant, destination, unit_price, fee, minimum, first, step, effective_at, expires_at, description = (
            row[self._before :] if self._before else row
        )
        share = self._shared.setdefault
        return Rate(
            _CHANNELS[channel],
            share(variant, variant),
            destination,
            share(unit_price, unit_price),
            fee,
            minimum,
            first,
            step,
            share(effective_at, effective_at),
            expires_at,
            share(description, description),
        )


async def slices(connection: Connection, query: str, *arguments: object) -> AsyncIterator[list[asyncpg.Record]]:
    """Yield a query's rows, SLICE_RATES at a time, by a cursor: the connection must be in a transaction."""
    cursor = await connection.cursor(query, *arguments)
    while rows := await cursor.fetch(SLICE_RATES):
        yield rows
        if len(rows) < SLICE_RATES:
            return


def record_of(card: str, rate: Rate) -> tuple[object, ...]:
    """Return a rate as a row of the table `rates`, its columns in the order of COLUMNS."""
    return (card, rate.channel.value, *msgspec.structs.astuple(rate)[1:])


COLUMNS = (
    "card_id",
    "channel",
    "variant",
    "destination",
    "unit_price",
    "connect_fee",
    "minimum_quantity",
    "first_increment",
    "next_increment",
    "effective_at",
    "expires_at",
    "description",
)
