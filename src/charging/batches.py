"""Batches of charges: each charge is made on its own, and the results are in order."""

from collections import Counter
from collections.abc import Sequence

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from charging import decode
from charging.encode import fill_charged
from charging.pricing import Pricing
from server.errors import answer
from server.metrics import batch_items
from server.rejections import InvalidRequest
from server.validation import check
from veloconnect.charging.v1 import charging_pb2
from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.engine import Engine

Requests = Sequence[charging_pb2.ChargeRequest]
Results = RepeatedCompositeFieldContainer[charging_pb2.ChargeResult]

_OK = "OK"


class Batches:
    """Submits batches to the engine."""

    def __init__(self, engine: Engine, pricing: Pricing, *, method: str) -> None:
        """Submit to `engine`, price by `pricing`, and count the items in the metrics of `method`."""
        self._engine = engine
        self._pricing = pricing
        self._method = method

    async def charge(self, requests: Requests, results: Results, *, timeout: float | None) -> None:
        """Add a result for each request, in order. An invalid request does not prevent the other charges.

        `timeout` is the rest of the caller's deadline, in seconds.
        """
        decoded = [_command(request, self._pricing) for request in requests]
        commands = [command for command in decoded if isinstance(command, Command)]
        outcomes = iter(await self._engine.submit_many(commands, timeout=timeout))
        reasons: Counter[str] = Counter()
        for command in decoded:
            outcome = next(outcomes) if isinstance(command, Command) else command
            if isinstance(outcome, Outcome):
                fill_charged(results.add().charge, outcome)
                reasons[_OK] += 1
            else:
                answered = answer(outcome)
                results.add().status.CopyFrom(answered.status)
                reasons[answered.reason] += 1
        for reason, count in reasons.items():
            batch_items.labels(self._method, reason).inc(count)


def _command(request: charging_pb2.ChargeRequest, pricing: Pricing) -> Command | InvalidRequest:
    try:
        check(request)
        return decode.charge(request, pricing)
    except InvalidRequest as error:
        return error
