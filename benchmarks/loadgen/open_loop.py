"""An open loop: calls are sent at a constant rate, whether or not earlier ones were answered.

This is the load of independent callers. Latency counts from the intended send time, so that neither
a stalled server nor a late generator hides it (coordinated omission). For the same reason a tally
counts all calls with an intended time within the recorded time, however late they end.
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
"""Further calls are counted as errors instead of being sent, so that a stopped server does not fill the generator's
memory."""
TICK_SECONDS_MIN = 0.0002
"""At higher rates several calls are sent at once."""
NEVER_NS = sys.maxsize


class OpenLoop(Loop):
    """Sends `rate` calls a second of `workload`, evenly spaced."""

    def __init__(self, workload: Workload, endpoint: Endpoint, *, rate: float, connections: int) -> None:
        """Prepare; connect nothing."""
        assert rate > 0
        super().__init__(workload, endpoint, connections=connections)
        self._rate = rate
        self._interval_ns = 1e9 / rate
        self._began_ns = 0
        self._sent = 0
        self._from_ns = self._until_ns = NEVER_NS
        self._rest = self._new_tally()
        """Counts calls outside of the recorded time."""
        self._ticker = Ticker(max(1 / rate, TICK_SECONDS_MIN), self._tick)

    def start(self) -> None:
        """Send the first call now."""
        self._is_on = True
        self._began_ns = time.perf_counter_ns()
        self._ticker.start()

    def start_recording(self) -> Tally:
        """Begin to count the calls with an intended time from now on."""
        self._from_ns, self._until_ns = time.perf_counter_ns(), NEVER_NS
        self._tally = self._new_tally()
        return self._tally

    def stop_recording(self) -> None:
        """Stop counting calls with a later intended time."""
        self._until_ns = time.perf_counter_ns()

    async def drain(self) -> None:
        """Stop sending, and wait for the calls in flight."""
        self._ticker.stop()
        await super().drain()

    def _tick(self) -> None:
        """Send the calls that are due."""
        now_ns = time.perf_counter_ns()
        due = int((now_ns - self._began_ns) / self._interval_ns) + 1
        for number in range(self._sent, due):
            intended_ns = self._began_ns + int(number * self._interval_ns)
            call = self._workload.next_call(intended_ns)
            tally = self._tally_of(call)
            tally.late.record(now_ns - intended_ns)
            if len(self._unanswered) < IN_FLIGHT_MAX:
                self._unanswered.add(call)
                self._client.submit(call)
            else:
                tally.calls += 1
                self._workload.failed(call, NOT_SENT, tally)
        self._sent = max(self._sent, due)

    def _finished(self, connection: Connection, call: Call, outcome: Outcome) -> None:  # noqa: ARG002 all connections are alike
        self._book(call, outcome, self._tally_of(call))

    def _tally_of(self, call: Call) -> Tally:
        return self._tally if self._from_ns <= call.intended_ns < self._until_ns else self._rest
