"""One call: its deadline, its answers, and its end."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any, NoReturn

import grpc

from server.envoy.framing import Event, Headers, framed, status_headers
from server.tokens import Metadata

Send = Callable[[Event], Awaitable[None]]

_HEADERS = (b"content-type", b"application/grpc")
_START: Event = {"type": "http.response.start", "status": 200, "headers": [_HEADERS], "trailers": True}
_SUCCEEDED: Event = {"type": "http.response.trailers", "headers": [(b"grpc-status", b"0")], "more_trailers": False}


class Ended(Enum):
    """Why a call's task was cancelled."""

    DEADLINE = auto()
    """The caller's deadline has passed."""
    DISCONNECTED = auto()
    """The caller is gone, or has cancelled the call."""
    SLOW_REQUEST = auto()
    """The request did not arrive in time."""
    STOPPING = auto()
    """The process stops, and the request was not whole yet."""


class Aborted(Exception):
    """The servicer ended the call with a status."""

    def __init__(self, headers: Headers) -> None:
        """Give the status as headers."""
        super().__init__(headers)
        self.headers = headers


class Call:
    """What a servicer sees of a call, and how it is answered.

    Of ASGI's three events for an answer none is awaited, except for the messages of a stream: Envoy takes them when it
    comes to it, and only a stream can have more than the caller has room for.
    """

    __slots__ = ("_begun", "_now", "_send", "_serialize", "_task", "begun_at", "deadline", "ended", "reading")

    def __init__(self, send: Send, now: Callable[[], float]) -> None:
        """Answer by ASGI's `send`; `now` is the event loop's clock."""
        self._send = send
        self._now = now
        self._begun = False
        self._serialize: Callable[[Any], bytes] | None = None
        self.begun_at = now()
        self.deadline: float | None = None
        """On the event loop's clock."""
        self.reading = True
        """Whether the request is still awaited."""
        self.ended: Ended | None = None
        """Why the handler was cancelled."""
        self._task: Any = asyncio.current_task()

    def time_remaining(self) -> float | None:
        """Return the seconds until the deadline; None if there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - self._now())

    def cancel(self, why: Ended) -> None:
        """Cancel the handler, once."""
        if self.ended is None:
            self.ended = why
            self._task.cancel()

    def revive(self) -> None:
        """Go on after a cancellation that the caller of this has caught."""
        self.ended = None
        self._task.uncancel()

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        """End the call with a status."""
        raise Aborted(status_headers(code, details, trailing_metadata))

    def serialized_by(self, serialize: Callable[[Any], bytes]) -> None:
        """Set how `write` makes bytes of a message."""
        self._serialize = serialize

    async def write(self, message: Any, /) -> None:
        """Send a message of a stream, and return when the caller has room for another."""
        assert self._serialize is not None
        self._begin()
        try:
            await self._send(_body(framed(self._serialize(message)), more=True))
        except OSError:
            self.cancel(Ended.DISCONNECTED)
            await asyncio.get_running_loop().create_future()  # The handler is cancelled while this waits.

    def answer(self, message: bytes) -> None:
        """Send the one answer of a call, and end it."""
        self._begin()
        self._put(_body(framed(message), more=False))
        self._put(_SUCCEEDED)

    def end(self) -> None:
        """End a stream that succeeded."""
        if self._begun:
            self._put(_body(b"", more=False))
            self._put(_SUCCEEDED)
        else:
            self.fail([(b"grpc-status", b"0")])

    def fail(self, headers: Headers) -> None:
        """End the call with a status, in the same headers as the answer's if there was none."""
        if self._begun:
            self._put(_body(b"", more=False))
            self._put({"type": "http.response.trailers", "headers": headers, "more_trailers": False})
        else:
            self._begun = True
            self._put({"type": "http.response.start", "status": 200, "headers": [_HEADERS, *headers]})
            self._put(_body(b"", more=False))

    def refuse_http(self, status: int) -> None:
        """Answer a request that is not gRPC."""
        self._begun = True
        self._put({"type": "http.response.start", "status": status, "headers": []})
        self._put(_body(b"", more=False))

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._put(_START)

    def _put(self, event: Event) -> None:
        """Send without waiting. What it returns need not be awaited; if the caller is gone, the event is dropped."""
        self._send(event)


def _body(data: bytes, *, more: bool) -> Event:
    return {"type": "http.response.body", "body": data, "more_body": more}
