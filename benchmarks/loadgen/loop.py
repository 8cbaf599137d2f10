"""The base class of closed and open loops: send calls, wait for them, and book them."""

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
"""The longest wait for the last answers, longer than any deadline."""


class Load(Protocol):
    """A load on a server; `async with` connects it."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    @property
    def unreachable(self) -> "asyncio.Future[TargetUnreachable]":
        """Done once the target is unreachable for too long."""

    def start(self) -> None:
        """Begin sending."""

    def start_recording(self) -> Tally:
        """Begin to count, in the returned tally."""

    def stop_recording(self) -> None:
        """Stop counting, except for calls of the recorded time that an open loop still waits for."""

    async def drain(self) -> None:
        """Stop sending, and wait for all answers."""


class Loop(ABC):
    """Unary calls of `workload` to `endpoint`, on `connections` connections."""

    def __init__(self, workload: Workload, endpoint: Endpoint, *, connections: int) -> None:
        """Prepare; connect nothing."""
        assert connections > 0
        self._workload = workload
        self._endpoint = endpoint
        self._connections = connections
        self._expected = workload.expected
        self._is_on = False
        self._unanswered: set[Call] = set()
        self._drained = asyncio.Event()
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
    def unreachable(self) -> "asyncio.Future[TargetUnreachable]":
        """Done once the target is unreachable for too long."""
        return self._client.unreachable

    @abstractmethod
    def start(self) -> None:
        """Begin sending."""

    def start_recording(self) -> Tally:
        """Begin to count the calls that end from now on."""
        self._tally = self._new_tally()
        return self._tally

    def stop_recording(self) -> None:
        """Stop counting."""
        self._tally = self._new_tally()

    async def drain(self) -> None:
        """Stop sending, and wait for the calls in flight; book those without an answer as unanswered."""
        self._is_on = False
        if self._unanswered:
            try:
                await asyncio.wait_for(self._drained.wait(), DRAIN_SECONDS_MAX)
            except TimeoutError:
                for call in self._unanswered:
                    self._workload.failed(call, NO_ANSWER, self._tally_of(call))
                self._unanswered.clear()

    @abstractmethod
    def _finished(self, connection: Connection, call: Call, outcome: Outcome) -> None:
        """Book a call that has ended, and send the next one if it follows."""

    def _tally_of(self, call: Call) -> Tally:  # noqa: ARG002 an open loop uses it
        """Return the tally that counts a call."""
        return self._tally

    def _book(self, call: Call, outcome: Outcome, tally: Tally) -> int:
        """Count a call that has ended; return the time in ns."""
        now_ns = time.perf_counter_ns()
        self._unanswered.discard(call)
        tally.calls += 1
        if outcome is OK:
            tally.by_path[call.path].record(now_ns - call.intended_ns)
            self._workload.succeeded(call, tally)
        else:
            if outcome.name == self._expected:
                tally.by_path[call.path].record(now_ns - call.intended_ns)
            self._workload.failed(call, outcome, tally)
        if not self._is_on and not self._unanswered:
            self._drained.set()
        return now_ns

    def _new_tally(self) -> Tally:
        return Tally(self._workload.paths)
