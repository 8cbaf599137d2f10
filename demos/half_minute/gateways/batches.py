"""Batches of charges, sent until each charge in them has a definite answer."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from demos.half_minute.gateways.answers import AskAgain, Declined, Refused, from_status
from demos.half_minute.gateways.client import DEFINITE_SECONDS_MAX, PAUSE_SECONDS_MAX, Line
from demos.half_minute.gateways.stream import ChargeStream, Results
from veloconnect.charging.v1 import charging_pb2 as charging

ROUNDS_MAX = int(DEFINITE_SECONDS_MAX / PAUSE_SECONDS_MAX)

Requests = Sequence[charging.ChargeRequest]
Outcome = charging.ChargeResponse | Declined


class Carrier(Protocol):
    """A way to send a batch."""

    line: Line
    rpc: str

    async def send(self, requests: Requests) -> Results:
        """Return a result for each request, in order; `AskAgain` where there is no answer."""

    async def lose(self, requests: Requests) -> None:
        """Send it and lose the answer."""


class ByCall:
    """Batches by BatchCharge."""

    rpc = "BatchCharge"

    def __init__(self, line: Line) -> None:
        """Use the line."""
        self.line = line

    async def send(self, requests: Requests) -> Results:
        """See `Carrier`."""
        return (await self.line.batch(charging.BatchChargeRequest(requests=requests))).results

    async def lose(self, requests: Requests) -> None:
        """See `Carrier`."""
        await self.line.lose_batch(charging.BatchChargeRequest(requests=requests))


class ByStream:
    """Batches by StreamCharges; to lose an answer it cuts the stream, whatever else is on it."""

    rpc = "StreamCharges"

    def __init__(self, line: Line, stream: ChargeStream) -> None:
        """Use the stream."""
        self.line = line
        self._stream = stream

    async def send(self, requests: Requests) -> Results:
        """See `Carrier`."""
        return await self._stream.send(requests)

    async def lose(self, requests: Requests) -> None:
        """See `Carrier`."""
        sending = asyncio.ensure_future(self._stream.send(requests))
        await asyncio.wait([sending], timeout=self.line.random.uniform(0.0, 0.01))
        if not sending.done():
            self._stream.cut()
            self.line.measures.lost_answers += 1
        await asyncio.gather(sending, return_exceptions=True)


async def charge_batch(carrier: Carrier, requests: Requests) -> list[Outcome]:
    """Return what became of each request, in order; some batches are sent more often, with the same outcome."""
    line = carrier.line
    if not line.wants_retry():
        return await _until_definite(carrier, requests)
    if line.loses_answer():
        await carrier.lose(requests)
        line.measures.retries += 1
    outcomes = await _until_definite(carrier, requests)
    charged = [
        (request, outcome)
        for request, outcome in zip(requests, outcomes, strict=True)
        if isinstance(outcome, charging.ChargeResponse)
    ]
    if charged:
        line.measures.retries += 1
        again = await _until_definite(carrier, [request for request, _ in charged])
        for (request, first), second in zip(charged, again, strict=True):
            named = second.transaction.name if isinstance(second, charging.ChargeResponse) else f"a decline ({second})"
            line.compare(carrier.rpc, request.idempotency_key, first.transaction.name, named)
    return outcomes


async def _until_definite(carrier: Carrier, requests: Requests) -> list[Outcome]:
    """Send, and send again those that got no definite answer."""
    line = carrier.line
    outcomes: dict[int, Outcome] = {}
    pending = list(range(len(requests)))
    for round_number in range(ROUNDS_MAX):
        if round_number:
            await asyncio.sleep(min(0.05 * round_number, PAUSE_SECONDS_MAX) * line.random.uniform(0.5, 1.5))
            line.measures.retries += 1
        try:
            results = await carrier.send([requests[index] for index in pending])
        except AskAgain:
            continue
        outcomes |= _definite(carrier, requests, pending, results)
        pending = [index for index in pending if index not in outcomes]
        if not pending:
            return [outcomes[index] for index in range(len(requests))]
    raise Refused(f"{carrier.rpc}: {len(pending)} charges without a definite answer after {ROUNDS_MAX} rounds")


def _definite(carrier: Carrier, requests: Requests, sent: Sequence[int], results: Results) -> dict[int, Outcome]:
    """Return the definite ones of the results, by index of their request."""
    line = carrier.line
    if len(results) != len(sent):
        raise Refused(f"{carrier.rpc}: {len(sent)} requests and {len(results)} results")
    outcomes: dict[int, Outcome] = {}
    for index, result in zip(sent, results, strict=True):
        if result.HasField("charge"):
            outcomes[index] = result.charge
            continue
        meaning = from_status(result.status, f"{carrier.rpc} {requests[index].idempotency_key}")
        if isinstance(meaning, Declined):
            line.measures.declines += 1
            outcomes[index] = meaning
        elif isinstance(meaning, AskAgain):
            line.measures.interruptions += 1
        else:
            raise meaning
    return outcomes
