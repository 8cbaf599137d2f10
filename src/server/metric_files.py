"""The files of a worker's metrics, which the supervisor sums: written a few times a second.

prometheus_client by itself writes to its file with every change of a metric, of which a charge makes a dozen.
"""

from typing import Any

from prometheus_client import values

_buffered: list[Any] = []


def use_slot_files(slot: int) -> None:
    """Keep this process's metrics in the files of its slot, where the slot's next worker continues to count.

    Call it before any metric is made. Files by process id would grow in number with every restart.
    """
    stored: Any = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]  # it has no types

    class Buffered(stored):  # type: ignore[misc]  # a class made at run time
        """A value that counts in memory until `write_metrics`. A value that is set is written at once."""

        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.waiting = 0.0
            _buffered.append(self)

        def inc(self, amount: float) -> None:
            self.waiting += amount

        def set(self, value: float, timestamp: float | None = None) -> None:
            self.waiting = 0.0
            super().set(value, timestamp)

        def get(self) -> float:
            written: float = super().get()
            return written + self.waiting

        def write(self) -> None:
            if self.waiting:
                amount, self.waiting = self.waiting, 0.0
                super().inc(amount)

    values.ValueClass = Buffered


def write_metrics() -> None:
    """Write the counts since the last call to the files."""
    for value in _buffered:
        value.write()
