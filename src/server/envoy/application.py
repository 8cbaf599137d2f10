"""The ASGI application that Envoy hosts. Its lifespan is the worker's."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import click
import structlog

from server.envoy.framing import Event, Receive
from server.envoy.front import EnvoyFront
from server.envoy.launch import Arguments
from server.lifetime import SIGNALS, Lifetime

Send = Callable[[Event], Awaitable[None]]
Serve = Callable[[Arguments, EnvoyFront, Lifetime], Awaitable[int]]
"""Runs the worker until it is to stop; returns its exit status. Raises Misconfigured."""

SWITCH_SECONDS = 0.001
"""How long the thread that brings calls waits at most for Python's lock while the event loop runs. With Python's 5 ms a
worker made some 10 % fewer charges at 16 in flight."""

MODULE = "_pyvoy"
"""The name by which the module's callbacks are known."""

log = structlog.get_logger(__name__)


class Application:
    """Runs a worker in Envoy's process, and hands it the calls."""

    _asgi_single_callable = True
    """It returns a coroutine without being a coroutine function, which would be one more a call."""

    def __init__(self, serve: Serve) -> None:
        """Run `serve` in the lifespan."""
        self._serve = serve
        self._front: EnvoyFront | None = None

    def __call__(self, scope: Event, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Return the coroutine that serves a request, or the lifespan."""
        if scope["type"] == "lifespan":
            return self._live(receive, send)
        assert self._front is not None
        assert self._front.calls is not None
        return self._front.calls.serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Start the worker; end Envoy when the worker ends, and the worker's coroutine when Envoy ends."""
        asyncio.get_running_loop().set_exception_handler(_report)
        await receive()
        sys.setswitchinterval(SWITCH_SECONDS)
        arguments = Arguments.of_environment()
        self._front = EnvoyFront(arguments.admin_socket)
        lifetime = Lifetime(arguments.tether)
        _watch_signals(lifetime)
        worker = asyncio.ensure_future(self._work(arguments, self._front, lifetime))
        accepting = asyncio.ensure_future(self._front.accepting.wait())
        await asyncio.wait((worker, accepting), return_when=asyncio.FIRST_COMPLETED)
        accepting.cancel()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _work(self, arguments: Arguments, front: EnvoyFront, lifetime: Lifetime) -> None:
        """Run the worker, then end the process. Envoy itself would end it with 1 if the worker could not start."""
        status = 1
        try:
            status = await self._serve(arguments, front, lifetime)
        except click.ClickException as error:
            error.show()
            status = error.exit_code
        except BaseException:
            log.exception("worker_failed")
            raise
        finally:
            if status or not front.accepting.is_set():
                os._exit(status)
        try:
            await front.quit()
        except OSError as error:
            log.warning("envoy_not_ended", error=repr(error))
            os._exit(status)


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what a callback raised, unless it is the module's, whose reader of a request no longer waits.

    The module tells every reader that its caller is gone, also those that were cancelled. A stranger can make it do so
    with every call. The same error of any other callback is a fault of ours.
    """
    too_late = isinstance(context.get("exception"), asyncio.InvalidStateError)
    if not (too_late and MODULE in repr(context.get("handle"))):
        loop.default_exception_handler(context)


def _watch_signals(lifetime: Lifetime) -> None:
    """Stop on a signal. All threads block signals, as Envoy would end at once; this one waits for them."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        signal.sigwait(SIGNALS)
        loop.call_soon_threadsafe(lifetime.stopping.set)

    threading.Thread(target=wait, name="signals", daemon=True).start()
