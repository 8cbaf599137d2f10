"""A timer with a precision of a tenth of a millisecond.

The event loop's own timers fire at whole milliseconds, which is as long as an answer takes. Linux
has timers that are read like files (timerfd); elsewhere the loop's timers are used.
"""

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable

CLOCK_MONOTONIC = 1
TFD_FLAGS = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)


class _Interval(ctypes.Structure):
    """The system's `struct itimerspec`."""

    _fields_ = (
        ("interval_seconds", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("first_seconds", ctypes.c_long),
        ("first_ns", ctypes.c_long),
    )


class Ticker:
    """Calls `tick` at once and every `seconds`, in the running event loop; late ticks are not repeated."""

    def __init__(self, seconds: float, tick: Callable[[], None]) -> None:
        """Prepare; start nothing."""
        assert 0 < seconds < 1e6
        self._seconds = seconds
        self._tick = tick
        self._descriptor: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start, with a first tick at once."""
        loop = asyncio.get_running_loop()
        self._descriptor = _timer(self._seconds) if sys.platform == "linux" else None
        if self._descriptor is not None:
            loop.add_reader(self._descriptor, self._read, self._descriptor)
            self._tick()
        else:
            self._tick_again()

    def stop(self) -> None:
        """Stop; may be called again."""
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _read(self, descriptor: int) -> None:
        os.read(descriptor, 8)
        self._tick()

    def _tick_again(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._tick_again)
        self._tick()


def _timer(seconds: float) -> int | None:
    """Start the system's timer; return None if it has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.timerfd_create(CLOCK_MONOTONIC, TFD_FLAGS))
    if descriptor < 0:
        return None
    whole, part_ns = divmod(int(seconds * 1e9), 10**9)
    interval = _Interval(whole, part_ns, whole, part_ns)
    if libc.timerfd_settime(descriptor, 0, ctypes.byref(interval), None) != 0:
        os.close(descriptor)
        return None
    return descriptor
