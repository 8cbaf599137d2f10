"""Campaigns in bursts: the same text to many people, charged one by one, in batches, or captured from one hold."""

import asyncio
import itertools
from abc import abstractmethod

from demos.half_minute.gateways.batches import UnarySender
from demos.half_minute.gateways.batching import BatchingGateway
from demos.half_minute.gateways.delivery_reports import delivery_seconds, is_delivered
from demos.half_minute.gateways.gateway import Gateway, Sale
from demos.half_minute.prices import Item
from veloconnect.wallet.v1 import wallet_pb2

RECIPIENTS_MIN, RECIPIENTS_MAX = 150, 500
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 0.5, 3.0
"""Between two campaigns."""

AT_ONCE = 16
"""How many messages of a campaign are charged at the same time."""

BATCH_SIZE = 100
BATCHES_AT_ONCE = 2

SEGMENTS = (1, 1, 1, 1, 2, 2, 3)
"""Lengths of texts in segments, repeated by frequency."""


class Campaigns(Gateway):
    """Sends a campaign, pauses, sends the next one."""

    item = Item.SMS_SEGMENT

    async def run(self) -> None:
        """See `Gateway`."""
        for number in itertools.count(1):
            await self.sleep(self.random.uniform(PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX))
            if self.is_over:
                return
            await self.send(self.messages(f"{self.name}-campaign-{number}"))

    def messages(self, campaign: str) -> list[Sale]:
        """Return the messages of a campaign: one text to many recipients."""
        segments = self.random.choice(SEGMENTS) if self.item is Item.SMS_SEGMENT else 1
        recipients = self.random.randint(RECIPIENTS_MIN, RECIPIENTS_MAX)
        return [self.sale(self.item, self.destination(), segments, campaign) for _ in range(recipients)]

    @abstractmethod
    async def send(self, messages: list[Sale]) -> None:
        """Send all messages, or as many as can be sent before the session ends."""


class ChargedCampaigns(Campaigns):
    """Charges each message on submit."""

    async def send(self, messages: list[Sale]) -> None:
        """See `Campaigns`."""
        await self.for_all(messages, lambda sale: self.charge(self.request(sale)), AT_ONCE)


class BatchedCampaigns(BatchingGateway, Campaigns):
    """Charges a hundred messages at a time, by BatchCharge."""

    async def send(self, messages: list[Sale]) -> None:
        """See `Campaigns`."""
        requests = [self.request(sale) for sale in messages]
        batches = [requests[start : start + BATCH_SIZE] for start in range(0, len(requests), BATCH_SIZE)]
        sender = UnarySender(self.client)
        await self.for_all(batches, lambda batch: self.charge_all(sender, batch), BATCHES_AT_ONCE)


class AuthorizedCampaigns(Campaigns):
    """Authorizes the whole campaign before it is sent, and captures each message on its delivery report.

    The last report closes the hold, which releases the amount of the messages that failed.
    """

    async def send(self, messages: list[Sale]) -> None:
        """See `Campaigns`."""
        usage = wallet_pb2.Usage()
        usage.CopyFrom(messages[0].usage)
        usage.quantity = sum(sale.usage.quantity for sale in messages)
        authorization = await self.authorize(Sale(usage, sum(sale.amount for sale in messages)))
        if authorization is None:
            return

        async def report(sale: Sale) -> None:
            await asyncio.sleep(delivery_seconds(self.random))
            if is_delivered(self.random):
                await self.capture(authorization, sale, keep_open=True)

        *most, last = messages
        await self.for_all(most, report, AT_ONCE * 4)
        if is_delivered(self.random):
            await self.capture(authorization, last)
        else:
            await self.void(authorization)
