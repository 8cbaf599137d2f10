"""The phases of a process, and small functions on states that the other modules share."""

from __future__ import annotations

from typing import Final

from . import hot as redis
from .records import NO_ENTRY, NO_READING, NOWHERE, Budget, Entry, HeldUp, Hot, Ledger, Process, State

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

# What a process does when it works on no command.
RECOVERY: Final = -1
REBUILD: Final = -2

RERUNS_BEFORE_FORGET: Final = 1
"""Runs of a declined command that the ledger would allow, before the hot wallet is deleted; the service takes four."""

REFUND_RERUNS_MAX: Final = 1
"""Runs of a refund before its client gets no definite answer; the service takes twelve, of any
command. A refund of nothing and a charge that lives on it may chase each other."""

IDLE_PROCESS: Final = Process(IDLE, RECOVERY, 0, NOWHERE, NO_ENTRY, "", (), NO_READING, False)


def is_done(state: State) -> bool:
    """Nothing is under way."""
    for process in state.processes:
        if process.phase != IDLE:
            return False
    return not state.hot.journal


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
        state.overdue,
    )


def obeyed(state: State, number: int) -> State:
    """Mark the processes that carry a no to the same command from Redis to the client."""
    for index, process in enumerate(state.processes):
        if process.phase == CONFIRM and process.command == number and not process.overtaken:
            marked = redis.replaced(state.processes, index, process._replace(overtaken=True))
            state = state._replace(processes=marked)
    return state


def applies_in_time(held_up: HeldUp) -> bool:
    """Whether a call in the network would have Redis apply its command."""
    return held_up.call.phase == APPLY and not held_up.late


def without_marks(state: State) -> State:
    """Return the state without Redis's marks of declines.

    P5 does not need them while a call is in the network (`Steps._decline_finally`).
    """
    if not state.held_up:
        return state
    in_network = {held_up.call.command for held_up in state.held_up if applies_in_time(held_up)}
    held_up = frozenset(call._replace(declined=False) for call in state.held_up)
    return state._replace(held_up=held_up, told_no=state.told_no - in_network)


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
