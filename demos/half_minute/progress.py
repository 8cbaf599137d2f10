"""Progress of the demo: one line that changes on a terminal, else a line every PLAIN_SECONDS."""

import asyncio
from typing import TextIO

from demos.half_minute.metrics import Metrics

TERMINAL_SECONDS = 0.25
PLAIN_SECONDS = 2.0
CLEAR_LINE = "\r\x1b[K"
WINDOW_SECONDS = 2.0
"""The rate is shown for this period before now."""


class Progress:
    """Writes status lines and events to one stream."""

    def __init__(self, metrics: Metrics, stream: TextIO, seconds: float) -> None:
        """Show progress towards `seconds`, the planned duration."""
        self.metrics = metrics
        self._stream = stream
        self._seconds = seconds
        self._is_terminal = stream.isatty()
        self._marks = [(0.0, 0)]

    def say(self, text: str) -> None:
        """Print an event above the status line."""
        if self._is_terminal:
            self._stream.write(CLEAR_LINE)
        self._line(f"{self.metrics.elapsed:6.1f} s  {text}")

    async def run(self) -> None:
        """Show the status until cancelled, and once more then."""
        try:
            while True:
                await asyncio.sleep(TERMINAL_SECONDS if self._is_terminal else PLAIN_SECONDS)
                self._show()
        finally:
            self._show()
            if self._is_terminal:
                self._line("")

    def _show(self) -> None:
        metrics = self.metrics
        status = (
            f"{metrics.elapsed:6.1f} of {self._seconds:g} s  charges {metrics.charges:,}  declines "
            f"{metrics.declines:,}  retries {metrics.retries:,}  open calls {metrics.open_calls}  "
            f"{self._rate():,.0f} rps"
        )
        if self._is_terminal:
            self._stream.write(f"{CLEAR_LINE}{status}")
            self._stream.flush()
        else:
            self._line(status)

    def _rate(self) -> float:
        now = self.metrics.elapsed
        self._marks.append((now, self.metrics.requests))
        while len(self._marks) > 2 and now - self._marks[1][0] >= WINDOW_SECONDS:
            del self._marks[0]
        began, before = self._marks[0]
        return (self.metrics.requests - before) / max(now - began, 0.001)

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)
