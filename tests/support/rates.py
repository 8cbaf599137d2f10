"""Rates and decks for tests, with defaults for every field."""

import time
from collections.abc import Mapping, Sequence

from admin.rates.store import ImportResult, RateCards, RateImport
from wallet.domain.rates import Rate
from wallet.domain.usage import Channel


def moment() -> int:
    """Return the time, in microseconds since the epoch."""
    return time.time_ns() // 1000


def rate(destination: str = "+49", unit_price: int = 10, **fields: object) -> Rate:
    """Return a rate for calls that begins now."""
    values = {"channel": Channel.VOICE, "variant": "", "effective_at": moment(), **fields}
    return Rate(destination=destination, unit_price=unit_price, **values)  # type: ignore[arg-type]  # of many types


def deck(unit_prices: Mapping[str, int], **fields: object) -> list[Rate]:
    """Return rates for calls that begin now, by destination."""
    fields.setdefault("effective_at", moment())
    return [rate(destination, unit_price, **fields) for destination, unit_price in unit_prices.items()]


async def import_deck(
    cards: RateCards, rates: Sequence[Rate], *, card: str = "standard", currency: str = "EUR"
) -> ImportResult:
    """Import a deck into a card, which is created if it is missing."""
    now = moment()
    return await cards.import_rates(card, RateImport(rates, now, now, currency=currency))
