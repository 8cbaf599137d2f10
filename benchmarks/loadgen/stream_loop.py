"""Streams of batches, by gRPC's own client: of what a hundred charges cost, its share is small.

A closed loop: always N batches of each stream unanswered, the next one sent when one is answered.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Any, Self, cast

import grpc
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from benchmarks.http2.calls import PREFIX, Call
from benchmarks.http2.client import CONNECT_SECONDS_MAX, PAUSE_SECONDS, UNREACHABLE_SECONDS_MAX, TargetUnreachable
from benchmarks.http2.endpoint import Endpoint
from benchmarks.http2.outcomes import CONNECTION_LOST, Outcome, of_status
from benchmarks.loadgen.batches import BATCH_ID_CHARS, StreamedBatches
from benchmarks.loadgen.loop import DRAIN_SECONDS_MAX
from benchmarks.loadgen.tally import Tally

EOF = grpc.aio.EOF  # type: ignore[attr-defined]
UNLIMITED = (("grpc.max_receive_message_length", -1),)


class StreamLoop:
    """Keeps `in_flight` batches of each of `streams` streams under way; each stream has a connection of its own."""

    def __init__(self, workload: StreamedBatches, endpoint: Endpoint, *, streams: int, in_flight: int) -> None:
        """Choose; nothing is connected yet."""
        assert streams > 0
        assert in_flight > 0
        self._workload = workload
        self._endpoint = endpoint
        self._streams = streams
        self._in_flight = in_flight
        self._channels: list[grpc.aio.Channel] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers: Iterator[int] = count()
        self._is_on = False
        self._answered_at = 0.0
        self._tally = Tally(self._workload.paths)
        self._given_up: asyncio.Future[TargetUnreachable] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        # A pool of its own for each: else channels to one address share a connection.
        options = (("grpc.use_local_subchannel_pool", 1), *UNLIMITED)
        self._channels = [self._endpoint.channel(number, options) for number in range(self._streams)]
        try:
            async with asyncio.timeout(CONNECT_SECONDS_MAX):
                for channel in self._channels:
                    await channel.channel_ready()
        except TimeoutError as error:
            await self._close()
            raise TargetUnreachable(f"{self._endpoint}: not ready within {CONNECT_SECONDS_MAX:g} s") from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def given_up(self) -> "asyncio.Future[TargetUnreachable]":
        """Done as soon as there is no hope of going on."""
        return self._given_up

    def start(self) -> None:
        """Open the streams; each is opened again when it is lost."""
        self._is_on = True
        self._tasks = [asyncio.create_task(self._keep_open(channel)) for channel in self._channels]

    def begin_stretch(self) -> Tally:
        """Begin to count: batches that are answered from now on."""
        self._tally = Tally(self._workload.paths)
        return self._tally

    def end_stretch(self) -> None:
        """Count no more."""
        self._tally = Tally(self._workload.paths)

    async def land(self) -> None:
        """Send no more, and wait for the answers."""
        self._is_on = False
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS_MAX)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep_open(self, channel: grpc.aio.Channel) -> None:
        self._answered_at = time.monotonic()
        while self._is_on:
            stream: Any = channel.stream_stream(self._workload.paths[0], None, None)(
                None, metadata=self._endpoint.metadata
            )
            flying: dict[str, Call] = {}
            outcome = CONNECTION_LOST
            try:
                await self._exchange(stream, flying)
            except grpc.aio.AioRpcError as error:
                outcome = _outcome(error)
            finally:
                stream.cancel()
                for call in flying.values():
                    self._workload.failed(call, outcome, self._tally)
            if self._is_on:
                if time.monotonic() - self._answered_at > UNREACHABLE_SECONDS_MAX and not self._given_up.done():
                    self._given_up.set_result(TargetUnreachable(f"{self._endpoint}: {outcome.name}"))
                await asyncio.sleep(PAUSE_SECONDS)

    async def _exchange(self, stream: Any, flying: dict[str, Call]) -> None:
        """Send and read until the run or the stream ends; what is left in `flying` was not answered."""
        for _ in range(self._in_flight):
            await self._send(stream, flying)
        while flying:
            answer = await stream.read()
            if answer is EOF:
                return
            call = flying.pop(self._workload.batch_id(answer), None)
            if call is None:
                continue
            self._answered_at = time.monotonic()
            tally = self._tally
            tally.calls += 1
            tally.by_path[0].record(time.perf_counter_ns() - call.intended_ns)
            call.body = PREFIX.pack(0, len(answer)) + answer
            self._workload.succeeded(call, tally)
            if self._is_on:
                await self._send(stream, flying)
        with suppress(asyncio.InvalidStateError):
            await stream.done_writing()

    async def _send(self, stream: Any, flying: dict[str, Call]) -> None:
        batch_id = f"{next(self._numbers):0{BATCH_ID_CHARS}x}"
        call = flying[batch_id] = self._workload.next_call(time.perf_counter_ns())
        # InvalidStateError: the stream has ended; reading it says why.
        with suppress(asyncio.InvalidStateError):
            await stream.write(self._workload.message(call, batch_id))

    async def _close(self) -> None:
        for channel in self._channels:
            await channel.close(None)


def _outcome(error: grpc.aio.AioRpcError) -> Outcome:
    details = rpc_status.from_call(cast("grpc.Call", error)) or Status()
    return of_status(error.code().value[0], error.details() or "", details)
