"""A stream of batches: read while few are unanswered, answer each when it finishes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from charging.batches import Batches
from server.in_time import in_time
from server.rejections import CallerTooSlow, Rejection, StreamEnded
from server.transport_limits import ANSWER_SECONDS_MAX
from veloconnect.charging.v1 import charging_pb2
from wallet.domain.errors import Applied

BATCHES_UNANSWERED_MAX = 16
CHARGES_UNANSWERED_MAX = 4000
"""The bounds of one stream's unanswered work."""
STREAM_SECONDS_MAX = 600
"""After this time the server ends the stream, so that load spreads over new workers and machines."""

Request = charging_pb2.StreamChargesRequest
Response = charging_pb2.StreamChargesResponse
Write = Callable[[Response], Awaitable[None]]


class ChargeStream:
    """One stream, from its first batch to its last answer."""

    def __init__(
        self, batches: Batches, write: Write, *, stopping: asyncio.Event, time_remaining: Callable[[], float | None]
    ) -> None:
        """Answer by `write`; end early when `stopping` is set. `time_remaining` returns the seconds that are left."""
        self._batches = batches
        self._write = write
        self._stopping = stopping
        self._time_remaining = time_remaining
        self._writing = asyncio.Lock()
        self._room = asyncio.Condition()
        self._unanswered_batches = 0
        self._unanswered_charges = 0

    async def run(self, requests: AsyncIterator[Request]) -> None:
        """Return when the caller has sent all batches and every one is answered.

        Raises InvalidRequest for a batch that cannot be read, and StreamEnded if the server ends the stream: both only
        after every earlier batch is answered. Raises CallerTooSlow if the caller does not receive the answers.
        """
        failure: Rejection | None = None
        try:
            async with asyncio.TaskGroup() as answers:
                try:
                    await self._read(requests, answers)
                except Rejection as error:
                    failure = error
        except* CallerTooSlow as slow:
            failure = _first(slow)
        if failure is not None:
            raise failure

    async def _read(self, requests: AsyncIterator[Request], answers: asyncio.TaskGroup) -> None:
        try:
            async with asyncio.timeout(STREAM_SECONDS_MAX) as age:
                watch = answers.create_task(self._end_with_process(age))
                try:
                    async for request in requests:
                        self._unanswered_batches += 1
                        self._unanswered_charges += len(request.requests)
                        submitted = asyncio.Event()
                        answers.create_task(self._answer(request, submitted))
                        # In the queue before the next one is read: they stay in order, and a stream whose company has
                        # no room is not read on.
                        await submitted.wait()
                        async with self._room:
                            await self._room.wait_for(self._has_room)
                finally:
                    watch.cancel()
        except TimeoutError:
            raise StreamEnded from None

    async def _end_with_process(self, age: asyncio.Timeout) -> None:
        await self._stopping.wait()
        if not age.expired():
            age.reschedule(asyncio.get_running_loop().time())

    def _has_room(self) -> bool:
        return self._unanswered_batches < BATCHES_UNANSWERED_MAX and self._unanswered_charges < CHARGES_UNANSWERED_MAX

    async def _answer(self, request: Request, submitted: asyncio.Event) -> None:
        response = Response(batch_id=request.batch_id)
        await self._batches.charge(
            request.requests, response.results, timeout=self._time_remaining(), submitted=submitted.set
        )
        late = "an answer was not received"
        async with self._writing, in_time(ANSWER_SECONDS_MAX, late, applied=Applied.UNKNOWN):
            await self._write(response)
        async with self._room:
            self._unanswered_batches -= 1
            self._unanswered_charges -= len(request.requests)
            self._room.notify()


def _first(group: BaseExceptionGroup[CallerTooSlow]) -> CallerTooSlow:
    """Return the first error of a group."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
