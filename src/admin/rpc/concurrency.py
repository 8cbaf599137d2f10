"""A bound on how many long calls of one kind are under way in a process."""

from collections.abc import Iterator
from contextlib import contextmanager

from wallet.domain.errors import Overloaded


class UnderWay:
    """Counts the calls of one kind."""

    def __init__(self, what: str, *, at_once_max: int) -> None:
        """Let so many be; `what` as in "exports"."""
        self._what = what
        self._at_once_max = at_once_max
        self._count = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count a call for as long as it takes. Raises Overloaded where there are enough already."""
        if self._count >= self._at_once_max:
            raise Overloaded(f"{self._at_once_max} {self._what} are under way already")
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
