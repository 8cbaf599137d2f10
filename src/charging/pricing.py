"""The price of a request: the amount that it names, else the rate that applies to what was used."""

import time
from collections.abc import Callable
from typing import NamedTuple

from server.rejections import invalid
from server.usage import Used
from wallet.domain.entries import Authorization
from wallet.domain.errors import AuthorizationNotFound
from wallet.domain.money import MICROS_MAX
from wallet.domain.pricing import Price, repriced
from wallet.domain.ratebook import RateBooks
from wallet.domain.usage import Usage
from wallet.ledger.reader import Reader

OPENED_REMEMBERED_MAX = 100_000


class Priced(NamedTuple):
    """What a usage costs, in micros. `price` says why, where a rate does."""

    amount: int
    price: Price | None
    usage: Usage | None
    unpriced: bool = False
    """Nothing says what it costs: there is no amount, and only what the key has recorded is an answer."""


class Opened(NamedTuple):
    """What an authorization was opened for and by: it never changes, so a process may remember it."""

    usage: Usage | None
    price: Price | None


class Pricing:
    """Prices usage, by the rate books of this process: no call waits for anything but an authorization's own price."""

    def __init__(self, books: Callable[[], RateBooks], reader: Reader) -> None:
        """`books` returns the present snapshot; `reader` knows the authorizations that were opened elsewhere."""
        self._books = books
        self._reader = reader
        self._opened: dict[tuple[str, str], Opened] = {}

    def by_card(self, company: str, used: Used) -> Priced:
        """Return the price by the company's rate card of now. Raises InvalidRequest where no amount can be so large."""
        books = self._books()
        card = books.card_of.get(company)
        price = None if card is None else books.price(card, used.usage, used.number, time.time_ns() // 1000)
        return _priced(price, used.usage)

    async def increased(self, company: str, authorization: str, used: Used | None) -> Priced:
        """Return the price of a usage in total. Without usage: of the authorization's own. Raises as `by_card`."""
        return await self._on_authorization(company, authorization, used, closes=True)

    async def captured(self, company: str, authorization: str, used: Used | None, *, closes: bool) -> Priced:
        """Return the price of what is captured now. Without usage: of the authorization's own. Raises as `by_card`.

        The rate is the authorization's, so that a call is priced to its end by the card that it began with; its connect
        fee is in the capture that closes it. Another channel, variant or country than the authorization's is priced by
        the card of now: an authorization may cover a whole campaign.
        """
        return await self._on_authorization(company, authorization, used, closes=closes)

    async def _on_authorization(self, company: str, authorization: str, used: Used | None, *, closes: bool) -> Priced:
        opened = await self._opened_as(company, authorization)
        if opened is None:
            return Priced(0, None, None if used is None else used.usage, unpriced=True)
        if used is None:
            if opened.usage is None:
                raise invalid("usage", "is required: the authorization has none")
            used = Used(opened.usage, "")
        elif not used.usage.country and opened.usage is not None and not used.number:
            used = Used(_towards(used.usage, opened.usage.country), "")
        if opened.price is None or opened.usage is None or _place(used.usage) != _place(opened.usage):
            return self.by_card(company, used)
        return _priced(repriced(opened.price, used.usage.quantity, connect_fee=closes), used.usage)

    def remember(self, authorization: Authorization) -> None:
        """Keep what an authorization was opened by, for its captures and increments."""
        while len(self._opened) >= OPENED_REMEMBERED_MAX:
            del self._opened[next(iter(self._opened))]
        self._opened[authorization.company, authorization.id] = Opened(authorization.usage, authorization.price)

    async def _opened_as(self, company: str, authorization: str) -> Opened | None:
        """Return what an authorization was opened by; None where there is none."""
        opened = self._opened.get((company, authorization))
        if opened is None:
            try:
                found = await self._reader.authorization(company, authorization)
            except AuthorizationNotFound:
                return None
            self.remember(found)
            opened = Opened(found.usage, found.price)
        return opened


def _priced(price: Price | None, usage: Usage) -> Priced:
    amount = 0 if price is None else price.amount
    if amount > MICROS_MAX:
        raise invalid("usage.quantity", f"would cost {amount} micros, more than any wallet can hold")
    return Priced(amount, price, usage, unpriced=price is None)


def _place(usage: Usage) -> tuple[object, ...]:
    return usage.channel, usage.variant, usage.country


def _towards(usage: Usage, country: str) -> Usage:
    return Usage(usage.channel, usage.variant, country, usage.quantity, usage.campaign_id, usage.contact_id)
