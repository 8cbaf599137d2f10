"""The protocol as a state machine: what processes do, step by step, and what befalls them.

Redis proposes (hot.py), Postgres disposes (ledger.py); this module is the engine between the two.
A process works on one attempt at a time, and each of its steps is one atomic call:

    submit ─► APPLY ──pending──► APPEND ──WRITTEN, ALREADY──────► answered; settle some time later
               │ ▲                 ├──KEY_REUSED, DUPLICATE, ────► answered; CLEAN UP (undo)
               │ │                 │  TRANSACTION_NOT_FOUND
               │ │                 └──STALE, REFUSED─► DISCARD (with drop) ─► APPLY again
               │ └── LOAD ◄──cold
               └─declined, known, reused─► CONFIRM ─► answered, or DISCARD or FORGET ─► APPLY again

    LOAD:  lock and look again ─► append the journal ─► handle the verdicts ─► begin an epoch and
           read ─► begin the load in Redis ─► complete it ─► APPLY
    RECOVER, at any time: append the journal ─► handle the verdicts

Between any two steps anything else may happen: steps of other processes, late settles, clients
that send again, Redis emptied or replaced by a copy from earlier, a process that dies, a key that
expires, settings that change, a lock that is lost or not waited for, a call that is held up in the
network: its sender tries again or gives up, and it runs later, or never.

Time is modelled where the service leans on it. A call to apply names the moment at which its sender
will have given it up, and applies nothing after it. A sender that times out is past that moment; one
whose connection broke, or that died, is not (`HeldUp.late`): its call is obeyed, unless Redis has
declined its key since it was sent (`HeldUp.declined`). And a key's record lives for an hour, which is
longer than a client's call, and than anything that keeps an entry in the journal but a Postgres that is
away (`State.overdue`).

What several attempts of one process do in one batch is a special case of this: the batch's calls
one after the other. An answer lost on its way equals an answer given that the client does not
believe; a process that dies after a commit equals one that answers and never settles. So neither
is a step of its own.

Promises are checked where they could break: P1, P2, P8 and P4's sums at each write (ledger.py), P2, P3
and P5 at each answer, P4's "when quiet, Redis says the same" in each quiet state (`check_quiet`).
Two more are checked: every load has a cause of its own (loaders do not starve each other), and
from every state the processes alone can finish all that was begun (explore.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from . import hot as redis
from . import ledger as postgres
from .phases import (
    APPEND,
    APPLY,
    BEGIN_LOAD,
    CLEAN_UP,
    COMPLETE_LOAD,
    DISCARD,
    FORGET,
    IDLE,
    IDLE_PROCESS,
    JOURNAL_APPEND,
    JOURNAL_REACT,
    LOAD,
    REBUILD,
    RECOVERY,
    journal_of,
    lost_wallet,
    moved,
    without_marks,
)
from .records import (
    ABSENT,
    NO_ENTRY,
    NO_LIMIT,
    NO_READING,
    NOWHERE,
    Action,
    BrokenPromise,
    Entry,
    HeldUp,
    Hot,
    HotHold,
    KeyRecord,
    Ledger,
    Process,
    Scenario,
    State,
    Wallet,
)
from .steps import Steps

SCRIPTED: Final = (APPLY, DISCARD, CLEAN_UP, FORGET, JOURNAL_REACT)
"""Calls of the cycle's script, tried again where the connection broke. No other call that writes is."""


def initial_state(scenario: Scenario) -> State:
    """A wallet that is loaded, with nothing under way."""
    keys = 1 + max(command.key for command in scenario.commands)
    authorizations = 1 + max(command.authorization for command in scenario.commands)
    held = scenario.held or 0
    spent = 0 if scenario.limit == NO_LIMIT else held
    opened = [ABSENT] * authorizations
    hot_holds: list[HotHold | None] = [None] * authorizations
    if scenario.held is not None:
        opened[0] = held
        hot_holds[0] = HotHold(1, held, 0)
    nothing = (None,) * keys
    return State(
        hot=Hot(
            1,
            Wallet(1, 0, scenario.balance, held, scenario.floor, 1, scenario.limit, spent),
            nothing,
            tuple(hot_holds),
            (),
        ),
        ledger=Ledger(
            1,
            0,
            scenario.balance,
            held,
            scenario.floor,
            nothing,
            tuple(opened),
            (0,) * authorizations,
            scenario.limit,
            spent,
        ),
        processes=(IDLE_PROCESS,) * scenario.processes,
        settles=frozenset(),
        copy=None,
        budget=scenario.budget,
        unsent=tuple(command.submissions for command in scenario.commands),
        told_no=frozenset(),
        causes=0,
    )


def canonical(state: State) -> State:
    """The representative of all states that differ only in which process does what, and in what was overdue once."""
    if state.overdue and not state.overdue & frozenset(state.hot.journal):
        state = state._replace(overdue=frozenset())
    processes = state.processes
    for left, right in pairwise(processes):
        if right < left:
            return state._replace(processes=tuple(sorted(processes)))
    return state


class Protocol(Steps):
    """The transitions of one scenario under a set of safeguards."""

    # What can happen next.

    def transitions(self, state: State) -> Iterator[tuple[Action, State]]:
        """Every action possible in a state with its outcome; BrokenPromise where one breaks."""
        idle = -1
        for index, process in enumerate(state.processes):
            if process.phase == IDLE:
                idle = index
                continue
            action = Action(process.phase, index, process.command, True)
            try:
                after = self._steps[process.phase](state, index, process)
            except BrokenPromise as broken:
                broken.action = action
                raise
            if after is not None:
                yield action, after
            if state.budget.delays:
                yield from self._hold_up(state, index, process)
        for entry in state.settles:
            yield (
                Action("settle", command=entry.command, by_protocol=True),
                state._replace(
                    hot=redis.clean(state.hot, redis.SETTLE, entry, self.commands, self.guard),
                    settles=state.settles - {entry},
                ),
            )
        if idle >= 0:
            yield from self._begin(state, idle)
        yield from self._faults(state)
        for held_up in state.held_up:
            yield from self._arrive(state, held_up)

    def _begin(self, state: State, index: int) -> Iterator[tuple[Action, State]]:
        """An idle process gets a command, recovers the journal, or rebuilds the wallet."""
        if state.hot.journal:
            recover = IDLE_PROCESS._replace(phase=JOURNAL_APPEND, command=RECOVERY, batch=journal_of(state.hot))
            yield Action("recover", index, by_protocol=True), moved(state, index, recover)
        waits = self.guard.recovery_first and not state.overdue.isdisjoint(state.hot.journal)
        for number, unsent in enumerate(state.unsent):
            if unsent and not waits:
                # Waiting between arrival and APPLY equals arriving later: they are one step.
                sent = state._replace(
                    unsent=redis.replaced(state.unsent, number, unsent - 1),
                    told_no=state.told_no - {number},
                )
                process = Process(APPLY, number, 0, NOWHERE, NO_ENTRY, "", (), NO_READING, False)
                action = Action("submit", index, number)
                try:
                    yield action, self._apply(sent, index, process)
                except BrokenPromise as broken:
                    broken.action = action
                    raise
                if state.budget.delays:
                    yield from self._hold_up(sent, index, process)
        if state.budget.rebuilds:
            rebuild = IDLE_PROCESS._replace(phase=LOAD, command=REBUILD)
            yield (
                Action("rebuild", index),
                moved(
                    state,
                    index,
                    rebuild,
                    budget=state.budget._replace(rebuilds=state.budget.rebuilds - 1),
                    causes=state.causes + 1,
                ),
            )

    def _faults(self, state: State) -> Iterator[tuple[Action, State]]:
        budget, hot = state.budget, state.hot
        if budget.flushes:
            nothing = (None,) * len(hot.keys)
            yield (
                Action("FLUSHALL"),
                without_marks(state)._replace(
                    hot=Hot(hot.run, None, nothing, (None,) * len(hot.holds), ()),
                    budget=budget._replace(flushes=budget.flushes - 1),
                    causes=state.causes + 1,
                ),
            )
        if budget.copies:
            if state.copy is None:
                yield Action("take a copy of Redis"), state._replace(copy=hot)
            else:
                run = hot.run + 1 if self.guard.run_id else hot.run
                yield (
                    Action("replace Redis by the copy"),
                    without_marks(state)._replace(
                        hot=state.copy._replace(run=run),
                        copy=None,
                        budget=budget._replace(copies=budget.copies - 1),
                        causes=state.causes + 1,
                    ),
                )
        for key, record in enumerate(hot.keys):
            if record is not None:
                yield from self._forget_key(state, key, record)
        if budget.floor_raises:
            yield (
                Action("raise the floor"),
                state._replace(
                    ledger=postgres.begin_epoch(state.ledger, floor_raise=1),
                    budget=budget._replace(floor_raises=budget.floor_raises - 1),
                    causes=state.causes + 1,
                ),
            )
        yield from self._lost(state)

    def _forget_key(self, state: State, key: int, record: KeyRecord) -> Iterator[tuple[Action, State]]:
        budget = state.budget
        pending = redis.journaled(state.hot, record)
        gone = state._replace(hot=state.hot._replace(keys=redis.replaced(state.hot.keys, key, None)))
        if budget.expiries and (pending is None or _lies_there_for_an_hour(state, pending)):
            overdue = state.overdue if pending is None else state.overdue | {pending}
            after = gone._replace(budget=budget._replace(expiries=budget.expiries - 1), overdue=overdue)
            yield Action("expire key", command=record.command), after
        if budget.losses:
            after = gone._replace(budget=budget._replace(losses=budget.losses - 1))
            yield Action("lose key", command=record.command), after

    def _lost(self, state: State) -> Iterator[tuple[Action, State]]:
        """Processes crash, and locks are lost or given up on."""
        budget = state.budget
        for index, process in enumerate(state.processes):
            if process.phase == IDLE:
                continue
            loading = process.phase == BEGIN_LOAD or process.phase == COMPLETE_LOAD
            if budget.crashes:
                yield (
                    Action("crash", index, process.command),
                    moved(
                        state,
                        index,
                        IDLE_PROCESS,
                        budget=budget._replace(crashes=budget.crashes - 1),
                        causes=state.causes + loading,
                    ),
                )
            if budget.lost_locks and process.lock and loading:
                yield (
                    Action("lose the load lock", index, process.command),
                    moved(
                        state,
                        index,
                        process._replace(lock=False),
                        budget=budget._replace(lost_locks=budget.lost_locks - 1),
                        causes=state.causes + 1,
                    ),
                )
            if budget.lost_locks and process.phase == LOAD and any(other.lock for other in state.processes):
                fewer = budget._replace(lost_locks=budget.lost_locks - 1)
                without_lock = self._peek_again(
                    # Each of the two loaders may find itself overtaken by the other.
                    state._replace(budget=fewer, causes=state.causes + 2),
                    index,
                    process,
                    lock=False,
                )
                yield Action("give up on the load lock", index, process.command), without_lock

    def _hold_up(self, state: State, index: int, process: Process) -> Iterator[tuple[Action, State]]:
        """A call gets no answer, and runs later. It has run already where it arrives before anything else happens."""
        budget = state.budget._replace(delays=state.budget.delays - 1)
        call = process._replace(reruns=0, lock=False)
        if process.phase in SCRIPTED:
            held_up = state.held_up | {HeldUp(call)}
            action = Action(f"{process.phase}, held up, and tried again", index, process.command)
            yield action, moved(state, index, process, budget=budget, held_up=held_up)
        if process.phase == APPLY or process.phase == APPEND:
            held_up = state.held_up | {HeldUp(call, late=process.phase == APPLY)}
            action = Action(f"{process.phase}, held up, and given up", index, process.command)
            yield action, moved(state, index, IDLE_PROCESS, budget=budget, held_up=held_up)

    def _arrive(self, state: State, held_up: HeldUp) -> Iterator[tuple[Action, State]]:
        """A delayed call runs; its answer reaches no caller."""
        call = held_up.call
        rest = state.held_up - {held_up}
        action = Action(f"a call arrives: {call.phase}", command=call.command)
        if call.phase == APPLY and not held_up.late:
            late = state._replace(held_up=rest | {held_up._replace(late=True, declined=False)})
            yield Action("a call is late", command=call.command), late
        hot, ledger, state = state.hot, state.ledger, state._replace(held_up=rest)
        if call.phase == APPLY:
            if not (held_up.declined and self.guard.decline_marks):
                reply, _, hot = redis.apply(hot, call.command, self.commands, call.seen, self.guard, late=held_up.late)
                state = self._answered(state, call.command, reply)
        elif call.phase == APPEND:
            try:
                ledger = self._append_one(state, ledger, call.entry)[1]
            except BrokenPromise as broken:
                broken.action = action
                raise
        elif call.phase == FORGET:
            hot = redis.forget_wallet(hot, call.entry.epoch)
        elif call.phase == JOURNAL_REACT:
            hot = self._cleaned(hot, call.batch)
        else:
            hot = self._cleaned(hot, ((call.entry, call.verdict),))
        yield action, state._replace(hot=hot, ledger=ledger, causes=state.causes + lost_wallet(state, hot))


def _lies_there_for_an_hour(state: State, pending: Entry) -> bool:
    """Return whether an entry may stay in the journal for that long: no other process handles its command."""
    return all(
        process.phase == IDLE or process.command != pending.command or process.entry == pending
        for process in state.processes
    )
