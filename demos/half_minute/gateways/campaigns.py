"""Campaigns in bursts: the same text to hundreds of people, charged one by one, in batches, or from one hold."""

import asyncio
import itertools
from abc import abstractmethod

from demos.half_minute.gateways.batches import ByCall
from demos.half_minute.gateways.batching import BatchingGateway
from demos.half_minute.gateways.delivery_reports import delivery_seconds, is_delivered
from demos.half_minute.gateways.gateway import Gateway, Sale
from demos.half_minute.prices import Item
from veloconnect.wallet.v1 import wallet_pb2 as wallet

RECIPIENTS_MIN, RECIPIENTS_MAX = 150, 500
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 0.5, 3.0
"""Between two campaigns."""

AT_ONCE = 16
"""How many messages of a campaign are charged at the same time."""

BATCH_SIZE = 100
BATCHES_AT_ONCE = 2

SEGMENTS = (1, 1, 1, 1, 2, 2, 3)
"""Lengths of texts, as often as they come."""


class Campaigns(Gateway):
    """Sends a campaign, pauses, sends the next one."""

    item = Item.SMS_SEGMENT

    async def play(self) -> None:
        """See `Gateway`."""
        for number in itertools.count(1):
            await self.sleep(self.random.uniform(PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX))
            if self.is_over:
                return
            await self.send(self.messages(f"{self.name}-campaign-{number}"))

    def messages(self, campaign: str) -> list[Sale]:
        """Return a campaign's messages: one text, many people."""
        segments = self.random.choice(SEGMENTS) if self.item is Item.SMS_SEGMENT else 1
        recipients = self.random.randint(RECIPIENTS_MIN, RECIPIENTS_MAX)
        return [self.sale(self.item, self.destination(), segments, campaign) for _ in range(recipients)]

    @abstractmethod
    async def send(self, messages: list[Sale]) -> None:
        """Send them all, or as many as can be sent before the scene ends."""


class ChargedCampaigns(Campaigns):
    """Each message is charged on submit."""

    async def send(self, messages: list[Sale]) -> None:
        """See `Campaigns`."""
        await self.all_of(messages, lambda sale: self.charge(self.request(sale)), AT_ONCE)


class BatchedCampaigns(BatchingGateway, Campaigns):
    """Messages are charged a hundred at a time, by BatchCharge."""

    async def send(self, messages: list[Sale]) -> None:
        """See `Campaigns`."""
        requests = [self.request(sale) for sale in messages]
        batches = [requests[start : start + BATCH_SIZE] for start in range(0, len(requests), BATCH_SIZE)]
        carrier = ByCall(self.line)
        await self.all_of(batches, lambda batch: self.charge_all(carrier, batch), BATCHES_AT_ONCE)


class AuthorizedCampaigns(Campaigns):
    """One hold for the campaign, before anything is sent; each delivery report takes its message's price from it.

    The last report closes the hold, and so frees what the messages that failed did not need.
    """

    async def send(self, messages: list[Sale]) -> None:
        """See `Campaigns`."""
        usage = wallet.Usage()
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
        await self.all_of(most, report, AT_ONCE * 4)
        if is_delivered(self.random):
            await self.capture(authorization, last)
        else:
            await self.void(authorization)
