"""Rented numbers: a month's rent, paid in advance."""

from demos.half_minute.destinations import Destination
from demos.half_minute.gateways.gateway import Gateway
from demos.half_minute.prices import Item

COUNTRIES = ("GB", "DE", "US")
"""Countries in which the company has a local number."""


class RentedNumbers(Gateway):
    """Charges a month's rent for a number in each country, one after the other."""

    async def run(self) -> None:
        """See `Gateway`."""
        for country in COUNTRIES:
            # There is no number yet, so the destination is the country.
            await self.charge(self.request(self.sale(Item.NUMBER_MONTH, Destination(country, country))))
            await self.sleep(self.random.uniform(0.2, 1.0))
