"""Search every reachable state of a scenario, and print the path to a broken promise.

The search is breadth first, so a counterexample is a shortest one. Only two things thin it out,
and neither hides a behaviour: processes are interchangeable (`canonical`), and steps that touch
nothing shared are part of the step before or after them (see model.py).
"""

from __future__ import annotations

import gc
import math
import sys
import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from .model import Protocol, canonical, initial_state
from .phases import is_done
from .records import Action, BrokenPromise, Command, Entry, Hot, Process, Safeguards, Scenario, State

STUCK = "progress"
PROGRESS_STATES = 100_000
CLOCK_STATES = 1_000
"""States between two readings of the clock."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A shortest way from the initial state to a broken promise."""

    promise: str
    what: str
    steps: tuple[tuple[Action, State], ...]
    """The actions, each with the state that it leads to."""
    last: Action | None
    """The action that may not be taken in the last of these states, unless the state is wrong."""

    @property
    def length(self) -> int:
        """The number of actions."""
        return len(self.steps) + (self.last is not None)

    def __str__(self) -> str:
        return f"{self.what} ({self.length} steps)"


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a search."""

    scenario: Scenario
    states: int
    transitions: int
    depth: int
    seconds: float
    complete: bool
    """False where the search stopped at a bound or at a broken promise."""
    counterexample: Counterexample | None

    def __str__(self) -> str:
        rate = self.states / max(self.seconds, 1e-9)
        outcome = "no promise broken" if self.complete else "not finished"
        if self.counterexample is not None:
            outcome = str(self.counterexample)
        return (
            f"{self.scenario.name}: {self.states:,} states, {self.transitions:,} transitions, "
            f"depth {self.depth}, {self.seconds:.1f} s ({rate:,.0f}/s): {outcome}"
        )


class Search:
    """A breadth-first search that remembers where each state was first reached from."""

    def __init__(self, scenario: Scenario, guard: Safeguards) -> None:
        self.scenario = scenario
        self.protocol = Protocol(scenario, guard)
        self.states: list[State] = []
        self.numbers: dict[State, int] = {}
        self.parents = array("i")
        # Steps that the protocol takes by itself: targets of state n from offset n to n + 1.
        self.own_targets = array("i")
        self.own_offsets = array("i", [0])
        self.transitions = 0

    def run(self, states_max: int, seconds_max: float, *, progress: bool) -> Result:
        """Explore until done, within the bounds, or to the first broken promise."""
        started = time.perf_counter()
        number = depth = 0
        level_end = 1
        found: Counterexample | None = None
        self._add(canonical(initial_state(self.scenario)), -1)
        while number < len(self.states) < states_max and found is None:
            if number % CLOCK_STATES == 0 and time.perf_counter() - started > seconds_max:
                break
            if number == level_end:
                depth += 1
                level_end = len(self.states)
            found = self._expand(number)
            number += 1
            if progress and number % PROGRESS_STATES == 0:
                self._report(number, depth, time.perf_counter() - started)
        complete = found is None and number == len(self.states)
        if complete:
            found = self._find_stuck()
        if found is not None:
            complete, depth = False, found.length
        return Result(
            self.scenario,
            len(self.states),
            self.transitions,
            depth,
            time.perf_counter() - started,
            complete,
            found,
        )

    def _add(self, state: State, parent: int) -> int:
        number = len(self.states)
        self.numbers[state] = number
        self.states.append(state)
        self.parents.append(parent)
        return number

    def _expand(self, number: int) -> Counterexample | None:
        numbers, protocol = self.numbers, self.protocol
        state = self.states[number]
        try:
            protocol.check_quiet(state)
            for action, reached in protocol.transitions(state):
                self.transitions += 1
                after = canonical(reached)
                target = numbers.get(after)
                if target is None:
                    target = self._add(after, number)
                if action.by_protocol:
                    self.own_targets.append(target)
        except BrokenPromise as broken:
            return self._counterexample(number, broken)
        self.own_offsets.append(len(self.own_targets))
        return None

    def _find_stuck(self) -> Counterexample | None:
        """The first state from which the protocol's own steps cannot finish what was begun."""
        targets, offsets = self.own_targets, self.own_offsets
        can_finish = bytearray(is_done(state) for state in self.states)
        undecided = [n for n in range(len(self.states) - 1, -1, -1) if not can_finish[n]]
        while undecided:
            left = []
            for number in undecided:
                for at in range(offsets[number], offsets[number + 1]):
                    if can_finish[targets[at]]:
                        can_finish[number] = 1
                        break
                else:
                    left.append(number)
            if len(left) == len(undecided):
                what = "from here no step of any process leads to an end"
                return self._counterexample(min(left), BrokenPromise(STUCK, what))
            undecided = left
        return None

    def _counterexample(self, number: int, broken: BrokenPromise) -> Counterexample:
        """Walk from the initial state, keeping each process in its place."""
        path: list[int] = []
        at = number
        while at >= 0:
            path.append(at)
            at = self.parents[at]
        path.reverse()
        state = initial_state(self.scenario)
        steps: list[tuple[Action, State]] = []
        for target in path[1:]:
            for action, after in self.protocol.transitions(state):
                if self.numbers.get(canonical(after)) == target:
                    steps.append((action, after))
                    state = after
                    break
        # A promise broken by a step, not in a state: the step is the one that cannot be taken.
        try:
            self.protocol.check_quiet(state)
            for _ in self.protocol.transitions(state):
                pass
        except BrokenPromise as last:
            broken = last
        return Counterexample(broken.promise, str(broken), tuple(steps), broken.action)

    def _report(self, number: int, depth: int, seconds: float) -> None:
        print(
            f"  {self.scenario.name}: {len(self.states):,} states, "
            f"{len(self.states) - number:,} in the frontier, depth {depth}, "
            f"{number / seconds:,.0f} states/s",
            file=sys.stderr,
            flush=True,
        )


def explore(
    scenario: Scenario,
    guard: Safeguards | None = None,
    *,
    states_max: int = 50_000_000,
    seconds_max: float = math.inf,
    progress: bool = False,
) -> Result:
    """Search one scenario under a set of safeguards, by default all of them."""
    collecting = gc.isenabled()
    gc.disable()  # Millions of tuples, and no cycle among them.
    try:
        return Search(scenario, guard or Safeguards()).run(states_max, seconds_max, progress=progress)
    finally:
        if collecting:
            gc.enable()


def describe(counterexample: Counterexample, scenario: Scenario) -> str:
    """The counterexample as text: each step, and what it changed."""
    lines = [f"{counterexample.what}, after:"]
    before = initial_state(scenario)
    lines.append(f"     {scenario.name}: {hot_text(before.hot, scenario.commands)}")
    for count, (action, after) in enumerate(counterexample.steps, start=1):
        lines.append(f"{count:3}. {action_text(action, scenario.commands)}")
        lines.extend(f"       {change}" for change in changes(before, after, scenario.commands))
        before = after
    if counterexample.last is not None:
        lines.append(f"{counterexample.length:3}. {action_text(counterexample.last, scenario.commands)}")
    return "\n".join(lines)


def action_text(action: Action, commands: tuple[Command, ...]) -> str:
    """Return an action as a text."""
    who = f"process {action.process + 1}: " if action.process >= 0 else ""
    what = f" {commands[action.command].name}" if action.command >= 0 else ""
    return f"{who}{action.name}{what}"


def changes(before: State, after: State, commands: tuple[Command, ...]) -> Iterator[str]:
    """Yield the changes of a step, a line for each party."""
    if after.hot != before.hot:
        yield hot_text(after.hot, commands)
    if after.ledger != before.ledger:
        ledger = after.ledger
        recorded = ", ".join(entry_text(e, commands) for e in ledger.recorded if e)
        yield (
            f"ledger: epoch {ledger.epoch} last_seq {ledger.last_seq} balance {ledger.balance} "
            f"held {ledger.held} floor {ledger.floor} spent {ledger.spent} "
            f"authorizations {list(ledger.authorizations)} entries [{recorded}]"
        )
    for number, process in enumerate(after.processes):
        if process != before.processes[number]:
            yield f"process {number + 1} next: {process_text(process, commands)}"
    if after.held_up != before.held_up:
        held_up = ", ".join(
            f"{h.call.phase}{' (late)' if h.late else ' (declined since)' if h.declined else ''}" for h in after.held_up
        )
        yield f"in the network: {held_up or 'nothing'}"


def hot_text(hot: Hot, commands: tuple[Command, ...]) -> str:
    """Redis in one line."""
    wallet = "none"
    if hot.wallet is not None:
        w = hot.wallet
        wallet = f"epoch {w.epoch} seq {w.seq} balance {w.balance} held {w.held} floor {w.floor} spent {w.spent}" + (
            f" (of run {w.run})" if w.run != hot.run else ""
        )
    journal = ", ".join(entry_text(entry, commands) for entry in hot.journal)
    keys = ", ".join(f"{commands[key.command].name}@{key.epoch}.{key.seq}" for key in hot.keys if key)
    holds = ", ".join(f"{hold.held}@{hold.epoch}" for hold in hot.holds if hold)
    return f"redis: wallet {wallet} | journal [{journal}] | keys [{keys}] | holds [{holds}]"


def entry_text(entry: Entry, commands: tuple[Command, ...]) -> str:
    """An entry as command@epoch.seq and its change."""
    change = f"{entry.amount:+}" + (f" held {entry.held_delta:+}" if entry.held_delta else "")
    return f"{commands[entry.command].name}@{entry.epoch}.{entry.seq} {change}"


def process_text(process: Process, commands: tuple[Command, ...]) -> str:
    """Return a process's next step and its data as a text."""
    parts = [process.phase]
    if process.entry.command >= 0:
        parts.append(entry_text(process.entry, commands))
    if process.batch:
        batch = ", ".join(f"{entry_text(e, commands)} {v}".strip() for e, v in process.batch)
        parts.append(f"[{batch}]")
    if process.verdict:
        parts.append(process.verdict)
    if process.reading.epoch:
        parts.append(f"epoch {process.reading.epoch}")
    if process.seen.epoch:
        parts.append(f"having seen {process.seen.epoch}.{process.seen.seq}")
    return " ".join(parts)
