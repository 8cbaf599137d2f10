"""Charges that name their amount and charges that leave it to the rate card, in turns on one service.

What counts is the ratio of a round, since the machine's speed drifts, and of the ratios the one in the middle.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.http2.endpoint import Endpoint
from benchmarks.isolated.scenario import Outcome, say
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.closed_loop import ClosedLoop
from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.measurement import measure
from benchmarks.loadgen.workloads import Charges
from veloconnect.wallet.v1 import wallet_pb2

IN_FLIGHT, CONNECTIONS = 64, 4
FIRST_SECONDS, WARM_UP_SECONDS = 1.0, 0.1
"""Before the first round, for plans, caches and pools; and before each stretch, for its connections."""


@dataclass(frozen=True, slots=True)
class Wares:
    """What is charged for, by which companies: once named and once left to the card."""

    name: str
    books: Books
    usages: Sequence[wallet_pb2.Usage]

    def loop(self, endpoint: Endpoint, *, names_amount: bool) -> ClosedLoop:
        """Return a load of one kind."""
        workload = Charges(self.books, usages=self.usages, names_amount=names_amount)
        return ClosedLoop(workload, endpoint, in_flight=IN_FLIGHT, connections=CONNECTIONS)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one kind of charges has shown in a round."""

    per_second: float
    cpu_us: float
    """Of all processes together for each charge, the generator among them."""


@dataclass(frozen=True, slots=True)
class Round:
    """Both kinds, one right after the other."""

    named: Stretch
    priced: Stretch


@dataclass(frozen=True, slots=True)
class RateCharges:
    """Compares both kinds at one service."""

    charging: Endpoint
    processes: Processes
    rounds: int
    seconds: float

    async def compare(self, wares: Wares, outcome: Outcome) -> None:
        """Charge for `wares` in rounds, and add to the outcome."""
        for names_amount in (True, False):
            await self._charge(wares, FIRST_SECONDS, names_amount=names_amount)
        found = []
        for number in range(1, self.rounds + 1):
            stretches = {}
            # Which goes first alternates: whatever the first one leaves behind meets both.
            for names_amount in (True, False) if number % 2 else (False, True):
                stretches[names_amount] = await self._charge(wares, self.seconds, names_amount=names_amount)
            found.append(Round(named=stretches[True], priced=stretches[False]))
        say(f"{wares.name}: {self.rounds} rounds")
        named, priced = (statistics.median(each.per_second for each in kind) for kind in _kinds(found))
        named_us, priced_us = (statistics.median(each.cpu_us for each in kind) for kind in _kinds(found))
        speed, speeds = _middle([each.priced.per_second / each.named.per_second for each in found])
        cpu, cpus = _middle([each.priced.cpu_us / each.named.cpu_us for each in found])
        outcome.lines.append(
            f"{priced:10,.0f}/s  {wares.name}, priced by card; {named:,.0f}/s with amounts: {speeds}, "
            "should be 0.950 or more\n"
            f"{priced_us:10,.0f} µs of CPU a charge in all, {named_us:,.0f} with amounts: {cpus}"
        )
        outcome.figures |= {
            f"charge_priced_ratio_{wares.name}": round(speed, 3),
            f"charge_priced_cpu_ratio_{wares.name}": round(cpu, 3),
        }

    async def _charge(self, wares: Wares, seconds: float, *, names_amount: bool) -> Stretch:
        measurement = await measure(
            {"charge": wares.loop(self.charging, names_amount=names_amount)},
            warm_up_seconds=WARM_UP_SECONDS,
            seconds=seconds,
            processes=self.processes,
        )
        if errors := measurement.tally.errors:
            say(f"{wares.name}: {dict(errors)}")
        cpu_seconds = measurement.client_cpu_seconds + sum(measurement.server_cpu_seconds.values())
        return Stretch(measurement.units_per_second, cpu_seconds / max(1, measurement.units) * 1e6)


def _kinds(rounds: Sequence[Round]) -> tuple[list[Stretch], list[Stretch]]:
    return [each.named for each in rounds], [each.priced for each in rounds]


def _middle(ratios: Sequence[float]) -> tuple[float, str]:
    """Return the median of the rounds' ratios, and that in words, with where half of them are."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return middle, f"× {middle:.3f} (half of the rounds from {low:.3f} to {high:.3f})"
