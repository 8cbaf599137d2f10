"""Who pays in when a wallet has run dry."""

import asyncio
from collections.abc import Callable

from demos.half_minute.back_office import BackOffice
from demos.half_minute.books import Books
from demos.half_minute.companies import Company
from demos.half_minute.gateways.answers import Declined
from demos.half_minute.metrics import Measures
from demos.half_minute.money import shown

NOTICE_SECONDS = 1.0
"""From the first decline to the payment: somebody must see it and act."""


class Treasury:
    """One company's payments, with books like a gateway's."""

    def __init__(
        self, company: Company, back_office: BackOffice, measures: Measures, say: Callable[[str], None]
    ) -> None:
        """`say` tells the audience what happens."""
        self.company = company
        self.books = Books(f"{company.id}'s treasury")
        self.payments = 0
        self._back_office = back_office
        self._measures = measures
        self._say = say
        self._paying = asyncio.Lock()

    async def pay_in(self) -> None:
        """Put the company's credit into its wallet."""
        key = f"wire-{self.payments + 1}"
        top_up = await self._back_office.top_up(self.company, key)
        self.books.post(key, self.company.credit_micros, top_up.transaction)
        self.payments += 1

    async def replenish(self, payments_seen: int, decline: Declined) -> None:
        """Return when there is new money: more payments than the declined gateway had seen before it asked."""
        async with self._paying:
            if self.payments > payments_seen:
                return
            company = self.company
            self._say(f"{company.display_name} has run dry: {_told(decline, company.currency)}")
            await asyncio.sleep(NOTICE_SECONDS)
            await self.pay_in()
            self._measures.top_ups += 1
            self._say(f"{company.display_name} is topped up with {shown(company.credit_micros, company.currency)}")


def _told(decline: Declined, currency: str) -> str:
    """Say what the decline says: its numbers are the service's own."""
    try:
        available, required = int(decline.available), int(decline.required)
    except ValueError:
        return "INSUFFICIENT_FUNDS"
    return f"INSUFFICIENT_FUNDS, {shown(required, currency)} required, {shown(available, currency)} available"
