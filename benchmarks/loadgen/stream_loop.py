"""Streams of batches, by gRPC's own client, whose share of the cost of a hundred charges is small.

This is a closed loop: each stream has N unanswered batches at all times; an answer sends the next one.
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
    """Keeps `in_flight` batches in flight on each of `streams` streams; each stream has its own connection."""

    def __init__(self, workload: StreamedBatches, endpoint: Endpoint, *, streams: int, in_flight: int) -> None:
        """Prepare; connect nothing."""
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
        self._unreachable: asyncio.Future[TargetUnreachable] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        # A pool for each channel: otherwise channels to one address share a connection.
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
    def unreachable(self) -> "asyncio.Future[TargetUnreachable]":
        """Done once the target is unreachable for too long."""
        return self._unreachable

    def start(self) -> None:
        """Open the streams; each is opened again after a failure."""
        self._is_on = True
        self._tasks = [asyncio.create_task(self._keep_open(channel)) for channel in self._channels]

    def start_recording(self) -> Tally:
        """Begin to count the batches that are answered from now on."""
        self._tally = Tally(self._workload.paths)
        return self._tally

    def stop_recording(self) -> None:
        """Stop counting."""
        self._tally = Tally(self._workload.paths)

    async def drain(self) -> None:
        """Stop sending, and wait for the answers."""
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
            pending: dict[str, Call] = {}
            outcome = CONNECTION_LOST
            try:
                await self._exchange(stream, pending)
            except grpc.aio.AioRpcError as error:
                outcome = _outcome(error)
            finally:
                stream.cancel()
                for call in pending.values():
                    self._workload.failed(call, outcome, self._tally)
            if self._is_on:
                if time.monotonic() - self._answered_at > UNREACHABLE_SECONDS_MAX and not self._unreachable.done():
                    self._unreachable.set_result(TargetUnreachable(f"{self._endpoint}: {outcome.name}"))
                await asyncio.sleep(PAUSE_SECONDS)

    async def _exchange(self, stream: Any, pending: dict[str, Call]) -> None:
        """Send and read until the run or the stream ends; batches that remain in `pending` have no answer."""
        for _ in range(self._in_flight):
            await self._send(stream, pending)
        while pending:
            answer = await stream.read()
            if answer is EOF:
                return
            call = pending.pop(self._workload.batch_id(answer), None)
            if call is None:
                continue
            self._answered_at = time.monotonic()
            tally = self._tally
            tally.calls += 1
            tally.by_path[0].record(time.perf_counter_ns() - call.intended_ns)
            call.body = PREFIX.pack(0, len(answer)) + answer
            self._workload.succeeded(call, tally)
            if self._is_on:
                await self._send(stream, pending)
        with suppress(asyncio.InvalidStateError):
            await stream.done_writing()

    async def _send(self, stream: Any, pending: dict[str, Call]) -> None:
        batch_id = f"{next(self._numbers):0{BATCH_ID_CHARS}x}"
        call = pending[batch_id] = self._workload.next_call(time.perf_counter_ns())
        # InvalidStateError: the stream has ended; reading it raises the cause.
        with suppress(asyncio.InvalidStateError):
            await stream.write(self._workload.message(call, batch_id))

    async def _close(self) -> None:
        for channel in self._channels:
            await channel.close(None)


def _outcome(error: grpc.aio.AioRpcError) -> Outcome:
    details = rpc_status.from_call(cast("grpc.Call", error)) or Status()
    return of_status(error.code().value[0], error.details() or "", details)
