"""The saturation ramp: an open loop goes faster and faster, until latency or errors pass a bound.

The knee is the highest rate that still held. Below it latency says how the service is, above it how
long the queue has become.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from benchmarks.loadgen.books import Books
from benchmarks.loadgen.measurement import Measurement, measure
from benchmarks.loadgen.open_loop import OpenLoop
from benchmarks.loadgen.workloads import Charges
from benchmarks.servers import Server

GROWTH = 1.25
HALVINGS_MAX = 5
STEPS_MAX = 24
REFINEMENTS = 2
"""Further steps between the last rate that held and the first that did not."""
TRIES = 2
"""A step that does not hold is tried again: a machine has hiccups."""

Step = Callable[[float], Awaitable[Measurement]]


@dataclass(frozen=True, slots=True)
class RampStep:
    """What one rate has shown."""

    rate: float
    """Calls that should have left a second."""
    rps: float
    """Charges that were acknowledged a second."""
    p50_ms: float
    p99_ms: float
    late_p99_ms: float
    """Of the generator itself."""
    errors: int
    held: bool
    """Whether it kept within the bounds."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """All steps, and where they led."""

    p99_ms_max: float
    error_share_max: float
    steps: list[RampStep] = field(default_factory=list)
    """As they were run."""

    @property
    def knee_rps(self) -> float:
        """The highest rate that held; 0 where none did."""
        return max((step.rate for step in self.steps if step.held), default=0.0)


@dataclass(frozen=True, slots=True)
class RampPlan:
    """From which rate, and until when."""

    start_rps: float = 500.0
    p99_ms_max: float = 25.0
    error_share_max: float = 0.001
    seconds: float = 3.0
    """Of each step."""
    warm_up_seconds: float = 1.0

    async def run(self, server: Server, books: Books, *, connections: int, say: Callable[[str], None]) -> Ramp:
        """Charge `books` faster and faster. Raises `TargetUnreachable`."""

        async def step(rate: float) -> Measurement:
            loop = OpenLoop(Charges(books), server.endpoint, rate=rate, connections=connections)
            return await measure(
                {"ramp": loop},
                warm_up_seconds=self.warm_up_seconds,
                seconds=self.seconds,
                processes=server.processes,
            )

        return await self.climb(step, say=say)

    async def climb(self, step: Step, *, say: Callable[[str], None] = lambda _: None) -> Ramp:
        """Raise the rate until it does not hold, then look between; halve it first, where the start does not hold."""
        ramp = Ramp(self.p99_ms_max, self.error_share_max)
        rate, failed = self.start_rps, None
        for _ in range(HALVINGS_MAX):
            if await self._holds(rate, step, ramp, say):
                break
            failed = rate
            rate /= 2
        for _ in range(STEPS_MAX):
            if failed is not None:
                break
            rate *= GROWTH
            if not await self._holds(rate, step, ramp, say):
                failed = rate
        for _ in range(REFINEMENTS):
            if failed is None or not ramp.knee_rps:
                break
            between = (ramp.knee_rps + failed) / 2
            if not await self._holds(between, step, ramp, say):
                failed = between
        return ramp

    async def _holds(self, rate: float, step: Step, ramp: Ramp, say: Callable[[str], None]) -> bool:
        for _ in range(TRIES):
            measured = self._read(rate, await step(rate))
            ramp.steps.append(measured)
            verdict = "held" if measured.held else "did not hold"
            say(f"ramp: {rate:,.0f}/s: p99 {measured.p99_ms:.2f} ms, {measured.errors:,} errors: {verdict}")
            if measured.held:
                return True
        return False

    def _read(self, rate: float, measurement: Measurement) -> RampStep:
        tally = measurement.tally
        p99_ms = tally.latencies.percentile_ns(99) / 1e6
        errors = tally.errors.total()
        return RampStep(
            rate=rate,
            rps=measurement.units_per_second,
            p50_ms=tally.latencies.percentile_ns(50) / 1e6,
            p99_ms=p99_ms,
            late_p99_ms=tally.late.percentile_ns(99) / 1e6,
            errors=errors,
            held=p99_ms <= self.p99_ms_max and errors <= self.error_share_max * (tally.units + errors),
        )
