"""The steps of a process, each one call to Redis or Postgres, and the promises that they check (see model.py)."""

from __future__ import annotations

from collections.abc import Callable

from . import hot as redis
from . import ledger as postgres
from .phases import (
    APPEND,
    APPLY,
    BEGIN_EPOCH,
    BEGIN_LOAD,
    CLEAN_UP,
    COMPLETE_LOAD,
    CONFIRM,
    DISCARD,
    FORGET,
    IDLE_PROCESS,
    JOURNAL_APPEND,
    JOURNAL_REACT,
    LOAD,
    REBUILD,
    REFUND_RERUNS_MAX,
    RERUNS_BEFORE_FORGET,
    after_journal,
    after_load,
    applies_in_time,
    is_done,
    journal_of,
    lost_wallet,
    moved,
    obeyed,
)
from .records import (
    NO_ENTRY,
    NO_LIMIT,
    REFUND,
    Entry,
    Hot,
    Ledger,
    Position,
    Process,
    Safeguards,
    Scenario,
    State,
    require,
)


class Steps:
    """The step of a process in each phase, in one scenario under a set of safeguards."""

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

    # The steps of an attempt.

    def _apply(self, state: State, index: int, process: Process) -> State:
        number = process.command
        reply, entry, hot = redis.apply(state.hot, number, self.commands, process.seen, self.guard)
        if reply == redis.COLD:
            return moved(state, index, process._replace(phase=LOAD, entry=NO_ENTRY, verdict=""))
        state = self._answered(state, number, reply)
        if reply == redis.PENDING:
            process = process._replace(phase=APPEND, entry=entry, verdict="")
            if self.guard.settle_after_commit:
                return moved(state, index, process, hot=hot)
            return moved(state, index, process, hot=hot, settles=state.settles | {entry})
        if reply in redis.DECLINES and not self.guard.decline_confirmation:
            return self._decline(state, index, process)
        return moved(state, index, process._replace(phase=CONFIRM, entry=entry, verdict=reply))

    def _answered(self, state: State, number: int, reply: str) -> State:
        """Apply a reply of Redis to other calls: a decline marks its key, and an attempt under the key ends the mark.

        If one request is sent twice at once, one call may be declined and the other charged.
        """
        if reply == redis.PENDING:
            state = obeyed(state, number)
        elif reply not in redis.DECLINES:
            return state
        if not state.held_up:
            return state
        key, declined = self.commands[number].key, reply != redis.PENDING
        return state._replace(
            held_up=frozenset(
                held_up._replace(declined=declined)
                if applies_in_time(held_up) and self.commands[held_up.call.command].key == key
                else held_up
                for held_up in state.held_up
            )
        )

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
            return self._decline_finally(state, index, process)
        elif self.commands[process.command].kind != REFUND:
            process = process._replace(phase=DISCARD)
        elif process.reruns < REFUND_RERUNS_MAX:
            process = process._replace(phase=DISCARD, reruns=process.reruns + 1)
        return moved(state, index, process)

    def _append_one(self, state: State, ledger: Ledger, entry: Entry) -> tuple[str, Ledger]:
        verdict, after = postgres.append(ledger, entry, self.commands, self.guard)
        require(
            verdict != postgres.WRITTEN or entry.command not in state.told_no,
            "P5 true declines",
            "a command is written after its final decline, though it was not sent again",
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
        """Return the process after a round without a definite answer."""
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
            "P5 true declines",
            "a final decline of a key that is recorded",
        )
        require(
            not postgres.allows_request(state.ledger, command),
            "P5 true declines",
            "a final decline of what the ledger allows",
        )
        return self._decline_finally(state, index, IDLE_PROCESS)

    def _decline_finally(self, state: State, index: int, process: Process) -> State:
        """The client hears a final no, and remembers it. That is all of P5 but for what follows.

        What is left out is a request that is under way more than once, where the client has not waited for the one no
        before it sent the next call: another process works on it, Redis has obeyed another call of it meanwhile, or
        one is in the network that was sent after Redis had declined this one. It may be charged, after a top-up. So
        it may where a call broke off, its retry was declined, and the mark of that was lost with all that Redis had
        (`without_marks`), or to another request with the same key (in no scenario here), within the two seconds in
        which the first call may arrive.
        """
        number = state.processes[index].command
        alone = not state.processes[index].overtaken
        alone &= all(other.command != number for position, other in enumerate(state.processes) if position != index)
        alone &= state.budget.losses == self.scenario.budget.losses
        alone &= all(h.call.command != number or h.declined for h in state.held_up if applies_in_time(h))
        told_no = state.told_no | {number} if alone else state.told_no
        return moved(state, index, process, told_no=told_no)

    def _discard(self, state: State, index: int, process: Process) -> State:
        hot = self._cleaned(state.hot, ((process.entry, process.verdict),))
        after = IDLE_PROCESS
        if process.phase == DISCARD:
            after = process._replace(phase=APPLY, entry=NO_ENTRY, verdict="")
        return moved(state, index, after, hot=hot, causes=state.causes + lost_wallet(state, hot))

    def _cleaned(self, hot: Hot, judged: tuple[tuple[Entry, str], ...]) -> Hot:
        """Return the hot state after the clean-ups of attempts, which depend on the verdicts."""
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
        return self._peek_again(state, index, process, lock=True)

    def _peek_again(self, state: State, index: int, process: Process, *, lock: bool) -> State:
        """Read the wallet again after waiting for the lock: another process may have loaded it."""
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
        counted = sum(
            redis.spending(self.commands[entry.command], ledger.limit, entry.amount, entry.held_delta)
            for entry in ledger.recorded
            if entry
        )
        require(
            ledger.limit == NO_LIMIT or ledger.spent == (self.scenario.held or 0) + counted,
            "P8 limit",
            "what is spent is not the sum of the entries",
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
        require(
            (wallet.limit, wallet.spent) == (ledger.limit, ledger.spent),
            "P8 limit",
            "all is quiet, and Redis and the ledger differ in what is spent",
        )
        for number, held in enumerate(ledger.authorizations):
            hold = redis.open_hold(hot, wallet, number, self.guard)
            require(
                (None if hold is None else (hold.held, hold.captured))
                == ((held, ledger.captured[number]) if held >= 0 else None),
                "P4 conserved",
                "all is quiet, and Redis and the ledger differ in an authorization",
            )
