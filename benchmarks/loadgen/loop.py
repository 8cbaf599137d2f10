"""What closed and open loops share: calls that fly, land, and are booked."""

import asyncio
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Protocol, Self

from benchmarks.http2.calls import Call
from benchmarks.http2.client import Client, TargetUnreachable
from benchmarks.http2.connection import Connection
from benchmarks.http2.endpoint import Endpoint
from benchmarks.http2.outcomes import NO_ANSWER, OK, Outcome
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.workloads import Workload

DRAIN_SECONDS_MAX = 15.0
"""How long the last answers are waited for: longer than any deadline."""


class Load(Protocol):
    """Something that keeps a server busy; `async with` connects it."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    @property
    def given_up(self) -> "asyncio.Future[TargetUnreachable]":
        """Done as soon as there is no hope of going on."""

    def start(self) -> None:
        """Begin to send."""

    def begin_stretch(self) -> Tally:
        """Begin to count, into the tally that is returned."""

    def end_stretch(self) -> None:
        """Count no more, but for calls of the stretch that an open loop still waits for."""

    async def land(self) -> None:
        """Send no more, and wait for all answers."""


class Loop(ABC):
    """Unary calls of `workload` to `endpoint`, on `connections` connections."""

    def __init__(self, workload: Workload, endpoint: Endpoint, *, connections: int) -> None:
        """Prepare; nothing is connected yet."""
        assert connections > 0
        self._workload = workload
        self._endpoint = endpoint
        self._connections = connections
        self._expected = workload.expected
        self._is_on = False
        self._flying: set[Call] = set()
        self._landed = asyncio.Event()
        self._tally = self._new_tally()

    async def __aenter__(self) -> Self:
        self._client = Client(
            self._endpoint, self._workload.paths, connections=self._connections, finished=self._finished
        )
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._client.__aexit__(kind, error, traceback)

    @property
    def given_up(self) -> "asyncio.Future[TargetUnreachable]":
        """Done as soon as there is no hope of going on."""
        return self._client.given_up

    @abstractmethod
    def start(self) -> None:
        """Begin to send."""

    def begin_stretch(self) -> Tally:
        """Begin to count: calls that end from now on."""
        self._tally = self._new_tally()
        return self._tally

    def end_stretch(self) -> None:
        """Count no more."""
        self._tally = self._new_tally()

    async def land(self) -> None:
        """Send no more, and wait for the calls in flight; those that never end are booked as unanswered."""
        self._is_on = False
        if self._flying:
            try:
                await asyncio.wait_for(self._landed.wait(), DRAIN_SECONDS_MAX)
            except TimeoutError:
                for call in self._flying:
                    self._workload.failed(call, NO_ANSWER, self._tally_of(call))
                self._flying.clear()

    @abstractmethod
    def _finished(self, connection: Connection, call: Call, outcome: Outcome) -> None:
        """Book a call that has ended, and send what follows from it."""

    def _tally_of(self, call: Call) -> Tally:  # noqa: ARG002 an open loop looks at it
        """Where to count a call."""
        return self._tally

    def _book(self, call: Call, outcome: Outcome, tally: Tally) -> int:
        """Count a call that has ended; returns what time it is."""
        now_ns = time.perf_counter_ns()
        self._flying.discard(call)
        tally.calls += 1
        if outcome is OK:
            tally.by_path[call.path].record(now_ns - call.intended_ns)
            self._workload.succeeded(call, tally)
        else:
            if outcome.name == self._expected:
                tally.by_path[call.path].record(now_ns - call.intended_ns)
            self._workload.failed(call, outcome, tally)
        if not self._is_on and not self._flying:
            self._landed.set()
        return now_ns

    def _new_tally(self) -> Tally:
        return Tally(self._workload.paths)
