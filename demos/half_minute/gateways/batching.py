"""A gateway that charges in batches, and waits for a top-up after a decline in one."""

from collections.abc import Sequence

from demos.half_minute.gateways.answers import Declined
from demos.half_minute.gateways.batches import BatchSender, charge_batch
from demos.half_minute.gateways.gateway import ATTEMPTS_MAX, Gateway
from veloconnect.charging.v1 import charging_pb2


class BatchingGateway(Gateway):
    """A gateway that charges in batches."""

    async def charge_all(self, sender: BatchSender, requests: Sequence[charging_pb2.ChargeRequest]) -> None:
        """Charge all requests and record the charges; declined ones are sent again after a top-up."""
        for _ in range(ATTEMPTS_MAX):
            seen = self.payer.payments
            outcomes = await charge_batch(sender, requests)
            declined = []
            for request, outcome in zip(requests, outcomes, strict=True):
                if isinstance(outcome, Declined):
                    declined.append((request, outcome))
                else:
                    self.record_charge(request, outcome)
            if not declined:
                return
            requests = [request for request, _ in declined]
            await self.payer.wait_for_top_up(seen, declined[0][1])
