"""An open loop: calls leave at a constant rate, whether or not the ones before were answered.

So do the messages of people who do not know of each other. Latency counts from the time at which a
call should have left: neither a server that stalls nor a generator that is late can hide it
(coordinated omission). For the same reason a stretch has all calls that should have left within it,
however late they end.
"""

import sys
import time

from benchmarks.http2.calls import Call
from benchmarks.http2.connection import Connection
from benchmarks.http2.endpoint import Endpoint
from benchmarks.http2.outcomes import NOT_SENT, Outcome
from benchmarks.loadgen.loop import Loop
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.ticker import Ticker
from benchmarks.loadgen.workloads import Workload

IN_FLIGHT_MAX = 20_000
"""Beyond these, calls are counted as errors instead of being sent: a server that has stopped must not fill the memory
of the generator."""
TICK_SECONDS_MIN = 0.0002
"""At higher rates several calls leave at once."""
NEVER_NS = sys.maxsize


class OpenLoop(Loop):
    """Sends `rate` calls a second of `workload`, evenly spaced."""

    def __init__(self, workload: Workload, endpoint: Endpoint, *, rate: float, connections: int) -> None:
        """Choose; nothing is connected yet."""
        assert rate > 0
        super().__init__(workload, endpoint, connections=connections)
        self._rate = rate
        self._interval_ns = 1e9 / rate
        self._began_ns = 0
        self._sent = 0
        self._from_ns = self._until_ns = NEVER_NS
        self._rest = self._new_tally()
        """Calls outside of the stretch."""
        self._ticker = Ticker(max(1 / rate, TICK_SECONDS_MIN), self._tick)

    def start(self) -> None:
        """Send the first call now."""
        self._is_on = True
        self._began_ns = time.perf_counter_ns()
        self._ticker.start()

    def begin_stretch(self) -> Tally:
        """Begin to count: calls that should leave from now on."""
        self._from_ns, self._until_ns = time.perf_counter_ns(), NEVER_NS
        self._tally = self._new_tally()
        return self._tally

    def end_stretch(self) -> None:
        """Count no calls that should leave later."""
        self._until_ns = time.perf_counter_ns()

    async def land(self) -> None:
        """Send no more, and wait for the calls in flight."""
        self._ticker.stop()
        await super().land()

    def _tick(self) -> None:
        """Send what is due."""
        now_ns = time.perf_counter_ns()
        due = int((now_ns - self._began_ns) / self._interval_ns) + 1
        for number in range(self._sent, due):
            intended_ns = self._began_ns + int(number * self._interval_ns)
            call = self._workload.next_call(intended_ns)
            tally = self._tally_of(call)
            tally.late.record(now_ns - intended_ns)
            if len(self._flying) < IN_FLIGHT_MAX:
                self._flying.add(call)
                self._client.submit(call)
            else:
                tally.calls += 1
                self._workload.failed(call, NOT_SENT, tally)
        self._sent = max(self._sent, due)

    def _finished(self, connection: Connection, call: Call, outcome: Outcome) -> None:  # noqa: ARG002 any will do
        self._book(call, outcome, self._tally_of(call))

    def _tally_of(self, call: Call) -> Tally:
        return self._tally if self._from_ns <= call.intended_ns < self._until_ns else self._rest
