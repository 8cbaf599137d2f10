"""Batches of charges: each charge is made on its own, and the results are in order."""

from collections import Counter
from collections.abc import Callable, Sequence

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from charging import decode
from charging.encode import fill_charged
from charging.pricing import Pricing
from charging.turns import Turn, Turns
from server.errors import ErrorAnswer, answer
from server.metrics import batch_items
from server.rejections import InvalidRequest
from server.validation import check
from veloconnect.charging.v1 import charging_pb2
from wallet.domain.commands import Command
from wallet.domain.entries import Outcome
from wallet.domain.errors import WalletError
from wallet.engine import Engine, Submission

Requests = Sequence[charging_pb2.ChargeRequest]
Results = RepeatedCompositeFieldContainer[charging_pb2.ChargeResult]

_OK = "OK"


class Batches:
    """Submits batches to the engine, in turns."""

    def __init__(self, engine: Engine, pricing: Pricing, turns: Turns, *, method: str) -> None:
        """Submit to `engine`, price by `pricing`, and count the items in the metrics of `method`."""
        self._engine = engine
        self._pricing = pricing
        self._turns = turns
        self._method = method

    async def charge(
        self,
        requests: Requests,
        results: Results,
        *,
        timeout: float | None,
        submitted: Callable[[], None] = lambda: None,
    ) -> None:
        """Add a result for each request, in order. An invalid request does not prevent the other charges.

        A charge waits until its company has room in the queue. `timeout` is the rest of the caller's deadline, in
        seconds. `submitted` is called when all charges are in the queue.
        """
        submission = self._engine.begin(timeout=timeout)
        turn = await self._turns.take(requests[0].company)
        try:
            invalid = await self._submit(requests, submission, turn)
            submitted()
            outcomes = await submission.results()
        finally:
            submission.abandon()
        await turn.renew()
        reasons: Counter[str] = Counter()
        answered: dict[int, ErrorAnswer] = {}
        remaining = iter(outcomes)
        for place in range(len(requests)):
            if turn.over:
                await turn.renew()
            reasons[_fill(results.add(), invalid.get(place) or next(remaining), answered)] += 1
        for reason, count in reasons.items():
            batch_items.labels(self._method, reason).inc(count)

    async def _submit(self, requests: Requests, submission: Submission, turn: Turn) -> dict[int, InvalidRequest]:
        """Submit the commands of the valid requests, in order; return the errors of the others by their places."""
        invalid: dict[int, InvalidRequest] = {}
        waits = True
        for place, request in enumerate(requests):
            if turn.over:
                await turn.renew()
            command = _command(request, self._pricing)
            if isinstance(command, InvalidRequest):
                invalid[place] = command
                continue
            while waits and not submission.has_room(command.company):
                # After one wait in vain the rest is submitted, and refused: each would wait as long for nothing.
                waits = await submission.wait_for_room(command.company)
                await turn.renew()
            submission.submit(command)
        return invalid


def _command(request: charging_pb2.ChargeRequest, pricing: Pricing) -> Command | InvalidRequest:
    try:
        check(request)
        return decode.charge(request, pricing)
    except InvalidRequest as error:
        return error


def _fill(
    result: charging_pb2.ChargeResult,
    outcome: Outcome | WalletError | InvalidRequest,
    answered: dict[int, ErrorAnswer],
) -> str:
    """Set the result of one charge; return its reason. `answered` has the answers to shared errors, by identity."""
    if isinstance(outcome, Outcome):
        fill_charged(result.charge, outcome)
        return _OK
    shared = answered.get(id(outcome))
    if shared is None:
        shared = answered[id(outcome)] = answer(outcome)
    result.status.CopyFrom(shared.status)
    return shared.reason
