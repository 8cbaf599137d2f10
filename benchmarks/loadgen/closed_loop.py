"""A closed loop: always N calls in flight, the next one sent when one has ended.

It finds the throughput. Its latencies are those of callers who wait for each answer; a rate that
does not wait needs an open loop.
"""

import asyncio
import gc
import time
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.loadgen.calls import Call
from benchmarks.loadgen.client import Client, Target
from benchmarks.loadgen.connection import Connection
from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.headers import request_headers
from benchmarks.loadgen.outcomes import NO_ANSWER, OK, Outcome
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.workloads import Workload

TIMEOUT_SECONDS = 10
"""Every call's deadline, as gateways set one."""
DRAIN_SECONDS_MAX = 15.0
"""How long the last answers are waited for: longer than any deadline."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the measured stretch of a run has shown; the warm-up before and the end are left out."""

    seconds: float
    tally: Tally
    client_cpu_seconds: float
    """Of this whole process."""
    server_cpu_seconds: Mapping[str, float]
    """By the name of the watched processes."""

    @property
    def units_per_second(self) -> float:
        """Acknowledged charges (or empty calls) a second."""
        return self.tally.units / self.seconds


class ClosedLoop:
    """Keeps `in_flight` calls of `workload` under way on one or several connections."""

    def __init__(self, workload: Workload, *, in_flight: int, connections: int) -> None:
        """Spread `in_flight` calls evenly over the connections."""
        assert 0 < connections <= in_flight
        self._workload = workload
        self._in_flight = in_flight
        self._connections = connections
        self._share = -(-in_flight // connections)
        self._tally = Tally()
        self._is_on = False
        self._flying: set[Call] = set()
        self._landed = asyncio.Event()
        self._client: Client | None = None

    async def run(
        self,
        target: Target,
        *,
        token: str | None = None,
        warm_up_seconds: float,
        seconds: float,
        processes: Processes,
    ) -> Measurement:
        """Warm up, measure, and wait until every call has ended.

        Raises `TargetUnreachable`.
        """
        headers = request_headers(
            self._workload.path, authority=str(target), token=token, timeout_seconds=TIMEOUT_SECONDS
        )
        async with Client(target, headers, connections=self._connections, finished=self._finished) as self._client:
            gc.collect()
            gc.freeze()
            gc.disable()  # nothing here makes cycles; a pause would be the server's latency
            try:
                self._launch()
                await self._client.sleep(warm_up_seconds)
                return await self._measure(self._client, seconds, processes)
            finally:
                gc.enable()
                gc.unfreeze()
                self._is_on = False
                await self._land()

    def _launch(self) -> None:
        assert self._client is not None
        self._is_on = True
        for _ in range(self._in_flight):
            call = self._workload.next_call(time.perf_counter_ns())
            self._flying.add(call)
            self._client.submit(call)

    async def _measure(self, client: Client, seconds: float, processes: Processes) -> Measurement:
        tally = self._tally = Tally()
        before, client_before = processes.cpu_seconds(), time.process_time()
        began_ns = time.perf_counter_ns()
        await client.sleep(seconds)
        self._tally = Tally()
        took_ns = time.perf_counter_ns() - began_ns
        client_after, after = time.process_time(), processes.cpu_seconds()
        return Measurement(
            seconds=took_ns / 1e9,
            tally=tally,
            client_cpu_seconds=client_after - client_before,
            server_cpu_seconds={name: after[name] - before[name] for name in before},
        )

    async def _land(self) -> None:
        """Wait for the calls in flight; book those that never end as unanswered."""
        if self._flying:
            try:
                await asyncio.wait_for(self._landed.wait(), DRAIN_SECONDS_MAX)
            except TimeoutError:
                for call in self._flying:
                    self._workload.failed(call, NO_ANSWER, self._tally)
                self._flying.clear()

    def _finished(self, connection: Connection, call: Call, outcome: Outcome) -> None:
        now_ns = time.perf_counter_ns()
        flying = self._flying
        flying.discard(call)
        tally = self._tally
        tally.calls += 1
        if outcome is OK:
            tally.latencies.record(now_ns - call.intended_ns)
            self._workload.succeeded(call, tally)
        else:
            self._workload.failed(call, outcome, tally)
        if self._is_on:
            following = self._workload.next_call(now_ns)
            flying.add(following)
            if connection.is_open and connection.in_flight < self._share:
                connection.submit(following)
            else:
                assert self._client is not None
                self._client.submit(following)
        elif not flying:
            self._landed.set()
