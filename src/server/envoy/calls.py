"""Each request that Envoy passes on is a call: find its handler, read its messages, answer, and end it in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Any

import grpc
import structlog

from server.boundary import Boundary
from server.envoy.call import Aborted, Call, Ended, Send
from server.envoy.framing import (
    CONTENT_TYPE,
    CONTENT_TYPES,
    ENCODINGS,
    IDENTITY,
    Disconnected,
    Event,
    Messages,
    Receive,
    Room,
    status_headers,
    timeout_seconds,
)
from server.errors import answer
from server.rejections import InvalidRequest, Rejection
from wallet.domain.errors import Applied, DeadlineExceeded, Stopping, WalletError

REQUEST_SECONDS_MAX = 10.0
"""How long the request of a call with one message may take until it is whole."""
SWEEP_SECONDS = 0.1
"""How often open calls are checked: their deadlines, and whether their callers are still there."""
POLLS_MAX = 100
"""How many callers are asked for in a sweep: each takes two hops between Envoy's thread and Python's."""
QUIET_SECONDS = 0.1
"""A server that stops waits this long for one more call, from a client that has not heard of it yet."""
LAST_SECONDS_MAX = 0.5
"""For calls that were ended, since the process stops, to be answered."""
GATHERED_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of messages that come in several parts and are not whole yet, of all calls together."""

log = structlog.get_logger(__name__)


class Calls:
    """The calls of this process that have not ended."""

    def __init__(self, boundary: Boundary) -> None:
        """Find handlers by `boundary`."""
        self._boundary = boundary
        self._open: dict[Call, Messages | None] = {}
        """Open call → its messages, which tell whether its caller is still there; None while they are asked."""
        self._room = Room(GATHERED_BYTES_MAX)
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._sweeping = False
        self._begun = 0
        self._ended = asyncio.Event()
        """Set whenever the last open call ends."""

    async def drain(self, seconds: float) -> None:
        """Return when calls no longer come and none is open; those that are open after `seconds` are ended.

        Clients hear with their next answer that they should go. What they sent before is still served. What comes
        after `seconds` is refused, so that no client keeps the process.
        """
        self._boundary.open_calls.end()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                begun = -1
                while begun != self._begun:
                    begun = self._begun
                    await self._until_none_is_open()
                    await asyncio.sleep(QUIET_SECONDS)
        await self._boundary.calls.finish(0)  # What comes now is refused too: the stores close.
        for call in list(self._open):
            call.cancel(Ended.STOPPING)  # Its request was not whole.
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS_MAX):
                await self._until_none_is_open()

    async def _until_none_is_open(self) -> None:
        while self._open:
            self._ended.clear()
            await self._ended.wait()

    async def serve(self, scope: Event, receive: Receive, send: Send) -> None:
        """Serve one request. Raises nothing: what is raised here would be printed and nobody's."""
        call = Call(send, self._now)
        if self._boundary.calls.ended:
            call.ended = Ended.STOPPING
            self._end(call)
            return
        self._open[call] = None
        self._begun += 1
        if not self._sweeping:
            self._sweeping = True
            self._loop.call_later(SWEEP_SECONDS, self._sweep)
        try:
            await self._serve(call, scope, receive)
        except Aborted as aborted:
            call.fail(aborted.headers)
        except (Disconnected, asyncio.CancelledError):
            self._end(call)
        except Exception:
            log.exception("call_failed", path=scope["path"])
            call.fail(status_headers(grpc.StatusCode.INTERNAL, "A fault of the service."))
        finally:
            del self._open[call]
            if not self._open:
                self._ended.set()

    async def _serve(self, call: Call, scope: Event, receive: Receive) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        path: str = scope["path"]
        content_type = headers.get(b"content-type", b"")
        if content_type != CONTENT_TYPE and not content_type.startswith(CONTENT_TYPES):
            call.refuse_http(415)
            return
        if scope["method"] != "POST":
            call.refuse_http(405)
            return
        authorization = headers.get(b"authorization", b"").decode("latin-1")
        found = self._boundary.find(path, (("authorization", authorization),), begun=len(self._open))
        if found is None:
            await call.abort(grpc.StatusCode.UNIMPLEMENTED, f"There is no method {path} here.")
        encoding = headers.get(b"grpc-encoding", IDENTITY)
        if encoding not in ENCODINGS and found.admitted:
            text = f"Messages compressed by {encoding.decode('latin-1')} are not read: send gzip, or as they are."
            await call.abort(grpc.StatusCode.UNIMPLEMENTED, text, (("grpc-accept-encoding", "identity,gzip"),))
        messages = Messages(receive, self._room, bytes_max=found.bytes_max, compressible=encoding != IDENTITY)
        handler: Any = found.handler
        try:
            if (timeout := headers.get(b"grpc-timeout")) is not None:
                call.deadline = call.begun_at + timeout_seconds(timeout)
            if headers.get(b"te") != b"trailers":
                raise InvalidRequest("The header te: trailers is missing: something in between cannot carry gRPC.")
            if handler.request_streaming:
                self._open[call] = messages
                requests: Any = self._requests(call, messages, handler.request_deserializer)
            elif found.admitted:
                self._open[call] = messages
                requests = await self._only(call, messages, handler.request_deserializer)
            else:
                requests = None  # Nothing of a stranger's request is read.
        except (Rejection, WalletError) as error:
            await self._boundary.fail(path, call, error)
        await _run(handler, requests, call)

    async def _only(self, call: Call, messages: Messages, deserialize: Any) -> Any:
        """Return the one message of a call."""
        try:
            message = await messages.only()
        except asyncio.CancelledError:
            if call.ended is not Ended.SLOW_REQUEST:
                raise
            call.revive()
            late = f"the request was not whole after {REQUEST_SECONDS_MAX:g} s"
            raise DeadlineExceeded(late, applied=Applied.NO) from None
        call.reading = False
        return message if deserialize is None else deserialize(message)

    async def _requests(self, call: Call, messages: Messages, deserialize: Any) -> AsyncIterator[Any]:
        """Yield the messages of a stream."""
        call.reading = False
        try:
            async for message in messages:
                yield message if deserialize is None else deserialize(message)
        except Disconnected:
            call.cancel(Ended.DISCONNECTED)
            await self._loop.create_future()  # The handler is cancelled while it waits.

    def _end(self, call: Call) -> None:
        """Answer a call that was cancelled."""
        match call.ended:
            case Ended.DEADLINE | Ended.SLOW_REQUEST:
                call.fail(status_headers(grpc.StatusCode.DEADLINE_EXCEEDED, "The deadline has passed."))
            case Ended.STOPPING:
                answered = answer(Stopping("the request was not whole", applied=Applied.NO))
                call.fail(status_headers(answered.code, answered.status.message, answered.trailers))
            case Ended.DISCONNECTED | None:
                pass

    def _sweep(self) -> None:
        """Cancel the calls whose time is over, and ask for the callers of those that are open for long."""
        self._sweeping = bool(self._open)
        if self._sweeping:
            self._loop.call_later(SWEEP_SECONDS, self._sweep)  # First of all: a fault in a sweep must not end them.
        now = self._now()
        polls: list[tuple[Call, Messages]] = []
        for call, messages in self._open.items():
            if call.deadline is not None and call.deadline <= now:
                call.cancel(Ended.DEADLINE)
            elif call.reading and call.begun_at + REQUEST_SECONDS_MAX <= now:
                call.cancel(Ended.SLOW_REQUEST)
            elif messages is None or messages.reading:
                continue
            elif len(polls) < POLLS_MAX and call.begun_at + SWEEP_SECONDS <= now:
                polls.append((call, messages))
        for call, messages in polls:
            self._open[call] = None
            messages.look_ahead().add_done_callback(partial(self._polled, call, messages))

    def _polled(self, call: Call, messages: Messages, answered: "asyncio.Future[Event]") -> None:
        """Cancel a call whose caller is gone; otherwise its turn comes again after all others'."""
        if call not in self._open or answered.cancelled():
            return
        if answered.exception() is not None or answered.result()["type"] != "http.request":
            call.cancel(Ended.DISCONNECTED)
            return
        del self._open[call]
        self._open[call] = messages


async def _run(handler: Any, requests: Any, call: Call) -> None:
    """Run a handler of any of gRPC's four kinds, and send what it answers."""
    serialize = handler.response_serializer
    if handler.unary_unary is not None:
        call.answer(serialize(await handler.unary_unary(requests, call)))
    elif handler.stream_unary is not None:
        call.answer(serialize(await handler.stream_unary(requests, call)))
    else:
        call.serialized_by(serialize)
        answers = (handler.unary_stream or handler.stream_stream)(requests, call)
        if hasattr(answers, "__aiter__"):
            async for message in answers:
                await call.write(message)
        else:
            await answers
        call.end()
