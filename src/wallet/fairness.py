"""A bounded queue from which companies take turns."""

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """First in, first out within a company; a company with many items does not delay the others."""

    def __init__(self, *, size_max: int, company_size_max: int, order: Callable[[T], int]) -> None:
        """Bound the queue by `size_max` items in all and `company_size_max` of one company.

        `order` returns an item's position, which grows with every item of a company.
        """
        self._size_max = size_max
        self._company_size_max = company_size_max
        self._order = order
        self._waiting: dict[str, deque[T]] = {}
        self._size = 0

    def __len__(self) -> int:
        """Return the number of items in the queue."""
        return self._size

    def count_of(self, company: str) -> int:
        """Return the number of a company's items."""
        return len(self._waiting.get(company, ()))

    def put(self, company: str, item: T, *, beside: int = 0) -> bool:
        """Add `item` at the end of its company's line; return False without adding it if a bound is reached.

        `beside` is the number of the company's items that wait elsewhere.
        """
        line = self._waiting.get(company)
        if self._size >= self._size_max or (len(line) if line else 0) + beside >= self._company_size_max:
            return False
        if line is None:
            line = self._waiting[company] = deque()
        line.append(item)
        self._size += 1
        return True

    def put_back(self, company: str, items: list[T]) -> None:
        """Put items back at their positions in their company's line. Not bounded: they were in the queue before."""
        if items:
            self._waiting[company] = deque(sorted([*items, *self._waiting.get(company, ())], key=self._order))
            self._size += len(items)

    def take(self, count_max: int) -> list[T]:
        """Remove and return up to `count_max` items; if not all fit, each company gets a share in turn."""
        taken: list[T] = []
        if self._size <= count_max:
            for line in self._waiting.values():
                taken.extend(line)
            self._waiting.clear()
            self._size = 0
            return taken
        while len(taken) < count_max:
            turns = list(self._waiting)
            for turn, company in enumerate(turns):
                # Companies that come later share what the earlier ones left of theirs.
                share = max(1, (count_max - len(taken)) // (len(turns) - turn))
                if len(taken) == count_max:
                    break
                # A served company moves to the end of the dict, so the next call begins with the others.
                line = self._waiting.pop(company)
                taken.extend(line.popleft() for _ in range(min(share, len(line))))
                if line:
                    self._waiting[company] = line
        self._size -= len(taken)
        return taken
