"""The saturation ramp: raise the rate of an open loop until latency or errors exceed a bound.

The knee is the highest rate within the bounds. Below it latency is the service's, above it the
queue's.
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
"""Further steps between the last rate within the bounds and the first beyond them."""
TRIES = 2
"""A step beyond the bounds is tried again, since a machine may stall briefly."""

Step = Callable[[float], Awaitable[Measurement]]


@dataclass(frozen=True, slots=True)
class RampStep:
    """The measurement of one rate."""

    rate: float
    """Intended calls per second."""
    rps: float
    """Acknowledged charges per second."""
    p50_ms: float
    p99_ms: float
    late_p99_ms: float
    """The lateness of the generator itself."""
    errors: int
    held: bool
    """Whether it kept within the bounds."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """All steps, and the bounds."""

    p99_ms_max: float
    error_share_max: float
    steps: list[RampStep] = field(default_factory=list)
    """The steps in order."""

    @property
    def knee_rps(self) -> float:
        """The highest rate within the bounds; 0 if there is none."""
        return max((step.rate for step in self.steps if step.held), default=0.0)


@dataclass(frozen=True, slots=True)
class RampPlan:
    """The first rate and the bounds of a ramp."""

    start_rps: float = 500.0
    p99_ms_max: float = 25.0
    error_share_max: float = 0.001
    seconds: float = 3.0
    """The measured time of each step."""
    warm_up_seconds: float = 1.0

    async def run(self, server: Server, books: Books, *, connections: int, print_line: Callable[[str], None]) -> Ramp:
        """Charge `books` at rising rates. Raise `TargetUnreachable`."""

        async def step(rate: float) -> Measurement:
            loop = OpenLoop(Charges(books), server.endpoint, rate=rate, connections=connections)
            return await measure(
                {"ramp": loop},
                warm_up_seconds=self.warm_up_seconds,
                seconds=self.seconds,
                processes=server.processes,
            )

        return await self.climb(step, print_line=print_line)

    async def climb(self, step: Step, *, print_line: Callable[[str], None] = lambda _: None) -> Ramp:
        """Raise the rate until it exceeds the bounds, then refine; halve it first if the first rate exceeds them."""
        ramp = Ramp(self.p99_ms_max, self.error_share_max)
        rate, failed = self.start_rps, None
        for _ in range(HALVINGS_MAX):
            if await self._holds(rate, step, ramp, print_line):
                break
            failed = rate
            rate /= 2
        for _ in range(STEPS_MAX):
            if failed is not None:
                break
            rate *= GROWTH
            if not await self._holds(rate, step, ramp, print_line):
                failed = rate
        for _ in range(REFINEMENTS):
            if failed is None or not ramp.knee_rps:
                break
            between = (ramp.knee_rps + failed) / 2
            if not await self._holds(between, step, ramp, print_line):
                failed = between
        return ramp

    async def _holds(self, rate: float, step: Step, ramp: Ramp, print_line: Callable[[str], None]) -> bool:
        for _ in range(TRIES):
            measured = self._read(rate, await step(rate))
            ramp.steps.append(measured)
            verdict = "held" if measured.held else "did not hold"
            print_line(f"ramp: {rate:,.0f}/s: p99 {measured.p99_ms:.2f} ms, {measured.errors:,} errors: {verdict}")
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
