"""Parcel alerts by stream, on a small wallet: in the middle comes a day with more parcels than money."""

import asyncio

from demos.half_minute.gateways.batches import ByStream
from demos.half_minute.gateways.batching import BatchingGateway
from demos.half_minute.gateways.stream import ChargeStream
from demos.half_minute.prices import Item
from veloconnect.charging.v1 import charging_pb2 as charging

BATCH_SIZE = 5
BATCHES_PER_SECOND = 3.0

RUSH_AT = 0.4
"""When the many parcels come: this part of the play is over then."""

RUSH_OVER_AVAILABLE = 1.3
"""What the rush costs, next to the money that is there when it begins."""

RUSH_BATCH_SIZE = 100
RUSH_AT_ONCE = 4
"""Fewer than the 16 batches that the service takes of one stream."""


class ParcelAlerts(BatchingGateway):
    """A few alerts at a time, and then the rush."""

    async def play(self) -> None:
        """See `Gateway`."""
        async with ChargeStream(self.line) as stream, asyncio.TaskGroup() as group:
            carrier = ByStream(self.line, stream)
            group.create_task(self._rush(carrier))
            await self.each(BATCHES_PER_SECOND, lambda: self.charge_all(carrier, self._alerts(BATCH_SIZE)))

    async def _rush(self, carrier: ByStream) -> None:
        """Charge for more than the wallet can pay, whatever the time: the parcels are there."""
        await self.sleep((self.scene.ends - self.scene.began) * RUSH_AT)
        purse = await self.line.read_wallet(f"{self.company.name}/wallet")
        left = int(purse.available_micros * RUSH_OVER_AVAILABLE)
        batches: list[list[charging.ChargeRequest]] = []
        while left > 0:
            batches.append(self._alerts(RUSH_BATCH_SIZE))
            left -= sum(request.amount_micros for request in batches[-1])
        await self.all_of(batches, lambda batch: self.charge_all(carrier, batch), RUSH_AT_ONCE, after_end=True)

    def _alerts(self, count: int) -> list[charging.ChargeRequest]:
        return [self.request(self.sale(Item.SMS_SEGMENT, self.destination())) for _ in range(count)]
