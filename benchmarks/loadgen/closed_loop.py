"""A closed loop: N calls in flight at all times; the next one is sent when one has ended.

It measures throughput. Its latencies are those of callers that wait for each answer; latencies at
a given rate need an open loop.
"""

import time

from benchmarks.http2.calls import Call
from benchmarks.http2.connection import Connection
from benchmarks.http2.endpoint import Endpoint
from benchmarks.http2.outcomes import Outcome
from benchmarks.loadgen.loop import Loop
from benchmarks.loadgen.workloads import Workload


class ClosedLoop(Loop):
    """Keeps `in_flight` calls of `workload` in flight on one or several connections."""

    def __init__(self, workload: Workload, endpoint: Endpoint, *, in_flight: int, connections: int) -> None:
        """Spread `in_flight` calls evenly over the connections."""
        assert 0 < connections <= in_flight
        super().__init__(workload, endpoint, connections=connections)
        self._in_flight = in_flight
        self._share = -(-in_flight // connections)

    def start(self) -> None:
        """Send the first calls; each is followed by another one."""
        self._is_on = True
        for _ in range(self._in_flight):
            call = self._workload.next_call(time.perf_counter_ns())
            self._unanswered.add(call)
            self._client.submit(call)

    def _finished(self, connection: Connection, call: Call, outcome: Outcome) -> None:
        now_ns = self._book(call, outcome, self._tally)
        if self._is_on:
            following = self._workload.next_call(now_ns)
            self._unanswered.add(following)
            if connection.is_open and connection.in_flight < self._share:
                connection.submit(following)
            else:
                self._client.submit(following)
