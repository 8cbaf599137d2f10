"""Parcel alerts by stream, on a small wallet: in the middle comes a rush that costs more than the balance."""

import asyncio

from demos.half_minute.gateways.batches import StreamSender
from demos.half_minute.gateways.batching import BatchingGateway
from demos.half_minute.gateways.stream import ChargeStream
from demos.half_minute.prices import Item
from veloconnect.charging.v1 import charging_pb2

BATCH_SIZE = 5
BATCHES_PER_SECOND = 3.0

RUSH_AT = 0.4
"""When the rush begins, as a part of the session's duration."""

RUSH_OVER_AVAILABLE = 1.3
"""The cost of the rush, relative to the available amount when it begins."""

RUSH_BATCH_SIZE = 100
RUSH_AT_ONCE = 4
"""Less than the 16 batches that the service accepts at once on one stream."""


class ParcelAlerts(BatchingGateway):
    """Sends a few alerts at a time, and many in the rush."""

    async def run(self) -> None:
        """See `Gateway`."""
        async with ChargeStream(self.client) as stream, asyncio.TaskGroup() as group:
            sender = StreamSender(self.client, stream)
            group.create_task(self._rush(sender))
            await self.at_rate(BATCHES_PER_SECOND, lambda: self.charge_all(sender, self._alerts(BATCH_SIZE)))

    async def _rush(self, sender: StreamSender) -> None:
        """Charge for more than the wallet can pay, beyond the end of the session if need be."""
        await self.sleep((self.session.ends - self.session.began) * RUSH_AT)
        wallet = await self.client.read_wallet(f"{self.company.name}/wallet")
        left = int(wallet.available_micros * RUSH_OVER_AVAILABLE)
        batches: list[list[charging_pb2.ChargeRequest]] = []
        while left > 0:
            batches.append(self._alerts(RUSH_BATCH_SIZE))
            left -= sum(request.amount_micros for request in batches[-1])
        await self.for_all(batches, lambda batch: self.charge_all(sender, batch), RUSH_AT_ONCE, after_end=True)

    def _alerts(self, count: int) -> list[charging_pb2.ChargeRequest]:
        return [self.request(self.sale(Item.SMS_SEGMENT, self.destination())) for _ in range(count)]
