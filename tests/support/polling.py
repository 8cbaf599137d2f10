"""Wait for what another process or task does, within a bound: no test sleeps for a time that it hopes is enough."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

POLL_SECONDS = 0.005
"""For what is seen in this process; what takes a call to see is asked for less often."""
CALL_POLL_SECONDS = 0.02
SECONDS_MAX = 20.0
"""Far more than any of it takes, on a busy machine too."""


async def until(
    holds: Callable[[], Any | Awaitable[Any]], *, seconds_max: float = SECONDS_MAX, poll_seconds: float = POLL_SECONDS
) -> Any:
    """Return what `holds()`, or what it awaits, returns, as soon as that is true."""
    give_up_at = time.monotonic() + seconds_max
    while True:
        value = holds()
        found = await value if isawaitable(value) else value
        if found:
            return found
        assert time.monotonic() < give_up_at, f"it did not hold within {seconds_max} seconds"
        await asyncio.sleep(poll_seconds)


def wait_until(
    holds: Callable[[], Any], *, seconds_max: float = SECONDS_MAX, poll_seconds: float = CALL_POLL_SECONDS
) -> Any:
    """Return what `holds()` returns, as soon as that is true; block this thread meanwhile."""
    give_up_at = time.monotonic() + seconds_max
    while not (found := holds()):
        assert time.monotonic() < give_up_at, f"it did not hold within {seconds_max} seconds"
        time.sleep(poll_seconds)
    return found
