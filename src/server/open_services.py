"""Bounds of the calls that need no token: health, and reflection on loopback.

Where there are too many, the oldest is ended, never the newest refused: an honest health check takes a millisecond, so
strangers who keep calls open cannot keep it out.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message

from server.context import Context
from server.errors import abort
from server.in_time import in_time
from server.rejections import CallerTooSlow, InvalidRequest
from wallet.domain.errors import Applied, Overloaded, Stopping

OPEN_CALLS_MAX = 500
"""Watchers of health stay, one a connection; checks and reflection end at once."""
UNREAD_MAX = 16
"""Requests that are missing, or not whole, at once. Each may hold as much as the largest message that a front takes."""
REQUEST_BYTES_MAX = 4_096
"""A request is the name of a service or of a file."""
REQUEST_SECONDS_MAX = 1.0
"""How long a request may take until it is whole. It comes with its headers."""

_Tasks = dict[asyncio.Task[Any], None]
"""The oldest first."""


class OpenCalls:
    """The calls of a process that need no token."""

    def __init__(self) -> None:
        """Begin without calls."""
        self._tasks: _Tasks = {}
        self._unread: _Tasks = {}
        self.unread_max = UNREAD_MAX
        """For a front that holds less of a request than the largest message, more."""
        self._ended = False

    def end(self) -> None:
        """End all calls, and those that come later at once, since the process stops."""
        self._ended = True
        for task in self._tasks:
            task.cancel()

    def bounded(self, handler: Any) -> Any:
        """Return a handler that serves the same within the bounds. Its shape is a stream's, so that it reads itself."""

        async def serve(raws: AsyncIterator[bytes], context: Context) -> None:
            if self._ended:
                await abort(context, _stopping())
            task = _admit(self._tasks, OPEN_CALLS_MAX)
            try:
                await self._serve(handler, raws, context)
            except (InvalidRequest, CallerTooSlow) as error:
                await abort(context, error)
            except grpc.aio.InternalError:
                raise asyncio.CancelledError from None  # The caller is gone; gRPC would log a traceback for each.
            except asyncio.CancelledError:
                if task not in self._tasks:
                    await abort(context, Overloaded("too many calls without a token are open"))
                if self._ended:
                    await abort(context, _stopping())
                raise
            finally:
                self._tasks.pop(task, None)

        return grpc.stream_stream_rpc_method_handler(serve, None, handler.response_serializer)

    async def _serve(self, handler: Any, raws: AsyncIterator[bytes], context: Context) -> None:
        requests = self._requests(handler, raws)
        if handler.request_streaming:
            async for answer in handler.stream_stream(requests, context):
                await context.write(answer)
            return
        request = await anext(requests, None)
        if request is None:
            raise InvalidRequest("No message was sent.")
        if handler.response_streaming:
            await handler.unary_stream(request, context)
        else:
            await context.write(await handler.unary_unary(request, context))

    async def _requests(self, handler: Any, raws: AsyncIterator[bytes]) -> AsyncIterator[Message]:
        while True:
            task = _admit(self._unread, self.unread_max)
            try:
                async with in_time(REQUEST_SECONDS_MAX, "the request did not come"):
                    raw = await anext(raws, None)
            except asyncio.CancelledError:
                if task not in self._unread:
                    self._tasks.pop(task, None)
                raise
            finally:
                self._unread.pop(task, None)
            if raw is None:
                return
            if len(raw) > REQUEST_BYTES_MAX:
                raise InvalidRequest(f"The request has {len(raw)} bytes, more than {REQUEST_BYTES_MAX}.")
            try:
                request: Message = handler.request_deserializer(raw)
            except DecodeError as error:
                raise InvalidRequest(f"The bytes are not such a message: {error}.") from error
            yield request


def _stopping() -> Stopping:
    return Stopping("call another one", applied=Applied.NO)


def _admit(tasks: _Tasks, tasks_max: int) -> asyncio.Task[Any]:
    """Add the current task, and return it. If there are too many, cancel and remove the oldest."""
    if len(tasks) >= tasks_max:
        oldest = next(iter(tasks))
        del tasks[oldest]
        oldest.cancel()
    task = asyncio.current_task()
    assert task is not None
    tasks[task] = None
    return task
