"""Compare charges that name their amount with charges that the rate card prices, in turn on one service.

The result is the median of the ratios within rounds, since the machine's speed drifts between rounds.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.http2.endpoint import Endpoint
from benchmarks.isolated.scenario import Outcome, print_progress
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.closed_loop import ClosedLoop
from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.measurement import measure
from benchmarks.loadgen.workloads import Charges
from veloconnect.wallet.v1 import wallet_pb2

IN_FLIGHT, CONNECTIONS = 64, 4
FIRST_SECONDS, WARM_UP_SECONDS = 1.0, 0.1
"""Before the first round, for plans, caches and pools; and before each sample, for its connections."""


@dataclass(frozen=True, slots=True)
class PricedLoad:
    """Usages and companies that are charged with named amounts and with amounts from the card."""

    name: str
    books: Books
    usages: Sequence[wallet_pb2.Usage]

    def loop(self, endpoint: Endpoint, *, names_amount: bool) -> ClosedLoop:
        """Return the load with or without named amounts."""
        workload = Charges(self.books, usages=self.usages, names_amount=names_amount)
        return ClosedLoop(workload, endpoint, in_flight=IN_FLIGHT, connections=CONNECTIONS)


@dataclass(frozen=True, slots=True)
class Sample:
    """The measurement of one kind of charges in a round."""

    per_second: float
    cpu_us: float
    """CPU time per charge of all processes together, the generator included."""


@dataclass(frozen=True, slots=True)
class Round:
    """Samples of both kinds, measured one after the other."""

    named: Sample
    priced: Sample


@dataclass(frozen=True, slots=True)
class RateCharges:
    """Compares both kinds on one service."""

    charging: Endpoint
    processes: Processes
    rounds: int
    seconds: float

    async def compare(self, load: PricedLoad, outcome: Outcome) -> None:
        """Measure both kinds in rounds, and add the results to the outcome."""
        for names_amount in (True, False):
            await self._charge(load, FIRST_SECONDS, names_amount=names_amount)
        found = []
        for number in range(1, self.rounds + 1):
            samples = {}
            # The order alternates, so that after-effects of the first kind affect both equally.
            for names_amount in (True, False) if number % 2 else (False, True):
                samples[names_amount] = await self._charge(load, self.seconds, names_amount=names_amount)
            found.append(Round(named=samples[True], priced=samples[False]))
        print_progress(f"{load.name}: {self.rounds} rounds")
        named, priced = (statistics.median(each.per_second for each in kind) for kind in _kinds(found))
        named_us, priced_us = (statistics.median(each.cpu_us for each in kind) for kind in _kinds(found))
        speed, speeds = _middle([each.priced.per_second / each.named.per_second for each in found])
        cpu, cpus = _middle([each.priced.cpu_us / each.named.cpu_us for each in found])
        outcome.lines.append(
            f"{priced:10,.0f}/s  {load.name}, priced by card; {named:,.0f}/s with amounts: {speeds}, "
            "should be 0.950 or more\n"
            f"{priced_us:10,.0f} µs of CPU a charge in all, {named_us:,.0f} with amounts: {cpus}"
        )
        outcome.metrics |= {
            f"charge_priced_ratio_{load.name}": round(speed, 3),
            f"charge_priced_cpu_ratio_{load.name}": round(cpu, 3),
        }

    async def _charge(self, load: PricedLoad, seconds: float, *, names_amount: bool) -> Sample:
        measurement = await measure(
            {"charge": load.loop(self.charging, names_amount=names_amount)},
            warm_up_seconds=WARM_UP_SECONDS,
            seconds=seconds,
            processes=self.processes,
        )
        if errors := measurement.tally.errors:
            print_progress(f"{load.name}: {dict(errors)}")
        cpu_seconds = measurement.client_cpu_seconds + sum(measurement.server_cpu_seconds.values())
        return Sample(measurement.units_per_second, cpu_seconds / max(1, measurement.units) * 1e6)


def _kinds(rounds: Sequence[Round]) -> tuple[list[Sample], list[Sample]]:
    return [each.named for each in rounds], [each.priced for each in rounds]


def _middle(ratios: Sequence[float]) -> tuple[float, str]:
    """Return the median of the ratios, and a text with it and the quartiles."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return middle, f"× {middle:.3f} (half of the rounds from {low:.3f} to {high:.3f})"
