"""StreamCharges: one stream for many batches, each answered when it is done."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self

import grpc

from demos.half_minute.gateways.answers import Declined, Retryable, from_error
from demos.half_minute.gateways.client import ANSWER_SECONDS_MAX, Client
from veloconnect.charging.v1 import charging_pb2

RPC = "StreamCharges"

Results = Sequence[charging_pb2.ChargeResult]
Outbox = asyncio.Queue[charging_pb2.StreamChargesRequest | None]
"""None ends it. Senders bound it: each waits for its results before it sends again."""


class ChargeStream:
    """A stream that is opened at the first batch, and again after a failure. `async with` ends it."""

    def __init__(self, client: Client) -> None:
        """Use the client's connection and token."""
        self._client = client
        self._ids = itertools.count(1)
        self._outbox: Outbox = asyncio.Queue()
        self._call: Any = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: dict[str, asyncio.Future[Results]] = {}

    async def __aenter__(self) -> Self:
        """Send nothing: the stream opens at the first batch."""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End the stream."""
        self.cut()
        if self._reader is not None:
            await self._reader

    async def send(self, requests: Sequence[charging_pb2.ChargeRequest]) -> Results:
        """Send a batch and return its results. Raise `Retryable` if the stream fails before they come."""
        if self._reader is None or self._reader.done():
            self._open()
        batch_id = f"batch-{next(self._ids)}"
        began = time.perf_counter()
        waiting: asyncio.Future[Results] = asyncio.get_running_loop().create_future()
        self._waiting[batch_id] = waiting
        self._outbox.put_nowait(charging_pb2.StreamChargesRequest(batch_id=batch_id, requests=requests))
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                results = await waiting
        except TimeoutError as error:
            raise Retryable(f"{RPC}: no results in {ANSWER_SECONDS_MAX:g} s") from error
        finally:
            del self._waiting[batch_id]
        self._client.metrics.record_answer(RPC, time.perf_counter() - began)
        return results

    def cut(self) -> None:
        """Cancel the stream, with the answers to all batches in progress."""
        if self._call is not None:
            self._call.cancel()

    def _open(self) -> None:
        self._outbox = asyncio.Queue()  # senders repeat the batches of the old one
        self._call = self._client.stub.StreamCharges(_all_of(self._outbox), metadata=self._client.metadata)
        self._reader = asyncio.create_task(self._read(self._call, self._outbox))

    async def _read(self, call: Any, outbox: Outbox) -> None:
        """Resolve the waiting senders by batch until the stream ends; then fail the others."""
        broken: Exception = Retryable(f"{RPC} has ended")
        try:
            async for answer in call:
                waiting = self._waiting.get(answer.batch_id)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer.results)
        except grpc.aio.AioRpcError as error:
            meaning = from_error(error, RPC)
            broken = Retryable(str(meaning)) if isinstance(meaning, Declined) else meaning
        except asyncio.CancelledError:
            # Raised for a call that was cut, and for a task that is cancelled: only the first is handled here.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
        finally:
            outbox.put_nowait(None)
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(broken)


async def _all_of(outbox: Outbox) -> AsyncIterator[charging_pb2.StreamChargesRequest]:
    while (request := await outbox.get()) is not None:
        yield request
