"""A gateway that charges in batches, and waits for money where a part of one was declined."""

from collections.abc import Sequence

from demos.half_minute.gateways.answers import Declined
from demos.half_minute.gateways.batches import Carrier, charge_batch
from demos.half_minute.gateways.gateway import ATTEMPTS_MAX, Gateway
from veloconnect.charging.v1 import charging_pb2 as charging


class BatchingGateway(Gateway):
    """Adds batches to a gateway."""

    async def charge_all(self, carrier: Carrier, requests: Sequence[charging.ChargeRequest]) -> None:
        """Charge them and write down what was charged; what was declined is sent again after a top-up."""
        for _ in range(ATTEMPTS_MAX):
            seen = self.treasury.payments
            outcomes = await charge_batch(carrier, requests)
            declined = []
            for request, outcome in zip(requests, outcomes, strict=True):
                if isinstance(outcome, Declined):
                    declined.append((request, outcome))
                else:
                    self.charged(request, outcome)
            if not declined:
                return
            requests = [request for request, _ in declined]
            await self.treasury.replenish(seen, declined[0][1])
