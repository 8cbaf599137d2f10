"""A limit on the concurrent calls of one kind in a process."""

from collections.abc import Iterator
from contextlib import contextmanager

from wallet.domain.errors import Overloaded


class ConcurrencyLimit:
    """Admits up to `calls_max` concurrent calls; further ones fail at once, they do not queue."""

    def __init__(self, calls: str, *, calls_max: int) -> None:
        """Limit concurrent calls; `calls` is their name in the error's text, such as "exports"."""
        self._calls = calls
        self._calls_max = calls_max
        self._count = 0

    @contextmanager
    def acquire(self) -> Iterator[None]:
        """Hold one place for the duration of the context. Raises Overloaded if all are held."""
        if self._count >= self._calls_max:
            raise Overloaded(f"{self._calls_max} {self._calls} are under way already")
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
