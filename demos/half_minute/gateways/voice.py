"""Voice calls: authorize a minute, one more before each minute begins, and capture the talk time on hang-up."""

import asyncio
import math

from demos.half_minute.destinations import Destination
from demos.half_minute.gateways.answers import Declined
from demos.half_minute.gateways.gateway import Gateway, Sale
from demos.half_minute.prices import SECONDS_PER_MINUTE, Item

PER_SECOND = 14.0
MINUTE_SECONDS = 0.5
"""How long a minute of a call takes here: time is compressed."""

ANSWERED = 0.75
RING_SECONDS_MIN, RING_SECONDS_MAX = 0.05, 0.3
TALK_SECONDS_MEAN, TALK_SECONDS_MAX = 150, 900
"""In seconds of the call, before compression."""

HOLD_SECONDS = 600


class Calls(Gateway):
    """Calls customers at a steady rate."""

    async def run(self) -> None:
        """See `Gateway`."""
        await self.at_rate(PER_SECOND, self._call)

    async def _call(self) -> None:
        callee = self.destination()
        authorization = await self.authorize(self._talked(callee, SECONDS_PER_MINUTE), HOLD_SECONDS)
        if authorization is None:
            return
        self.metrics.open_calls += 1
        try:
            await asyncio.sleep(self.random.uniform(RING_SECONDS_MIN, RING_SECONDS_MAX))
            if self.random.random() < ANSWERED:
                seconds = await self._talk(authorization, callee)
                await self.capture(authorization, self._talked(callee, seconds))
            else:
                await self.void(authorization)
        finally:
            self.metrics.open_calls -= 1

    async def _talk(self, authorization: str, callee: Destination) -> int:
        """Let the call last, and return its seconds, before compression."""
        wished = min(math.ceil(self.random.expovariate(1 / TALK_SECONDS_MEAN)), TALK_SECONDS_MAX)
        talked = 0
        while True:
            talked += await self._talk_on(min(SECONDS_PER_MINUTE, wished - talked))
            if talked >= wished or self.is_over:
                return talked
            try:
                await self.increment(authorization, self._talked(callee, talked + SECONDS_PER_MINUTE))
            except Declined:
                return talked  # hung up: no funds for another minute

    async def _talk_on(self, seconds: int) -> int:
        """Wait for `seconds` of the call; return how many it lasted: fewer only if the session ends."""
        compression = SECONDS_PER_MINUTE / MINUTE_SECONDS
        clock = asyncio.get_running_loop().time
        began = clock()
        await self.sleep(seconds / compression)
        return min(seconds, math.ceil((clock() - began) * compression) or 1) if self.is_over else seconds

    def _talked(self, callee: Destination, seconds: int) -> Sale:
        return self.sale(Item.VOICE_MINUTE, callee, seconds)
