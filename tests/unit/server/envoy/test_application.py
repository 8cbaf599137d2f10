"""What callbacks raise behind Envoy is reported, but for the module's news to a reader that no longer waits."""

import asyncio
from typing import Any
from unittest.mock import Mock

import pytest

from server.envoy.application import _report

THE_MODULES = "<Handle <_pyvoy.asgi.DroppedRecvFutureExecutor object at 0x1>>"
OURS = "<Handle Room.wake()>"


class Handle:
    """A callback that is shown as asyncio shows it."""

    def __init__(self, shown: str) -> None:
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown


@pytest.mark.parametrize(
    ("error", "shown", "reported"),
    [
        (asyncio.InvalidStateError("invalid state"), THE_MODULES, False),
        (asyncio.InvalidStateError("invalid state"), OURS, True),
        (ValueError(), THE_MODULES, True),
    ],
)
def test_only_the_modules_late_news_is_not_reported(error: Exception, shown: str, reported: bool) -> None:
    loop: Any = Mock()
    _report(loop, {"exception": error, "handle": Handle(shown)})
    assert loop.default_exception_handler.called is reported
