"""What a stranger without a token can do to an honest caller: nothing that the caller notices.

An attacker in a process of its own sends at a fixed rate, and rests, in turns; an honest caller charges at a fixed rate
all the while. Both are on this machine, with the service and its stores, so the rates are modest. Judged is

- that no honest call fails, in any window;
- what an honest call takes, by medians: at most a tenth more than while the attacker rests, beside MEDIAN_SECONDS_FREE
  for a clock on a busy machine;
- what the worker's CPU takes for the attack: at most a tenth of the one core that it has, so that an attack takes no
  more than a tenth of what honest callers could have;
- that its memory does not grow by more than MEMORY_BYTES_MAX.

The middle two measure time, and other work on the machine can only make them worse, so the best of ROUNDS_MAX counts.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import median

import grpc
import pytest

from devstack import Server, Stack
from tests.security.attacks import ATTACKS, Attack
from tests.security.bystander import Bystander, cpu_seconds, memory_bytes

WINDOWS = 2
"""Pairs of windows in a round."""
WINDOW_SECONDS = 0.8
SETTLE_SECONDS = 0.1
"""After this time the attacker does what it was told."""
ROUNDS_MAX = 4
MEDIAN_GROWTH_MAX = 1.1
MEDIAN_SECONDS_FREE = 0.001
MEMORY_BYTES_MAX = 96 << 20


@dataclass
class Round:
    """What was measured while the attacker rested, and while it attacked."""

    quiet: list[float] = field(default_factory=list)
    attacked: list[float] = field(default_factory=list)
    """Seconds of each charge."""
    quiet_cpu: float = 0.0
    attacked_cpu: float = 0.0
    """Seconds of the worker's CPU."""

    @property
    def cpu_share(self) -> float:
        """The share of a core that the attack took."""
        return (self.attacked_cpu - self.quiet_cpu) / (WINDOWS * WINDOW_SECONDS)

    def is_held(self, cpu_share_max: float) -> bool:
        """Return whether the honest caller noticed nothing, and the attack took no more than this share of a core."""
        slowest = median(self.quiet) * MEDIAN_GROWTH_MAX + MEDIAN_SECONDS_FREE
        return median(self.attacked) <= slowest and self.cpu_share <= cpu_share_max

    def __str__(self) -> str:
        return (
            f"p50 {median(self.quiet) * 1000:.1f} → {median(self.attacked) * 1000:.1f} ms, "
            f"p99 {_p99(self.quiet) * 1000:.0f} → {_p99(self.attacked) * 1000:.0f} ms, CPU {self.cpu_share:.1%}"
        )


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


@asynccontextmanager
async def attacker(attack: Attack, address: str, seen: Counter[str]) -> AsyncIterator[Process]:
    """Start an attacker that rests; what it has sent and seen is in `seen` when the block ends."""
    host, _, port = address.rpartition(":")
    command = (sys.executable, "-m", "tests.security.attacker", attack.name, host, port)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process
    finally:
        process.stdin.close()
        seen.update(json.loads(await process.stdout.read()))
        await process.wait()


async def measure(bystander: Bystander, process: Process, server: Server) -> Round:
    """Charge while the attacker rests and attacks, in turns."""
    measured = Round()
    assert process.stdin is not None
    for _ in range(WINDOWS):
        for word, attacks in ((b"-\n", False), (b"+\n", True)):
            process.stdin.write(word)
            await process.stdin.drain()
            await asyncio.sleep(SETTLE_SECONDS)
            before = cpu_seconds(server)
            latencies = await bystander.window(WINDOW_SECONDS)
            used = cpu_seconds(server) - before
            if attacks:
                measured.attacked += latencies
                measured.attacked_cpu += used
            else:
                measured.quiet += latencies
                measured.quiet_cpu += used
    return measured


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
async def test_an_honest_caller_does_not_notice(attack: Attack, stack: Stack, front: str) -> None:
    if front in attack.not_held:
        pytest.skip(attack.not_held[front])
    server = stack.charging
    seen: Counter[str] = Counter()
    rounds: list[Round] = []
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(stack.charging_address, options=options) as channel:
        bystander = Bystander(channel, stack.token)
        await bystander.charge()
        memory_before = memory_bytes(server)
        async with attacker(attack, stack.charging_address, seen) as process:
            while len(rounds) < ROUNDS_MAX and not (rounds and rounds[-1].is_held(attack.cpu_share_max)):
                rounds.append(await measure(bystander, process, server))
            grown = memory_bytes(server) - memory_before
    print(f"{attack.name}: {rounds[-1]}, memory {grown / 2**20:+.0f} MiB, {dict(seen)}")
    assert rounds[-1].is_held(attack.cpu_share_max), [str(each) for each in rounds]
    assert grown <= MEMORY_BYTES_MAX
    assert seen["sent"] or seen["connection closed"], "the attacker did nothing"
    ends = attack.ends.get(front, ())
    assert not ends or any(seen[end] for end in ends), f"{ends}: {seen}"
    stack.check()


async def test_who_attacked_is_forgotten(stack: Stack) -> None:
    """After all of them a new caller is served, and no worker has ended."""
    async with grpc.aio.insecure_channel(stack.charging_address) as channel:
        await channel.channel_ready()
        await Bystander(channel, stack.token).charge()
    assert stack.charging.is_healthy()
