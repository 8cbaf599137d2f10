"""A burst: many calls at once on each front of charging, and how each of them ended.

All should end with an answer of ours: OK, or OVERLOADED.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import uvloop

from benchmarks.http2.calls import Call
from benchmarks.http2.connection import Connection
from benchmarks.http2.outcomes import Outcome as CallOutcome
from benchmarks.isolated.installation import Installation
from benchmarks.isolated.scenario import Outcome
from benchmarks.loadgen.loop import Loop
from benchmarks.loadgen.tally import Tally
from benchmarks.loadgen.workloads import Charges
from devstack import Ports, Stack
from server.envoy.launch import find_programs
from server.settings import FrontChoice

CONNECTIONS = 16
"""So many that no connection's limit of streams holds calls back."""
FILL_SECONDS_MAX = 60.0
OVERLOADED = "RESOURCE_EXHAUSTED/OVERLOADED"


class _Burst(Loop):
    """A number of calls at once, and no more."""

    calls = 0

    def start(self) -> None:
        """Send all of them."""
        now_ns = time.perf_counter_ns()
        for _ in range(self.calls):
            call = self._workload.next_call(now_ns)
            self._unanswered.add(call)
            self._client.submit(call)

    def _finished(self, connection: Connection, call: Call, outcome: CallOutcome) -> None:  # noqa: ARG002
        self._book(call, outcome, self._tally)


@dataclass(frozen=True)
class AtOnce:
    """The scenario."""

    calls: int = 10_000
    companies: int = 1_000
    name: ClassVar[str] = "at_once"

    def run(self, directory: Path) -> Outcome:
        """Send the burst to each front that is there."""
        outcome = Outcome()
        differences: list[str] = []
        for front in FrontChoice.ENVOY, FrontChoice.GRPC:
            if find_programs(FrontChoice.AUTO) is None and front is FrontChoice.ENVOY:
                continue
            with Stack(directory / front, ports=Ports.free(), environment={"CHARGING_FRONT": front}) as stack:
                installation = Installation.start(
                    stack, companies=self.companies, entries=0, seconds_max=FILL_SECONDS_MAX
                )
                tally, seconds = uvloop.run(self._measure(installation))
                differences += installation.differences()
            others = tally.errors.total() - tally.errors[OVERLOADED]
            outcome.metrics |= {
                f"at_once_ok_{front}": tally.units,
                f"at_once_overloaded_{front}": tally.errors[OVERLOADED],
                f"at_once_lost_{front}": others,
                f"at_once_seconds_{front}": round(seconds, 3),
            }
            ends = ", ".join(f"{count:,} {name}" for name, count in [("OK", tally.units), *tally.errors.most_common()])
            outcome.lines.append(f"{self.calls:,} calls at once on {front}: {ends}; all in {seconds:.1f} s")
        outcome.differences = differences
        return outcome

    async def _measure(self, installation: Installation) -> tuple[Tally, float]:
        """Return the ends of all calls, and the seconds until the last. Raise `TargetUnreachable`."""
        await installation.warm()
        burst = _Burst(Charges(installation.books), installation.endpoint, connections=CONNECTIONS)
        burst.calls = self.calls
        async with burst:
            tally = burst.start_recording()
            began = time.perf_counter()
            burst.start()
            await burst.drain()
            return tally, time.perf_counter() - began
