"""Where a worker's figures are kept: in files that the supervisor sums, written a few times a second.

prometheus_client writes to its file with every step of every figure; a charge has a dozen of them.
"""

from typing import Any

from prometheus_client import values

_kept: list[Any] = []


def keep_figures(slot: int) -> None:
    """Keep this process's figures in its slot's files, where the next worker of the slot goes on counting.

    To be called before any metric is made: files by process id would grow in number with every restart.
    """
    stored: Any = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]  # it has no types

    class Buffered(stored):  # type: ignore[misc]  # a class made at run time
        """A figure that counts in memory until `write_figures`. What is set is written at once."""

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.waiting = 0.0
            _kept.append(self)

        def inc(self, amount: float) -> None:
            self.waiting += amount

        def set(self, value: float, timestamp: float | None = None) -> None:
            self.waiting = 0.0
            super().set(value, timestamp)

        def get(self) -> float:
            kept: float = super().get()
            return kept + self.waiting

        def write(self) -> None:
            if self.waiting:
                amount, self.waiting = self.waiting, 0.0
                super().inc(amount)

    values.ValueClass = Buffered


def write_figures() -> None:
    """Write what has been counted since the last time."""
    for figure in _kept:
        figure.write()
