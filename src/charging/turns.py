"""Turns on the event loop for the work on batches, so that a large batch does not keep other calls waiting.

To decode a batch of 1 000 charges and to fill in its results takes some 10 ms. Batches therefore work in slices of
SLICE_SECONDS, one slice in each iteration of the event loop, and companies take turns. Whatever else is ready, such as
a single charge or an answer of Redis or Postgres, runs in the same iteration.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from wallet.domain.errors import Overloaded
from wallet.fairness import FairQueue

SLICE_SECONDS = 0.001
"""A single charge passes the event loop about ten times, and so waits for some ten slices at most."""
COMPANY_CHARGES_MAX = 16_000
CHARGES_MAX = 64_000
"""Bounds of the charges in all unary batches under way. More would wait for seconds, and each holds memory."""


class Turns:
    """Gives out slices of the event loop's time, a company after the other."""

    def __init__(self) -> None:
        """Begin without any work."""
        # What waits is bounded by the calls under way: each has at most one batch here at a time, a stream as well.
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue(
            size_max=sys.maxsize, company_size_max=sys.maxsize, order=id
        )
        self._given = False
        """Whether this iteration of the event loop has its slice."""
        self._charges: Counter[str] = Counter()
        self._charges_in_all = 0

    @contextmanager
    def admitted(self, company: str, charges: int) -> Iterator[None]:
        """Count a unary batch as under way for the duration of the context. Raises Overloaded if a bound is reached."""
        if self._charges[company] >= COMPANY_CHARGES_MAX:
            raise Overloaded(f"{self._charges[company]} charges of the company are under way in batches")
        if self._charges_in_all >= CHARGES_MAX:
            raise Overloaded(f"{self._charges_in_all} charges are under way in batches")
        self._charges[company] += charges
        self._charges_in_all += charges
        try:
            yield
        finally:
            self._charges_in_all -= charges
            self._charges[company] -= charges
            if not self._charges[company]:
                del self._charges[company]

    async def take(self, company: str) -> "Turn":
        """Wait for the company's turn, and return it."""
        turn = Turn(self, company)
        await turn.renew()
        return turn

    async def wait(self, company: str) -> None:
        """Return when it is the company's turn."""
        loop = asyncio.get_running_loop()
        if not self._given:
            self._given = True
            loop.call_soon(self._give)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.put(company, turn)
        await turn

    def _give(self) -> None:
        """Begin the next slice. It runs in the next iteration of the event loop, as does this method again."""
        while len(self._waiting):
            (turn,) = self._waiting.take(1)
            if not turn.done():
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._give)
                return
        self._given = False


class Turn:
    """One slice of the event loop's time after the other, for the work on one batch."""

    def __init__(self, turns: Turns, company: str) -> None:
        """Take slices from `turns`, on account of a company."""
        self._turns = turns
        self._company = company
        self._over_at = 0.0

    async def renew(self) -> None:
        """Wait for the next slice; call it when the present one is over, and after every other await."""
        await self._turns.wait(self._company)
        self._over_at = perf_counter() + SLICE_SECONDS

    @property
    def over(self) -> bool:
        """Whether the slice is used up."""
        return perf_counter() >= self._over_at
