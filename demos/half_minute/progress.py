"""What the audience sees while the play runs: on a terminal one line that changes, else a line now and then."""

import asyncio
from typing import TextIO

from demos.half_minute.metrics import Measures

TERMINAL_SECONDS = 0.25
PLAIN_SECONDS = 2.0
CLEAR_LINE = "\r\x1b[K"
WINDOW_SECONDS = 2.0
"""The rate shown is that of the last seconds."""


class Progress:
    """Writes status lines and events to one stream."""

    def __init__(self, measures: Measures, stream: TextIO, seconds: float) -> None:
        """`seconds` is how long the play is meant to take."""
        self.measures = measures
        self._stream = stream
        self._seconds = seconds
        self._is_terminal = stream.isatty()
        self._marks = [(0.0, 0)]

    def say(self, text: str) -> None:
        """Tell an event, above the status line."""
        if self._is_terminal:
            self._stream.write(CLEAR_LINE)
        self._line(f"{self.measures.elapsed:6.1f} s  {text}")

    async def run(self) -> None:
        """Show the status until cancelled, and a last time then."""
        try:
            while True:
                await asyncio.sleep(TERMINAL_SECONDS if self._is_terminal else PLAIN_SECONDS)
                self._show()
        finally:
            self._show()
            if self._is_terminal:
                self._line("")

    def _show(self) -> None:
        measures = self.measures
        status = (
            f"{measures.elapsed:6.1f} of {self._seconds:g} s  charges {measures.charges:,}  declines "
            f"{measures.declines:,}  retries {measures.retries:,}  open calls {measures.open_calls}  "
            f"{self._rate():,.0f} rps"
        )
        if self._is_terminal:
            self._stream.write(f"{CLEAR_LINE}{status}")
            self._stream.flush()
        else:
            self._line(status)

    def _rate(self) -> float:
        now = self.measures.elapsed
        self._marks.append((now, self.measures.requests))
        while len(self._marks) > 2 and now - self._marks[1][0] >= WINDOW_SECONDS:
            del self._marks[0]
        began, before = self._marks[0]
        return (self.measures.requests - before) / max(now - began, 0.001)

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)
