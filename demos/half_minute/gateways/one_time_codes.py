"""One-time codes: one hold a message, taken before it is sent, captured when it arrived, given back when it did not."""

import asyncio

from demos.half_minute.gateways.delivery_reports import delivery_seconds, is_delivered
from demos.half_minute.gateways.gateway import Gateway
from demos.half_minute.prices import Item

PER_SECOND = 25.0
HOLD_SECONDS = 300


class OneTimeCodes(Gateway):
    """People log in all the time."""

    async def play(self) -> None:
        """See `Gateway`."""
        await self.each(PER_SECOND, self._code)

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
