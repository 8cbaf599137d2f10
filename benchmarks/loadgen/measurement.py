"""One run: loads are started together, warmed up, measured for a while, and brought to their end."""

import asyncio
import gc
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.loop import Load
from benchmarks.loadgen.tally import Tally


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the measured stretch of a run has shown; the warm-up before and the end are left out."""

    seconds: float
    tallies: Mapping[str, Tally]
    """By the load's name, the main one first."""
    client_cpu_seconds: float
    """Of this whole process."""
    server_cpu_seconds: Mapping[str, float]
    """By the name of the watched processes."""

    @property
    def tally(self) -> Tally:
        """Of the main load."""
        return next(iter(self.tallies.values()))

    @property
    def units(self) -> int:
        """What all loads together had acknowledged."""
        return sum(tally.units for tally in self.tallies.values())

    @property
    def units_per_second(self) -> float:
        """Acknowledged charges (or empty calls) a second of the main load."""
        return self.tally.units / self.seconds


async def measure(
    loads: Mapping[str, Load], *, warm_up_seconds: float, seconds: float, processes: Processes
) -> Measurement:
    """Run all loads at once, and wait until every call has ended.

    Raises `TargetUnreachable`.
    """
    async with AsyncExitStack() as connected:
        for load in loads.values():
            await connected.enter_async_context(load)
        with _collector_off():
            try:
                for load in loads.values():
                    load.start()
                await _sleep(loads, warm_up_seconds)
                return await _stretch(loads, seconds, processes)
            finally:
                await asyncio.gather(*(load.land() for load in loads.values()))


async def _stretch(loads: Mapping[str, Load], seconds: float, processes: Processes) -> Measurement:
    before, client_before = processes.cpu_seconds(), time.process_time()
    began_ns = time.perf_counter_ns()
    tallies = {name: load.begin_stretch() for name, load in loads.items()}
    await _sleep(loads, seconds)
    for load in loads.values():
        load.end_stretch()
    took_ns = time.perf_counter_ns() - began_ns
    client_after, after = time.process_time(), processes.cpu_seconds()
    return Measurement(
        seconds=took_ns / 1e9,
        tallies=tallies,
        client_cpu_seconds=client_after - client_before,
        server_cpu_seconds={name: after[name] - before[name] for name in before},
    )


async def _sleep(loads: Mapping[str, Load], seconds: float) -> None:
    """Let calls run; `TargetUnreachable` as soon as there is no hope."""
    given_up = [load.given_up for load in loads.values()]
    await asyncio.wait(given_up, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for each in given_up:
        if each.done():
            raise each.result()


@contextmanager
def _collector_off() -> Iterator[None]:
    """Collect no garbage: nothing here makes cycles, and a pause would be the server's latency."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
