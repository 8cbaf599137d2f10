"""The boundary of a call: who calls, what it says, how it ends.

Everything here runs thousands of times a second, so each method is wrapped once, and its calls go straight to the
wrapped handler.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import grpc
import structlog
from google.protobuf.message import Message

from server.context import Context
from server.errors import DETAILS_KEY, Answer, answer, is_fault
from server.metrics import CallFigures
from server.rejections import InvalidRequest, Unauthenticated
from server.tokens import Tokens
from server.validation import read
from wallet.domain.errors import Applied, DeadlineExceeded

if TYPE_CHECKING:  # grpc's classes are generic in its stubs only.
    Handler = grpc.RpcMethodHandler[Any, Any]
    GenericHandler = grpc.GenericRpcHandler[Any, Any]
else:
    Handler = grpc.RpcMethodHandler
    GenericHandler = grpc.GenericRpcHandler

UPLOAD_PAUSE_SECONDS_MAX = 30
"""How long a caller who sends one message after the other may take for the next."""
UPLOAD_MESSAGES_MAX = 100_000

log = structlog.get_logger(__name__)


class _Method(NamedTuple):
    """A method as it is served, and what is served instead to a caller who may not."""

    served: Handler
    refused: Handler
    open: bool


class Boundary(GenericHandler):
    """Authenticates, reads and checks requests, answers errors by the table, counts.

    Servicers are added to it as they would be to a server, and it is the server's one handler. (An interceptor would do
    the same, in two coroutines more for each call.)

    `ours` are the full names of the services that speak by the table; others (health, reflection) answer for
    themselves, and those in `open_services` need no token.
    The caller's deadline is the context's: gRPC cancels the handler when it passes.
    """

    def __init__(self, tokens: Tokens, *, ours: frozenset[str], open_services: frozenset[str]) -> None:
        """Admit who shows one of `tokens`."""
        self._tokens = tokens
        self._ours = ours
        self._open_services = open_services
        self._methods: dict[str, _Method] = {}

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Serve the methods of a service; what `add_…Servicer_to_server` calls."""
        for method, handler in handlers.items():
            self._methods[f"/{service}/{method}"] = self._wrapped(service, method, handler)

    def add_generic_rpc_handlers(self, handlers: object) -> None:
        """Do nothing: they are the same methods once more, to be looked up by name."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        """Return what serves a call; None for a method that there is not."""
        method = self._methods.get(handler_call_details.method)
        if method is None:
            return None
        if method.open or self._tokens.admits(handler_call_details.invocation_metadata):
            return method.served
        return method.refused

    def _wrapped(self, service: str, method: str, handler: Handler) -> _Method:
        if service in self._open_services:
            return _Method(served=handler, refused=handler, open=True)
        streams = handler.request_streaming or handler.response_streaming
        figures = CallFigures(service.rpartition(".")[2], method, timed=not streams)
        served = _served(handler, figures) if service in self._ours else handler
        return _Method(served=served, refused=_refused(handler, figures), open=False)


def _served(handler: Handler, figures: CallFigures) -> Handler:
    """Return the handler with all that happens around it. It gets the raw bytes: what they are is ours to judge."""
    respond = handler.response_serializer
    match handler.request_streaming, handler.response_streaming:
        case True, True:
            return grpc.stream_stream_rpc_method_handler(_stream(handler, figures), None, respond)
        case True, False:
            return grpc.stream_unary_rpc_method_handler(_upload(handler, figures), None, respond)
        case False, True:
            return grpc.unary_stream_rpc_method_handler(_download(handler, figures), None, respond)
        case _:
            return grpc.unary_unary_rpc_method_handler(_unary(handler, figures), None, respond)


def _unary(handler: Handler, figures: CallFigures) -> Callable[[bytes, Context], Awaitable[Message]]:
    behaviour: Any = handler.unary_unary
    deserialize: Any = handler.request_deserializer

    async def serve(raw: bytes, context: Context) -> Message:
        started = perf_counter()
        try:
            response: Message = await behaviour(read(deserialize, raw), context)
        except asyncio.CancelledError:
            figures.failed(started, _cancelled(context), None)
            raise
        except Exception as error:  # noqa: BLE001  The boundary: every error is answered here.
            await _fail(context, error, figures, started)
        figures.succeeded(started)
        return response

    return serve


def _upload(handler: Handler, figures: CallFigures) -> Callable[[AsyncIterator[bytes], Context], Awaitable[Message]]:
    """Many requests, one answer. The servicer bounds what they are in all."""
    behaviour: Any = handler.stream_unary
    deserialize: Any = handler.request_deserializer

    async def requests(raws: AsyncIterator[bytes]) -> AsyncGenerator[Message, None]:
        count = 0
        while True:
            try:
                async with asyncio.timeout(UPLOAD_PAUSE_SECONDS_MAX):
                    raw = await anext(raws)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                late = f"the next message did not come within {UPLOAD_PAUSE_SECONDS_MAX} s"
                raise DeadlineExceeded(late, applied=Applied.NO) from error
            count += 1
            if count > UPLOAD_MESSAGES_MAX:
                raise InvalidRequest(f"More than {UPLOAD_MESSAGES_MAX} messages were sent: send larger ones.")
            yield read(deserialize, raw)

    async def serve(raws: AsyncIterator[bytes], context: Context) -> Message:
        async with _answered(figures, context), aclosing(requests(aiter(raws))) as checked:
            response: Message = await behaviour(checked, context)
        return response

    return serve


def _download(handler: Handler, figures: CallFigures) -> Callable[[bytes, Context], Awaitable[None]]:
    """One request, many answers. Each waits until the caller has room for it."""
    behaviour: Any = handler.unary_stream
    deserialize: Any = handler.request_deserializer

    async def serve(raw: bytes, context: Context) -> None:
        async with _answered(figures, context), aclosing(behaviour(read(deserialize, raw), context)) as answers:
            async for answer_ in answers:
                await context.write(answer_)

    return serve


def _stream(handler: Handler, figures: CallFigures) -> Callable[[AsyncIterator[bytes], Context], Awaitable[None]]:
    behaviour: Any = handler.stream_stream
    deserialize: Any = handler.request_deserializer

    async def requests(raws: AsyncIterator[bytes]) -> AsyncIterator[Message]:
        async for raw in raws:
            yield read(deserialize, raw)

    async def serve(raws: AsyncIterator[bytes], context: Context) -> None:
        async with _answered(figures, context):
            await behaviour(requests(raws), context)

    return serve


def _refused(handler: Handler, figures: CallFigures) -> Handler:
    """Return a handler of the same shape that says who may call."""

    async def refuse(_request: object, context: Context) -> NoReturn:
        await _fail(context, Unauthenticated(), figures, perf_counter())

    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(refuse)
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler(refuse)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(refuse)
    return grpc.unary_unary_rpc_method_handler(refuse)


@asynccontextmanager
async def _answered(figures: CallFigures, context: Context) -> AsyncGenerator[None, None]:
    """Count a call with a stream, and answer every error of it. `_unary` does the same in place: it is the hot path."""
    started = perf_counter()
    try:
        yield
    except asyncio.CancelledError:
        figures.failed(started, _cancelled(context), None)
        raise
    except Exception as error:  # noqa: BLE001  The boundary: every error is answered here.
        await _fail(context, error, figures, started)
    figures.succeeded(started)


async def _fail(context: Context, error: Exception, figures: CallFigures, started: float) -> NoReturn:
    """End the call with the error's status. Faults are logged here, and only here."""
    if is_fault(error):
        log.error("call_failed", exc_info=error)
    said: Answer = answer(error)
    figures.failed(started, said.code, said.reason)
    details = said.status.SerializeToString()
    await context.abort(said.code, said.status.message, ((DETAILS_KEY, details),))


def _cancelled(context: Context) -> grpc.StatusCode:
    """Return why gRPC cancels a handler: the deadline passed, or the caller went away."""
    return grpc.StatusCode.DEADLINE_EXCEEDED if context.time_remaining() == 0 else grpc.StatusCode.CANCELLED
