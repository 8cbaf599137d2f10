"""One-time codes: each is authorized before it is sent, captured on delivery, and voided if it is not delivered."""

import asyncio

from demos.half_minute.gateways.delivery_reports import delivery_seconds, is_delivered
from demos.half_minute.gateways.gateway import Gateway
from demos.half_minute.prices import Item

PER_SECOND = 25.0
HOLD_SECONDS = 300


class OneTimeCodes(Gateway):
    """Sends login codes at a steady rate."""

    async def run(self) -> None:
        """See `Gateway`."""
        await self.at_rate(PER_SECOND, self._code)

    async def _code(self) -> None:
        sale = self.sale(Item.SMS_SEGMENT, self.destination())
        authorization = await self.authorize(sale, HOLD_SECONDS)
        if authorization is None:
            return
        await asyncio.sleep(delivery_seconds(self.random))
        if is_delivered(self.random):
            await self.capture(authorization, sale)
        else:
            await self.void(authorization)
