"""The price of a request: the amount that it names, else the rate that applies to its usage."""

import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from server.rejections import invalid
from server.usage_messages import Used
from wallet.domain.commands import Unpriced
from wallet.domain.entries import Authorization, AuthorizationState
from wallet.domain.errors import AuthorizationNotFound
from wallet.domain.pricing import Price, repriced
from wallet.domain.ratebook import RateBooks, quote_of
from wallet.domain.usage import Channel, Usage
from wallet.ledger.reader import Reader

OPENED_REMEMBERED_MAX = 20_000


class Priced(NamedTuple):
    """The amount of a usage, in micros. `price` explains it if it follows from a rate."""

    amount: int
    price: Price | None
    usage: Usage | None
    unpriced: Unpriced | None = None
    """The reason for which it has no amount: only the entry recorded under its key is an answer."""


class AuthorizationUsage(NamedTuple):
    """The usage and amount of a request that changes an authorization."""

    company: str
    authorization: str
    used: Used | None
    """None: the authorization's own usage."""
    amount: int | None
    """In micros; None if the request names none, and a rate decides."""


class Opened(NamedTuple):
    """The usage and price that an authorization was opened with: they never change, so a process may remember them."""

    usage: Usage | None
    price: Price | None


class Pricing:
    """Prices usage by the rate books of this process: a call waits only for reading an authorization's own price."""

    def __init__(self, books: Callable[[], RateBooks], reader: Reader) -> None:
        """`books` returns the present snapshot; `reader` reads authorizations that were opened by other processes."""
        self._books = books
        self._reader = reader
        self._opened: dict[tuple[str, str], Opened] = {}

    def by_card(self, company: str, used: Used) -> Priced:
        """Return the price by the company's present rate card."""
        usage = used.usage
        amount, price, unpriced = self._books().quote(company, usage, used.number, time.time_ns() // 1000)
        return Priced(amount, price, usage, unpriced)

    def authorized(self, company: str, used: Used, amount: int) -> Priced:
        """Return the price of an authorization whose amount the request names, with the rate of its usage."""
        price = self.by_card(company, used).price
        pinned = None if price is None else msgspec.structs.replace(price, by_request=True)
        return Priced(amount, pinned, used.usage)

    async def increment(self, usage: AuthorizationUsage) -> Priced:
        """Return the price of an authorization's total usage. Raises as `capture` does."""
        return await self.capture(usage, closes=True)

    async def capture(self, usage: AuthorizationUsage, *, closes: bool) -> Priced:
        """Return the price of a captured usage; without one, of the authorization's own.

        A call is priced by the rate that it was authorized with, that is to its end by the card that it began with, and
        its connect fee is in the capture that closes it. A message has the authorization's rate if that is still the
        rate of its destination; one authorization may cover a whole campaign.
        Raises LedgerUnavailable, and InvalidRequest if neither the request nor the authorization has a usage.
        """
        if usage.amount is not None:
            return Priced(usage.amount, None, None if usage.used is None else usage.used.usage)
        opened = await self._read_opened(usage.company, usage.authorization)
        if opened is None:
            return Priced(0, None, None, Unpriced.UNOPENED)
        used = _completed(usage.used, opened.usage)
        connect_fee = closes or used.usage.channel is not Channel.VOICE
        now = self.by_card(usage.company, used)
        if opened.price is not None and _has_opening_rate(opened, used, now.price):
            return _priced(repriced(opened.price, used.usage.quantity, connect_fee=connect_fee), used.usage)
        if now.price is not None and not connect_fee:
            return _priced(msgspec.structs.replace(now.price, connect_fee=0), used.usage)
        return now

    def remember(self, authorization: Authorization | None) -> None:
        """Remember an open authorization's usage and price for its captures and increments; forget a closed one's."""
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
        """Return the usage and price that an authorization was opened with; None if there is no authorization."""
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
    """Return a usage whose missing fields are the authorization's. Raises InvalidRequest if neither has one."""
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
    """Return whether a usage is priced by the rate that its authorization was opened with, not by the present card."""
    usage, pinned = used.usage, opened.price
    if opened.usage is None or pinned is None or usage.channel is not opened.usage.channel:
        return False
    if usage.channel is Channel.VOICE:
        return True
    if (usage.variant, usage.country) != (opened.usage.variant, opened.usage.country):
        return False
    # The authorized number is not kept. Another number of the country may have another rate.
    return not used.number or now is None or (now.card, now.rate) == (pinned.card, pinned.rate)


def _priced(price: Price | None, usage: Usage) -> Priced:
    amount, price, unpriced = quote_of(price)
    return Priced(amount, price, usage, unpriced)
