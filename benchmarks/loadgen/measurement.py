"""One run: start the loads together, warm up, measure, and wait for all calls."""

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
    """The measurement of a run, without its warm-up and its end."""

    seconds: float
    tallies: Mapping[str, Tally]
    """Tallies by name of the load, the main one first."""
    client_cpu_seconds: float
    """CPU seconds of this whole process."""
    server_cpu_seconds: Mapping[str, float]
    """CPU seconds by name of the measured processes."""

    @property
    def tally(self) -> Tally:
        """The tally of the main load."""
        return next(iter(self.tallies.values()))

    @property
    def units(self) -> int:
        """The acknowledged units of all loads together."""
        return sum(tally.units for tally in self.tallies.values())

    @property
    def units_per_second(self) -> float:
        """Acknowledged charges (or empty calls) per second of the main load."""
        return self.tally.units / self.seconds


async def measure(
    loads: Mapping[str, Load], *, warm_up_seconds: float, seconds: float, processes: Processes
) -> Measurement:
    """Run all loads at once, and wait until every call has ended.

    Raise `TargetUnreachable`.
    """
    async with AsyncExitStack() as connected:
        for load in loads.values():
            await connected.enter_async_context(load)
        with _collector_off():
            try:
                for load in loads.values():
                    load.start()
                await _sleep(loads, warm_up_seconds)
                return await _measured(loads, seconds, processes)
            finally:
                await asyncio.gather(*(load.drain() for load in loads.values()))


async def _measured(loads: Mapping[str, Load], seconds: float, processes: Processes) -> Measurement:
    before, client_before = processes.cpu_seconds(), time.process_time()
    began_ns = time.perf_counter_ns()
    tallies = {name: load.start_recording() for name, load in loads.items()}
    await _sleep(loads, seconds)
    for load in loads.values():
        load.stop_recording()
    took_ns = time.perf_counter_ns() - began_ns
    client_after, after = time.process_time(), processes.cpu_seconds()
    return Measurement(
        seconds=took_ns / 1e9,
        tallies=tallies,
        client_cpu_seconds=client_after - client_before,
        server_cpu_seconds={name: after[name] - before[name] for name in before},
    )


async def _sleep(loads: Mapping[str, Load], seconds: float) -> None:
    """Let calls run for a time. Raise `TargetUnreachable` once a load has lost its target."""
    unreachable = [load.unreachable for load in loads.values()]
    await asyncio.wait(unreachable, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for each in unreachable:
        if each.done():
            raise each.result()


@contextmanager
def _collector_off() -> Iterator[None]:
    """Disable the garbage collector: nothing here makes cycles, and a pause would count as the server's latency."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
