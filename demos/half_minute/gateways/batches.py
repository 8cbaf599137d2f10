"""Batches of charges, sent until each charge has a definite answer."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from demos.half_minute.gateways.answers import Declined, DemoFailed, Retryable, from_status
from demos.half_minute.gateways.client import DEFINITE_SECONDS_MAX, PAUSE_SECONDS_MAX, Client
from demos.half_minute.gateways.stream import ChargeStream, Results
from veloconnect.charging.v1 import charging_pb2

ROUNDS_MAX = int(DEFINITE_SECONDS_MAX / PAUSE_SECONDS_MAX)

Requests = Sequence[charging_pb2.ChargeRequest]
Outcome = charging_pb2.ChargeResponse | Declined


class BatchSender(Protocol):
    """Sends a batch of charges."""

    client: Client
    rpc: str

    async def send(self, requests: Requests) -> Results:
        """Return a result for each request, in order. Raise `Retryable` if there is no answer."""

    async def send_and_lose_answer(self, requests: Requests) -> None:
        """Send a batch and discard the answer."""


class UnarySender:
    """Sends batches by BatchCharge."""

    rpc = "BatchCharge"

    def __init__(self, client: Client) -> None:
        """Send by this client."""
        self.client = client

    async def send(self, requests: Requests) -> Results:
        """See `BatchSender`."""
        return (await self.client.batch(charging_pb2.BatchChargeRequest(requests=requests))).results

    async def send_and_lose_answer(self, requests: Requests) -> None:
        """See `BatchSender`."""
        await self.client.send_batch_and_lose_answer(charging_pb2.BatchChargeRequest(requests=requests))


class StreamSender:
    """Sends batches by StreamCharges. To lose an answer it cuts the stream, with all other batches on it."""

    rpc = "StreamCharges"

    def __init__(self, client: Client, stream: ChargeStream) -> None:
        """Send by this stream."""
        self.client = client
        self._stream = stream

    async def send(self, requests: Requests) -> Results:
        """See `BatchSender`."""
        return await self._stream.send(requests)

    async def send_and_lose_answer(self, requests: Requests) -> None:
        """See `BatchSender`."""
        sending = asyncio.ensure_future(self._stream.send(requests))
        await asyncio.wait([sending], timeout=self.client.random.uniform(0.0, 0.01))
        if not sending.done():
            self._stream.cut()
            self.client.metrics.lost_answers += 1
        await asyncio.gather(sending, return_exceptions=True)


async def charge_batch(sender: BatchSender, requests: Requests) -> list[Outcome]:
    """Return the outcome of each request, in order; some batches are sent twice, with the same outcome."""
    client = sender.client
    if not client.wants_retry():
        return await _until_definite(sender, requests)
    if client.loses_answer():
        await sender.send_and_lose_answer(requests)
        client.metrics.retries += 1
    outcomes = await _until_definite(sender, requests)
    charged = [
        (request, outcome)
        for request, outcome in zip(requests, outcomes, strict=True)
        if isinstance(outcome, charging_pb2.ChargeResponse)
    ]
    if charged:
        client.metrics.retries += 1
        again = await _until_definite(sender, [request for request, _ in charged])
        for (request, first), second in zip(charged, again, strict=True):
            named = (
                second.transaction.name if isinstance(second, charging_pb2.ChargeResponse) else f"a decline ({second})"
            )
            client.compare(sender.rpc, request.idempotency_key, first.transaction.name, named)
    return outcomes


async def _until_definite(sender: BatchSender, requests: Requests) -> list[Outcome]:
    """Send the requests, and again those without a definite answer. Raise `DemoFailed` after ROUNDS_MAX rounds."""
    client = sender.client
    outcomes: dict[int, Outcome] = {}
    pending = list(range(len(requests)))
    for round_number in range(ROUNDS_MAX):
        if round_number:
            await asyncio.sleep(min(0.05 * round_number, PAUSE_SECONDS_MAX) * client.random.uniform(0.5, 1.5))
            client.metrics.retries += 1
        try:
            results = await sender.send([requests[index] for index in pending])
        except Retryable:
            continue
        outcomes |= _definite(sender, requests, pending, results)
        pending = [index for index in pending if index not in outcomes]
        if not pending:
            return [outcomes[index] for index in range(len(requests))]
    raise DemoFailed(f"{sender.rpc}: {len(pending)} charges without a definite answer after {ROUNDS_MAX} rounds")


def _definite(sender: BatchSender, requests: Requests, sent: Sequence[int], results: Results) -> dict[int, Outcome]:
    """Return the definite outcomes, by index of their request."""
    client = sender.client
    if len(results) != len(sent):
        raise DemoFailed(f"{sender.rpc}: {len(sent)} requests and {len(results)} results")
    outcomes: dict[int, Outcome] = {}
    for index, result in zip(sent, results, strict=True):
        if result.HasField("charge"):
            outcomes[index] = result.charge
            continue
        meaning = from_status(result.status, f"{sender.rpc} {requests[index].idempotency_key}")
        if isinstance(meaning, Declined):
            client.metrics.declines += 1
            outcomes[index] = meaning
        elif isinstance(meaning, Retryable):
            client.metrics.interruptions += 1
        else:
            raise meaning
    return outcomes
