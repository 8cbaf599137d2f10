"""Parcel alerts by stream, on a small wallet: in the middle comes a day with more parcels than money."""

import asyncio

from devstack.demo.gateways.batches import ByStream
from devstack.demo.gateways.batching import BatchingGateway
from devstack.demo.gateways.stream import ChargeStream
from devstack.demo.prices import Item
from veloconnect.charging.v1 import charging_pb2 as charging

BATCH_SIZE = 10
BATCHES_PER_SECOND = 4.0

RUSH_AT = 0.4
"""When the many parcels come: this part of the play is over then."""

RUSH_OVER_AVAILABLE = 1.3
"""What the rush costs, next to the money that is there when it begins."""

RUSH_BATCH_SIZE = 50
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
        """Charge for more than the wallet can pay."""
        await self.sleep((self.scene.ends - self.scene.began) * RUSH_AT)
        purse = await self.line.read_wallet(f"{self.company.name}/wallet")
        left = int(purse.available_micros * RUSH_OVER_AVAILABLE)
        batches: list[list[charging.ChargeRequest]] = []
        while left > 0:
            batches.append(self._alerts(RUSH_BATCH_SIZE))
            left -= sum(request.amount_micros for request in batches[-1])
        rush = iter(batches)

        async def work() -> None:
            for batch in rush:
                if self.is_over:
                    return
                await self.charge_all(carrier, batch)

        async with asyncio.TaskGroup() as group:
            for _ in range(RUSH_AT_ONCE):
                group.create_task(work())

    def _alerts(self, count: int) -> list[charging.ChargeRequest]:
        return [self.request(self.sale(Item.SMS_SEGMENT, self.destination())) for _ in range(count)]
