"""Top-ups of a company's wallet, at the start and after declines."""

import asyncio
from collections.abc import Callable

from demos.half_minute.back_office import BackOffice
from demos.half_minute.books import Books
from demos.half_minute.companies import Company
from demos.half_minute.gateways.answers import Declined
from demos.half_minute.metrics import Metrics
from demos.half_minute.money import money_text

NOTICE_SECONDS = 1.0
"""From the first decline to the top-up: the time in which a person notices and acts."""


class Payer:
    """Pays for one company, and keeps books like a gateway's."""

    def __init__(self, company: Company, back_office: BackOffice, metrics: Metrics, say: Callable[[str], None]) -> None:
        """Print events by `say`."""
        self.company = company
        self.books = Books(f"{company.id}'s payer")
        self.payments = 0
        self._back_office = back_office
        self._metrics = metrics
        self._say = say
        self._paying = asyncio.Lock()

    async def top_up(self) -> None:
        """Top up the wallet with the company's credit."""
        key = f"wire-{self.payments + 1}"
        top_up = await self._back_office.top_up(self.company, key)
        self.books.post(key, self.company.credit_micros, top_up.transaction)
        self.payments += 1

    async def wait_for_top_up(self, payments_seen: int, decline: Declined) -> None:
        """Return once there are more payments than `payments_seen`, the number before the declined call."""
        async with self._paying:
            if self.payments > payments_seen:
                return
            company = self.company
            self._say(f"{company.display_name} has no funds left: {_decline_text(decline, company.currency)}")
            await asyncio.sleep(NOTICE_SECONDS)
            await self.top_up()
            self._metrics.top_ups += 1
            self._say(f"{company.display_name} is topped up with {money_text(company.credit_micros, company.currency)}")


def _decline_text(decline: Declined, currency: str) -> str:
    """Return the decline as text, with the amounts that the service named."""
    try:
        available, required = int(decline.available), int(decline.required)
    except ValueError:
        return "INSUFFICIENT_FUNDS"
    return f"INSUFFICIENT_FUNDS, {money_text(required, currency)} required, {money_text(available, currency)} available"
