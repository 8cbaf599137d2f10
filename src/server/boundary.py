"""The boundary of a call: authentication, validation, error answers, metrics.

All of this runs thousands of times a second, so each method is wrapped once, and its calls go straight to the wrapped
handler.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import grpc
import structlog
from google.protobuf.message import Message

from server.calls_in_flight import CALLS_MAX, CallsInFlight
from server.context import Context
from server.errors import ErrorAnswer, answer, caller_is_gone, is_fault
from server.in_time import in_time
from server.metrics import CallMetrics
from server.open_services import REQUEST_BYTES_MAX, OpenCalls
from server.rejections import CallerTooSlow, InvalidRequest, Rejection, Unauthenticated
from server.tokens import Metadata, Tokens
from server.transport_limits import ANSWER_SECONDS_MAX
from server.validation import MESSAGE_BYTES_MAX, read
from wallet.domain.errors import Applied, Overloaded, Stopping, WalletError

if TYPE_CHECKING:  # grpc's classes are generic in its stubs only.
    Handler = grpc.RpcMethodHandler[Any, Any]
    GenericHandler = grpc.GenericRpcHandler[Any, Any]
else:
    Handler = grpc.RpcMethodHandler
    GenericHandler = grpc.GenericRpcHandler

UPLOAD_PAUSE_SECONDS_MAX = 30
"""How long the caller of an upload may take for the next message."""
UPLOAD_SECONDS_MAX = 300
"""How long the messages of an upload may take in all: the largest deck, 64 MiB, at 2 Mbit/s. Few uploads run at once,
so a slow one keeps others from theirs."""
UPLOAD_MESSAGES_MAX = 100_000
UPLOAD_END_SECONDS = 0.05
"""gRPC reports a caller that is gone as the end of its messages, and only then cancels the call. Half an upload must
not count as a whole one."""
DOWNLOAD_SECONDS_MAX = 900
"""How long a download may take in all; HTTP downloads have the same limit."""

log = structlog.get_logger(__name__)


class _Method(NamedTuple):
    """The handlers of a method."""

    served: Handler
    refused: Handler
    """Answers a caller without a known token."""
    overloaded: Handler
    """Answers a call that is one too many."""
    open: bool
    """Whether it needs no token."""
    metrics: CallMetrics | None
    """None if its calls are not counted."""


class Found(NamedTuple):
    """The handler of a call, and whether the call was admitted; if not, the handler needs no request."""

    handler: Handler
    admitted: bool
    bytes_max: int = MESSAGE_BYTES_MAX
    """Of a message, before it is inflated."""


class Boundary(GenericHandler):
    """Authenticates callers, reads and checks requests, answers errors by the table, and counts calls.

    Servicers are added to it as they would be to a server, and it is the server's one handler. (An interceptor would
    cost two more coroutines a call.)

    `ours` are the full names of the services whose errors are answered by the table; others (health, reflection) answer
    for themselves, and those in `open_services` need no token.
    The caller's deadline is the context's: gRPC cancels the handler when it passes.
    """

    def __init__(self, tokens: Tokens, *, ours: frozenset[str], open_services: frozenset[str]) -> None:
        """Admit callers that send one of `tokens`."""
        self._tokens = tokens
        self._ours = ours
        self._open_services = open_services
        self._methods: dict[str, _Method] = {}
        self.calls = CallsInFlight()
        self.open_calls = OpenCalls()

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Serve the methods of a service; called by `add_…Servicer_to_server`."""
        for method, handler in handlers.items():
            self._methods[f"/{service}/{method}"] = self._wrapped(service, method, handler)

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """Do nothing: these are the same methods again, for look-up by name."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """Return the handler of a call; None if there is no such method."""
        found = self.find(handler_call_details.method, handler_call_details.invocation_metadata)
        return None if found is None else found.handler

    def find(self, path: str, metadata: Metadata, *, begun: int = 0) -> Found | None:
        """Return the handler of a call of the method at `path`; None if there is none.

        `begun` is how many calls the front has, including those whose requests are not whole yet.
        """
        method = self._methods.get(path)
        if method is None:
            return None
        if method.open:
            return Found(method.served, admitted=True, bytes_max=REQUEST_BYTES_MAX)
        if not self._tokens.admits(metadata):
            return Found(method.refused, admitted=False)
        if self.calls.full or begun > CALLS_MAX:
            return Found(method.overloaded, admitted=False)
        return Found(method.served, admitted=True)

    async def fail(self, path: str, context: Context, error: Rejection | WalletError) -> NoReturn:
        """End a call whose request could not be read for its handler."""
        await _fail(context, error, self._methods[path].metrics, perf_counter())

    def _wrapped(self, service: str, method: str, handler: Handler) -> _Method:
        if service in self._open_services:
            bounded = self.open_calls.bounded(handler)
            return _Method(served=bounded, refused=bounded, overloaded=bounded, open=True, metrics=None)
        streams = handler.request_streaming or handler.response_streaming
        metrics = CallMetrics(service.rpartition(".")[2], method, timed=not streams)
        return _Method(
            served=_served(handler, metrics, self.calls) if service in self._ours else handler,
            refused=_refused(Unauthenticated(), metrics),
            overloaded=_refused(Overloaded(f"{CALLS_MAX} calls are in flight in this process"), metrics),
            open=False,
            metrics=metrics,
        )


def _served(handler: Handler, metrics: CallMetrics, calls: CallsInFlight) -> Handler:
    """Return the wrapped handler. It gets the raw bytes, so that unreadable ones are answered by the table too."""
    respond = handler.response_serializer
    match handler.request_streaming, handler.response_streaming:
        case True, True:
            return grpc.stream_stream_rpc_method_handler(_stream(handler, metrics, calls), None, respond)
        case True, False:
            return grpc.stream_unary_rpc_method_handler(_upload(handler, metrics, calls), None, respond)
        case False, True:
            return grpc.unary_stream_rpc_method_handler(_download(handler, metrics, calls), None, respond)
        case _:
            return grpc.unary_unary_rpc_method_handler(_unary(handler, metrics, calls), None, respond)


def _unary(
    handler: Handler, metrics: CallMetrics, calls: CallsInFlight
) -> Callable[[bytes, Context], Awaitable[Message]]:
    behaviour: Any = handler.unary_unary
    deserialize: Any = handler.request_deserializer

    async def serve(raw: bytes, context: Context) -> Message:
        started = perf_counter()
        task = calls.begin()
        try:
            if calls.held:
                await calls.released()
            response: Message = await behaviour(read(deserialize, raw), context)
        except asyncio.CancelledError:
            await _fail_cancelled(context, metrics, started, calls)
            raise
        except Exception as error:  # noqa: BLE001  The boundary: every error is answered here.
            await _fail(context, error, metrics, started)
        finally:
            calls.end(task)
        metrics.succeeded(started)
        return response

    return serve


def _upload(
    handler: Handler, metrics: CallMetrics, calls: CallsInFlight
) -> Callable[[AsyncIterator[bytes], Context], Awaitable[Message]]:
    """Return the wrapper of a method with many requests and one answer. The servicer bounds their total size."""
    behaviour: Any = handler.stream_unary
    deserialize: Any = handler.request_deserializer

    async def requests(raws: AsyncIterator[bytes]) -> AsyncGenerator[Message, None]:
        count = 0
        clock = asyncio.get_running_loop().time
        whole_until = clock() + UPLOAD_SECONDS_MAX
        while True:
            pause_until = clock() + UPLOAD_PAUSE_SECONDS_MAX
            try:
                async with asyncio.timeout_at(min(pause_until, whole_until)):
                    raw = await anext(raws)
            except StopAsyncIteration:
                await asyncio.sleep(UPLOAD_END_SECONDS)
                return
            except TimeoutError as error:
                late = f"the next message did not come within {UPLOAD_PAUSE_SECONDS_MAX} s"
                if whole_until < pause_until:
                    late = f"the upload was not complete within {UPLOAD_SECONDS_MAX} s"
                raise CallerTooSlow(late, applied=Applied.NO) from error
            count += 1
            if count > UPLOAD_MESSAGES_MAX:
                raise InvalidRequest(f"More than {UPLOAD_MESSAGES_MAX} messages were sent: send larger ones.")
            yield read(deserialize, raw)

    async def serve(raws: AsyncIterator[bytes], context: Context) -> Message:
        async with _answered(metrics, context, calls), aclosing(requests(aiter(raws))) as checked:
            response: Message = await behaviour(checked, context)
        return response

    return serve


def _download(
    handler: Handler, metrics: CallMetrics, calls: CallsInFlight
) -> Callable[[bytes, Context], Awaitable[None]]:
    """Return the wrapper of a method with one request and many answers. Each waits until the caller can receive it.

    When the caller is too slow the servicer's generator is closed first, so that its place is free for others even if
    the caller never receives the status either.
    """
    behaviour: Any = handler.unary_stream
    deserialize: Any = handler.request_deserializer

    async def serve(raw: bytes, context: Context) -> None:
        async with (
            _answered(metrics, context, calls),
            aclosing(behaviour(read(deserialize, raw), context)) as answers,
            in_time(DOWNLOAD_SECONDS_MAX, "the download was not complete"),
        ):
            async for answer_ in answers:
                async with in_time(ANSWER_SECONDS_MAX, "an answer was not received"):
                    await context.write(answer_)

    return serve


def _stream(
    handler: Handler, metrics: CallMetrics, calls: CallsInFlight
) -> Callable[[AsyncIterator[bytes], Context], Awaitable[None]]:
    behaviour: Any = handler.stream_stream
    deserialize: Any = handler.request_deserializer

    async def requests(raws: AsyncIterator[bytes]) -> AsyncIterator[Message]:
        async for raw in raws:
            yield read(deserialize, raw)

    async def serve(raws: AsyncIterator[bytes], context: Context) -> None:
        async with _answered(metrics, context, calls):
            await behaviour(requests(raws), context)

    return serve


def _refused(error: Exception, metrics: CallMetrics) -> Handler:
    """Return a handler that answers every call with the error, by its headers alone.

    Its shape is a stream's, whatever the method's is, so that gRPC reads nothing of the request for it.
    """
    answered = answer(error)
    trailers = answered.trailers

    async def refuse(_requests: object, context: Context) -> NoReturn:
        metrics.failed(perf_counter(), answered.code, answered.reason)
        await context.abort(answered.code, answered.status.message, trailers)

    return grpc.stream_stream_rpc_method_handler(refuse)


@asynccontextmanager
async def _answered(metrics: CallMetrics, context: Context, calls: CallsInFlight) -> AsyncGenerator[None, None]:
    """Count a streaming call and answer its errors. `_unary` does the same inline, since it is the hot path."""
    started = perf_counter()
    task = calls.begin()
    try:
        if calls.held:
            await calls.released()
        yield
    except asyncio.CancelledError:
        await _fail_cancelled(context, metrics, started, calls)
        raise
    except Exception as error:  # noqa: BLE001  The boundary: every error is answered here.
        await _fail(context, error, metrics, started)
    finally:
        calls.end(task)
    metrics.succeeded(started)


async def _fail_cancelled(context: Context, metrics: CallMetrics, started: float, calls: CallsInFlight) -> None:
    """Count a call that was cancelled. Answer it where nobody but this process, which stops, has cancelled it."""
    if calls.ended:
        await _fail(context, Stopping("the call was not finished in time", applied=Applied.UNKNOWN), metrics, started)
    metrics.failed(started, _cancelled(context), None)


async def _fail(context: Context, error: Exception, metrics: CallMetrics | None, started: float) -> NoReturn:
    """End the call with the error's status. Faults are logged here, and only here."""
    if caller_is_gone(error):
        if metrics is not None:
            metrics.failed(started, grpc.StatusCode.CANCELLED, None)
        raise asyncio.CancelledError
    if is_fault(error):
        log.error("call_failed", exc_info=error)
    answered: ErrorAnswer = answer(error)
    if metrics is not None:
        metrics.failed(started, answered.code, answered.reason)
    await context.abort(answered.code, answered.status.message, answered.trailers)


def _cancelled(context: Context) -> grpc.StatusCode:
    """Return the code of a cancelled call: its deadline passed, or the caller cancelled it."""
    return grpc.StatusCode.DEADLINE_EXCEEDED if context.time_remaining() == 0 else grpc.StatusCode.CANCELLED
