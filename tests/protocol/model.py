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
whose connection broke, or that died, is not, and its call may yet be obeyed (`HeldUp.late`). That and
what else the service leaves open stands at the end of `Safeguards`.

What several attempts of one process do in one batch is a special case of this: the batch's calls
one after the other. An answer lost on its way equals an answer given that the client does not
believe; a process that dies after a commit equals one that answers and never settles. So neither
is a step of its own.

Promises are checked where they could break: P1, P2 and P4's sums at each write (ledger.py), P2, P3
and P5 at each answer, P4's "when quiet, Redis says the same" in each quiet state (`check_quiet`).
Two more are checked: every load has a cause of its own (loaders do not starve each other), and
from every state the processes alone can finish all that was begun (explore.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from . import hot as redis
from . import ledger as postgres
from .records import (
    ABSENT,
    NO_ENTRY,
    NO_READING,
    NOWHERE,
    REFUND,
    Action,
    BrokenPromise,
    Budget,
    Command,
    Entry,
    HeldUp,
    Hot,
    HotHold,
    Ledger,
    Position,
    Process,
    Safeguards,
    State,
    Wallet,
    require,
)

# Phases: the next step of a process.
IDLE: Final = "idle"
APPLY: Final = "apply"
APPEND: Final = "append"
CONFIRM: Final = "confirm"
DISCARD: Final = "discard"
CLEAN_UP: Final = "clean up"
"""As DISCARD, and the client has its answer."""
FORGET: Final = "forget wallet"
LOAD: Final = "take load lock"
JOURNAL_APPEND: Final = "append journal"
JOURNAL_REACT: Final = "handle journal verdicts"
BEGIN_EPOCH: Final = "begin epoch"
BEGIN_LOAD: Final = "begin load"
COMPLETE_LOAD: Final = "complete load"

SCRIPTED: Final = (APPLY, DISCARD, CLEAN_UP, FORGET, JOURNAL_REACT)
"""Calls of the cycle's script, tried again where the connection broke. No other call that writes is."""

# What a process does when it works on no command.
RECOVERY: Final = -1
REBUILD: Final = -2

RERUNS_BEFORE_FORGET: Final = 1
"""Runs of a declined command that the ledger would allow, before the hot wallet is deleted; the service takes four."""

REFUND_RERUNS_MAX: Final = 1
"""Runs of a refund before its client is told that the wallet does not come to rest; the service takes twelve, of any
command. A refund of nothing and a charge that lives on it may chase each other."""

IDLE_PROCESS: Final = Process(IDLE, RECOVERY, 0, NOWHERE, NO_ENTRY, "", (), NO_READING, False)


class Scenario(NamedTuple):
    """Commands that clients send to a wallet, and how much may go wrong meanwhile."""

    name: str
    commands: tuple[Command, ...]
    balance: int
    budget: Budget
    held: int | None = None
    """The hold of authorization 0 where it is open from the start."""
    floor: int = 0
    processes: int = 2


def initial_state(scenario: Scenario) -> State:
    """A wallet that is loaded, with nothing under way."""
    keys = 1 + max(command.key for command in scenario.commands)
    authorizations = 1 + max(command.authorization for command in scenario.commands)
    held = scenario.held or 0
    opened = [ABSENT] * authorizations
    hot_holds: list[HotHold | None] = [None] * authorizations
    if scenario.held is not None:
        opened[0] = held
        hot_holds[0] = HotHold(1, held, 0)
    nothing = (None,) * keys
    return State(
        hot=Hot(
            1,
            Wallet(1, 0, scenario.balance, held, scenario.floor, 1),
            nothing,
            tuple(hot_holds),
            (),
        ),
        ledger=Ledger(
            1, 0, scenario.balance, held, scenario.floor, nothing, tuple(opened), captured=(0,) * authorizations
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
    """The representative of all states that differ only in which process does what."""
    processes = state.processes
    for left, right in pairwise(processes):
        if right < left:
            return state._replace(processes=tuple(sorted(processes)))
    return state


def is_done(state: State) -> bool:
    """Nothing is under way."""
    for process in state.processes:
        if process.phase != IDLE:
            return False
    return not state.hot.journal


class Protocol:
    """The transitions of one scenario under a set of safeguards."""

    def __init__(self, scenario: Scenario, guard: Safeguards) -> None:
        self.scenario = scenario
        self.commands = scenario.commands
        self.guard = guard
        submissions = sum(command.submissions for command in scenario.commands)
        self.applies_max = submissions + scenario.budget.delays
        self.epochs_max = 1 + sum(scenario.budget) + 2 * submissions
        self._steps: dict[str, Callable[[State, int, Process], State | None]] = {
            APPLY: self._apply,
            APPEND: self._append,
            CONFIRM: self._confirm,
            DISCARD: self._discard,
            CLEAN_UP: self._discard,
            FORGET: self._forget,
            LOAD: self._take_lock,
            JOURNAL_APPEND: self._append_journal,
            JOURNAL_REACT: self._handle_verdicts,
            BEGIN_EPOCH: self._begin_epoch,
            BEGIN_LOAD: self._begin_load,
            COMPLETE_LOAD: self._complete_load,
        }

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
        yield from self._misfortunes(state)
        for held_up in state.held_up:
            yield from self._arrive(state, held_up)

    def _begin(self, state: State, index: int) -> Iterator[tuple[Action, State]]:
        """An idle process gets a command, or looks after the journal, or is told to rebuild."""
        if state.hot.journal:
            recover = IDLE_PROCESS._replace(phase=JOURNAL_APPEND, command=RECOVERY, batch=journal_of(state.hot))
            yield Action("recover", index, by_protocol=True), moved(state, index, recover)
        for number, unsent in enumerate(state.unsent):
            if unsent:
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

    def _misfortunes(self, state: State) -> Iterator[tuple[Action, State]]:
        budget, hot = state.budget, state.hot
        if budget.flushes:
            nothing = (None,) * len(hot.keys)
            yield (
                Action("FLUSHALL"),
                state._replace(
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
                    state._replace(
                        hot=state.copy._replace(run=run),
                        copy=None,
                        budget=budget._replace(copies=budget.copies - 1),
                        causes=state.causes + 1,
                    ),
                )
        if budget.expiries:
            fewer = budget._replace(expiries=budget.expiries - 1)
            for key, record in enumerate(hot.keys):
                if record is not None:
                    keys = redis.replaced(hot.keys, key, None)
                    yield (
                        Action("expire key", command=record.command),
                        state._replace(hot=hot._replace(keys=keys), budget=fewer),
                    )
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

    def _lost(self, state: State) -> Iterator[tuple[Action, State]]:
        """Processes die, and locks are lost or given up on."""
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
                without_lock = self._look_again(
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
        """A call that was held up runs; nobody hears its answer."""
        call = held_up.call
        rest = state.held_up - {held_up}
        action = Action(f"a call arrives: {call.phase}", command=call.command)
        hot, ledger = state.hot, state.ledger
        if call.phase == APPLY:
            hot = redis.apply(hot, call.command, self.commands, call.seen, self.guard, late=held_up.late)[2]
            if not held_up.late:
                late = state._replace(held_up=rest | {held_up._replace(late=True)})
                yield Action("a call is late", command=call.command), late
                state = obeyed(state, call.command) if hot != state.hot else state
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
        causes = state.causes + lost_wallet(state, hot)
        yield action, state._replace(hot=hot, ledger=ledger, held_up=rest, causes=causes)

    # The steps of an attempt.

    def _apply(self, state: State, index: int, process: Process) -> State:
        number = process.command
        reply, entry, hot = redis.apply(state.hot, number, self.commands, process.seen, self.guard)
        if reply == redis.COLD:
            return moved(state, index, process._replace(phase=LOAD, entry=NO_ENTRY, verdict=""))
        if reply == redis.PENDING:
            process = process._replace(phase=APPEND, entry=entry, verdict="")
            state = obeyed(state, number)
            if self.guard.settle_after_commit:
                return moved(state, index, process, hot=hot)
            return moved(state, index, process, hot=hot, settles=state.settles | {entry})
        if reply in (redis.NO_FUNDS, redis.NO_HOLD) and not self.guard.decline_confirmation:
            return self._decline(state, index, process)
        # No record, and yet an attempt: the record expired.
        overtaken = self.guard.records_outlive_entries and any(other.command == number for other in hot.journal)
        return moved(state, index, process._replace(phase=CONFIRM, entry=entry, verdict=reply, overtaken=overtaken))

    def _append(self, state: State, index: int, process: Process) -> State:
        entry = process.entry
        verdict, ledger = self._append_one(state, state.ledger, entry)
        if verdict == postgres.WRITTEN or verdict == postgres.ALREADY:
            self._check_ok(ledger, process.command)
            return moved(state, index, IDLE_PROCESS, ledger=ledger, settles=state.settles | {entry})
        seen = postgres.position(ledger)
        process = process._replace(phase=CLEAN_UP, verdict=verdict, seen=seen)
        if verdict == postgres.DUPLICATE:
            self._check_ok(ledger, process.command)
        elif verdict == postgres.KEY_REUSED:
            self._check_reused(ledger, process.command)
        elif verdict == postgres.NOT_FOUND:
            return self._tell_no(state, index, process)
        elif self.commands[process.command].kind != REFUND:
            process = process._replace(phase=DISCARD)
        elif process.reruns < REFUND_RERUNS_MAX:
            process = process._replace(phase=DISCARD, reruns=process.reruns + 1)
        return moved(state, index, process)

    def _append_one(self, state: State, ledger: Ledger, entry: Entry) -> tuple[str, Ledger]:
        verdict, after = postgres.append(ledger, entry, self.commands, self.guard)
        require(
            verdict != postgres.WRITTEN or entry.command not in state.told_no,
            "P5 honest no",
            "a command is written after its final decline, though nobody sent it again",
        )
        return verdict, after

    def _confirm(self, state: State, index: int, process: Process) -> State:
        number, ledger, settles = process.command, state.ledger, state.settles
        other, other_verdict = process.entry, ""
        if process.verdict == redis.REUSED:
            # In the same call, and before the question: the entry of the request that has the key.
            other_verdict, ledger = self._append_one(state, ledger, other)
            if other_verdict == postgres.WRITTEN or other_verdict == postgres.ALREADY:
                other_verdict, settles = "", settles | {other}
        truth = postgres.confirm(ledger, process.verdict, process.entry, number, self.commands[number], self.guard)
        after = IDLE_PROCESS
        if truth == postgres.RECORDED:
            self._check_ok(ledger, number)
        elif truth == postgres.KEY_REUSED:
            self._check_reused(ledger, number)
        elif truth == postgres.FINAL:
            return self._decline(state, index, process)
        else:
            after = self._run_again(process, truth, postgres.position(ledger))
        if other_verdict:
            # Its clean-up comes first.
            phase = CLEAN_UP if after == IDLE_PROCESS else DISCARD
            after = process._replace(phase=phase, verdict=other_verdict, seen=postgres.position(ledger))
        return moved(state, index, after, ledger=ledger, settles=settles)

    def _run_again(self, process: Process, truth: str, seen: Position) -> Process:
        """What a process does whose command has no answer yet."""
        again = process._replace(phase=APPLY, entry=NO_ENTRY, verdict="", seen=seen, overtaken=False)
        if truth == postgres.UNRECORDED and process.verdict == redis.KNOWN:
            # Settled, and unknown to the ledger: the record goes. A hold without a record takes its wallet.
            if process.entry.epoch:
                return again._replace(phase=DISCARD, entry=process.entry, verdict=truth)
            return again._replace(phase=FORGET, entry=NO_ENTRY._replace(epoch=seen.epoch))
        if truth == postgres.CONTESTED:
            if process.reruns >= RERUNS_BEFORE_FORGET:
                return again._replace(phase=FORGET, entry=process.entry)
            return again._replace(reruns=process.reruns + 1)
        return again

    def _decline(self, state: State, index: int, process: Process) -> State:
        number = process.command
        command = self.commands[number]
        require(
            state.ledger.recorded[command.key] is None,
            "P5 honest no",
            "a final decline of a key that is recorded",
        )
        require(
            not postgres.allows_request(state.ledger, command),
            "P5 honest no",
            "a final decline of what the ledger allows",
        )
        return self._tell_no(state, index, IDLE_PROCESS)

    def _tell_no(self, state: State, index: int, process: Process) -> State:
        """The client hears a final no; remember it, unless another of its calls may yet be obeyed."""
        number = state.processes[index].command
        alone = not state.processes[index].overtaken
        alone &= all(other.command != number for position, other in enumerate(state.processes) if position != index)
        if self.guard.broken_calls_end:
            within_bound = [h.call for h in state.held_up if h.call.phase == APPLY and not h.late]
            alone &= all(call.command != number for call in within_bound)
        told_no = state.told_no | {number} if alone else state.told_no
        return moved(state, index, process, told_no=told_no)

    def _discard(self, state: State, index: int, process: Process) -> State:
        hot = self._cleaned(state.hot, ((process.entry, process.verdict),))
        after = IDLE_PROCESS
        if process.phase == DISCARD:
            after = process._replace(phase=APPLY, entry=NO_ENTRY, verdict="")
        return moved(state, index, after, hot=hot, causes=state.causes + lost_wallet(state, hot))

    def _cleaned(self, hot: Hot, judged: tuple[tuple[Entry, str], ...]) -> Hot:
        """What the clean-ups of attempts leave, which depend on the verdicts."""
        for entry, verdict in judged:
            command = self.commands[entry.command]
            action = redis.DISCARD
            if verdict == postgres.REFUSED and self.guard.refused_drops_wallet:
                action = redis.DROP
            elif verdict in (postgres.KEY_REUSED, postgres.DUPLICATE, postgres.NOT_FOUND):
                dropped = redis.touches_hold(command) and self.guard.undo_spares_authorizations
                action = redis.DROP if dropped else redis.UNDO
            hot = redis.clean(hot, action, entry, self.commands, self.guard)
        return hot

    def _forget(self, state: State, index: int, process: Process) -> State:
        hot = redis.forget_wallet(state.hot, process.entry.epoch)
        return moved(
            state,
            index,
            process._replace(phase=APPLY, entry=NO_ENTRY),
            hot=hot,
            causes=state.causes + lost_wallet(state, hot),
        )

    # The steps of a load, and of recovery.

    def _take_lock(self, state: State, index: int, process: Process) -> State | None:
        if self.guard.load_lock and any(other.lock for other in state.processes):
            return None
        return self._look_again(state, index, process, lock=True)

    def _look_again(self, state: State, index: int, process: Process, *, lock: bool) -> State:
        """Whoever waited for the lock may find the wallet loaded."""
        if process.command != REBUILD and not redis.is_cold(state.hot, process.seen, self.guard):
            return moved(state, index, process._replace(phase=APPLY))
        batch = journal_of(state.hot)
        phase = JOURNAL_APPEND if batch else BEGIN_EPOCH
        return moved(state, index, process._replace(phase=phase, batch=batch, lock=lock))

    def _append_journal(self, state: State, index: int, process: Process) -> State:
        ledger, settles = state.ledger, state.settles
        unsettled: list[tuple[Entry, str]] = []
        for entry, _ in process.batch:
            verdict, ledger = self._append_one(state, ledger, entry)
            if verdict == postgres.WRITTEN or verdict == postgres.ALREADY:
                settles |= {entry}
            else:
                unsettled.append((entry, verdict))
        process = process._replace(phase=JOURNAL_REACT, batch=tuple(unsettled)) if unsettled else after_journal(process)
        return moved(state, index, process, ledger=ledger, settles=settles)

    def _handle_verdicts(self, state: State, index: int, process: Process) -> State:
        hot = self._cleaned(state.hot, process.batch)
        causes = state.causes + lost_wallet(state, hot)
        return moved(state, index, after_journal(process), hot=hot, causes=causes)

    def _begin_epoch(self, state: State, index: int, process: Process) -> State:
        require(
            state.causes > 0,
            "few epochs",
            "a wallet is loaded again though nothing happened to it since the last load",
        )
        ledger = postgres.begin_epoch(state.ledger)
        process = process._replace(phase=BEGIN_LOAD, reading=postgres.read(ledger))
        return moved(state, index, process, ledger=ledger, causes=state.causes - 1)

    def _begin_load(self, state: State, index: int, process: Process) -> State:
        hot = redis.begin_load(state.hot, process.reading, self.guard)
        if hot is None:
            return moved(state, index, after_load(process))
        return moved(state, index, process._replace(phase=COMPLETE_LOAD), hot=hot)

    def _complete_load(self, state: State, index: int, process: Process) -> State:
        hot = redis.complete_load(state.hot, process.reading, self.guard)
        return moved(state, index, after_load(process), hot=hot or state.hot)

    # What must hold.

    def _check_ok(self, ledger: Ledger, number: int) -> None:
        """An OK names the entry recorded under the key, which must be this request's."""
        recorded = ledger.recorded[self.commands[number].key]
        require(recorded is not None, "P3 durable", "an OK without a committed entry")
        assert recorded is not None
        require(recorded.command == number, "P2 once", "an OK names the entry of another request")

    def _check_reused(self, ledger: Ledger, number: int) -> None:
        recorded = ledger.recorded[self.commands[number].key]
        require(
            recorded is not None and recorded.command != number,
            "P2 once",
            "a key is called reused that is not recorded for another request",
        )

    def check_quiet(self, state: State) -> None:
        """P4: when nothing is under way, a warm wallet says what the ledger says."""
        hot, ledger, wallet = state.hot, state.ledger, state.hot.wallet
        require(ledger.epoch <= self.epochs_max, "progress", "epochs without end")
        require(
            wallet is None or wallet.seq <= self.applies_max,
            "progress",
            "a command is applied again and again to one load of the wallet",
        )
        require(
            ledger.balance == self.scenario.balance + sum(entry.amount for entry in ledger.recorded if entry),
            "P4 conserved",
            "the balance is not the sum of the entries",
        )
        if wallet is None or wallet.loading or wallet.run != hot.run or wallet.epoch != ledger.epoch:
            return
        if not is_done(state):
            return
        require(
            (wallet.balance, wallet.held, wallet.floor) == (ledger.balance, ledger.held, ledger.floor),
            "P4 conserved",
            "all is quiet, and Redis and the ledger differ in balance, held or floor",
        )
        for number, held in enumerate(ledger.authorizations):
            hold = redis.open_hold(hot, wallet, number, self.guard)
            require(
                (None if hold is None else (hold.held, hold.captured))
                == ((held, ledger.captured[number]) if held >= 0 else None),
                "P4 conserved",
                "all is quiet, and Redis and the ledger differ in an authorization",
            )


def moved(
    state: State,
    index: int,
    process: Process,
    *,
    hot: Hot | None = None,
    ledger: Ledger | None = None,
    settles: frozenset[Entry] | None = None,
    budget: Budget | None = None,
    told_no: frozenset[int] | None = None,
    causes: int = -1,
    held_up: frozenset[HeldUp] | None = None,
) -> State:
    """The state after a process has taken a step."""
    return State(
        state.hot if hot is None else hot,
        state.ledger if ledger is None else ledger,
        redis.replaced(state.processes, index, process),
        state.settles if settles is None else settles,
        state.copy,
        state.budget if budget is None else budget,
        state.unsent,
        state.told_no if told_no is None else told_no,
        state.causes if causes < 0 else causes,
        state.held_up if held_up is None else held_up,
    )


def obeyed(state: State, number: int) -> State:
    """Mark the processes that carry a no to the same command from Redis to the client.

    Who sends one request twice at once may hear no to the one call and have the other charged.
    """
    for index, process in enumerate(state.processes):
        if process.phase == CONFIRM and process.command == number and not process.overtaken:
            marked = redis.replaced(state.processes, index, process._replace(overtaken=True))
            state = state._replace(processes=marked)
    return state


def journal_of(hot: Hot) -> tuple[tuple[Entry, str], ...]:
    """The journal's entries in the order they were applied, none judged yet."""
    return tuple((entry, "") for entry in hot.journal)


def after_journal(process: Process) -> Process:
    """A load goes on with a new epoch; recovery is done."""
    if process.command == RECOVERY:
        return IDLE_PROCESS
    return process._replace(phase=BEGIN_EPOCH, batch=())


def after_load(process: Process) -> Process:
    """The command that found the wallet cold is applied again; a rebuild is done."""
    if process.command == REBUILD:
        return IDLE_PROCESS
    return process._replace(phase=APPLY, batch=(), reading=NO_READING, lock=False)


def lost_wallet(before: State, hot: Hot) -> bool:
    """Whether a step deleted the wallet."""
    return before.hot.wallet is not None and hot.wallet is None
