"""The price of a request: the amount that it names, else the rate that applies to what was used."""

import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from server.rejections import invalid
from server.usage import Used
from wallet.domain.commands import Unpriced
from wallet.domain.entries import Authorization, AuthorizationState
from wallet.domain.errors import AuthorizationNotFound
from wallet.domain.pricing import Price, repriced
from wallet.domain.ratebook import RateBooks, quote_of
from wallet.domain.usage import Channel, Usage
from wallet.ledger.reader import Reader

OPENED_REMEMBERED_MAX = 20_000


class Priced(NamedTuple):
    """What a usage costs, in micros. `price` says why, where a rate does."""

    amount: int
    price: Price | None
    usage: Usage | None
    unpriced: Unpriced | None = None
    """Why nothing says what it costs: there is no amount, and only what the key has recorded is an answer."""


class AuthorizationUsage(NamedTuple):
    """What a request that changes an authorization says of its price."""

    company: str
    authorization: str
    used: Used | None
    """None where the request leaves it to the authorization."""
    amount: int | None
    """In micros; None where the request names none, and a rate says it."""


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
        """Return the price by the company's rate card of now."""
        usage = used.usage
        amount, price, unpriced = self._books().quote(company, usage, used.number, time.time_ns() // 1000)
        return Priced(amount, price, usage, unpriced)

    def authorized(self, company: str, used: Used, amount: int) -> Priced:
        """Return an authorization of an amount that the request names, with the rate that its usage has."""
        price = self.by_card(company, used).price
        pinned = None if price is None else msgspec.structs.replace(price, by_request=True)
        return Priced(amount, pinned, used.usage)

    async def increased(self, asked: AuthorizationUsage) -> Priced:
        """Return the price of a usage in total. Raises as `captured` does."""
        return await self.captured(asked, closes=True)

    async def captured(self, asked: AuthorizationUsage, *, closes: bool) -> Priced:
        """Return the price of what is captured now. Without usage: of the authorization's own.

        A call is priced by the rate that it was authorized with, so to its end by the card that it began with, and its
        connect fee is in the capture that closes it. A message has the authorization's rate where that is still the one
        for its destination; one authorization may cover a whole campaign.
        Raises LedgerUnavailable, and InvalidRequest where neither says what was used.
        """
        if asked.amount is not None:
            return Priced(asked.amount, None, None if asked.used is None else asked.used.usage)
        opened = await self._read_opened(asked.company, asked.authorization)
        if opened is None:
            return Priced(0, None, None, Unpriced.UNOPENED)
        used = _completed(asked.used, opened.usage)
        connect_fee = closes or used.usage.channel is not Channel.VOICE
        now = self.by_card(asked.company, used)
        if opened.price is not None and _has_opening_rate(opened, used, now.price):
            return _priced(repriced(opened.price, used.usage.quantity, connect_fee=connect_fee), used.usage)
        if now.price is not None and not connect_fee:
            return _priced(msgspec.structs.replace(now.price, connect_fee=0), used.usage)
        return now

    def remember(self, authorization: Authorization | None) -> None:
        """Remember what an authorization was opened by while it is open, for its captures and increments."""
        if authorization is None:
            return
        key = authorization.company, authorization.id
        if authorization.state is not AuthorizationState.OPEN:
            self._opened.pop(key, None)
            return
        while len(self._opened) >= OPENED_REMEMBERED_MAX:
            del self._opened[next(iter(self._opened))]
        self._opened[key] = Opened(authorization.usage, authorization.price)

    async def _read_opened(self, company: str, authorization: str) -> Opened | None:
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


def _completed(used: Used | None, opened: Usage | None) -> Used:
    """Return what was used, with what it leaves out taken from the authorization. Raises InvalidRequest."""
    if used is None:
        if opened is None:
            raise invalid("usage", "is required: the authorization has none")
        return Used(opened, "")
    usage = used.usage
    if opened is None or usage.channel is not opened.channel:
        return used
    elsewhere = used.number or usage.country
    return used._replace(
        usage=msgspec.structs.replace(
            usage, variant=usage.variant or opened.variant, country=usage.country if elsewhere else opened.country
        )
    )


def _has_opening_rate(opened: Opened, used: Used, now: Price | None) -> bool:
    """Return whether a usage has the rate that its authorization was opened with, and not the card's of now."""
    usage, pinned = used.usage, opened.price
    if opened.usage is None or pinned is None or usage.channel is not opened.usage.channel:
        return False
    if usage.channel is Channel.VOICE:
        return True
    if (usage.variant, usage.country) != (opened.usage.variant, opened.usage.country):
        return False
    # The number that was authorized is not kept. Another one of the country may have another rate.
    return not used.number or now is None or (now.card, now.rate) == (pinned.card, pinned.rate)


def _priced(price: Price | None, usage: Usage) -> Priced:
    amount, price, unpriced = quote_of(price)
    return Priced(amount, price, usage, unpriced)
