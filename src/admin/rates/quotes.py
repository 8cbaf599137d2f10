"""Quotes: the price of a usage by the rate card that would price a charge."""

import time

from admin.companies.store import Companies
from server.price_messages import fill_price
from server.rejections import invalid
from server.usage_messages import usage_of
from veloconnect.admin.v1 import rate_pb2
from wallet.domain.errors import RateCardNotFound, RateNotFound
from wallet.domain.money import MICROS_MAX, format_money
from wallet.domain.resource_names import COMPANY, RATE_CARD
from wallet.rate_snapshot import RateSnapshot


class Quotes:
    """Quotes prices as a charge would be priced, by all rates that are committed at the time of the request."""

    def __init__(self, rating: RateSnapshot, companies: Companies) -> None:
        """Price by the snapshot of `rating`, which each quote refreshes."""
        self._rating = rating
        self._companies = companies

    async def quote(self, request: rate_pb2.QuotePriceRequest) -> rate_pb2.QuotePriceResponse:
        """Return an amount and its explanation.

        Raises RateNotFound, RateCardNotFound, CompanyNotFound, LedgerUnavailable, and InvalidRequest if the amount is
        beyond MICROS_MAX.
        """
        used = usage_of(request.usage)
        usage = used.usage
        await self._rating.refresh()
        books = self._rating.books
        if request.HasField("company"):
            company = await self._companies.get(COMPANY.parse(request.company))
            card, currency = books.card_of.get(company.id, ""), company.currency
        else:
            card = RATE_CARD.parse(request.rate_card)
            if card not in books.books:
                raise RateCardNotFound(card)
            currency = books.books[card].card.currency
        price = books.price(card, usage, used.number, time.time_ns() // 1000)
        if price is None:
            raise RateNotFound(
                channel=usage.channel.name, variant=usage.variant, country=usage.country, has_card=bool(card)
            )
        if price.amount > MICROS_MAX:
            raise invalid(
                "usage.quantity", f"would cost {format_money(price.amount, currency)}, more than any wallet can hold"
            )
        response = rate_pb2.QuotePriceResponse(amount_micros=price.amount, currency_code=currency)
        fill_price(response.price, price, currency)
        return response
