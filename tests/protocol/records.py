"""The state of the stores, the processes and the world: the whole state of the model, as tuples.

One company is modelled. Commands, idempotency keys and authorizations are small numbers, so a
tuple indexed by them stands for a Redis hash or a Postgres table. Everything is immutable and
hashable: a state is its own identity.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, NamedTuple

CHARGE: Final = "charge"
CREDIT: Final = "credit"
REFUND: Final = "refund"
"""Of a transaction that there is not: Redis adds it, and only the ledger knows better."""
AUTHORIZE: Final = "authorize"
INCREMENT: Final = "increment"
CAPTURE: Final = "capture"
VOID: Final = "void"

# An authorization in the ledger: its hold (zero or more) while it is open, or one of these.
ABSENT: Final = -1
CLOSED: Final = -2

NO_LIMIT: Final = -1
"""A wallet without a spend limit, whose counter stays at 0."""


class Command(NamedTuple):
    """A request as sent. Two commands with one key differ in fingerprint: the key is reused."""

    name: str
    kind: str
    amount: int
    """Charged, credited, held or captured, or the new total of an authorization; never negative."""
    key: int
    authorization: int = 0
    closing: bool = True
    """A capture that frees the rest of the hold."""
    submissions: int = 1
    """How often clients may send it: at once, after no answer, or even after an answer."""


class Position(NamedTuple):
    """A point in a wallet's history: which load of it, and how many changes since."""

    epoch: int
    seq: int


class Entry(NamedTuple):
    """A change that Redis proposes; (epoch, seq) names the attempt."""

    command: int
    epoch: int
    seq: int
    amount: int
    held_delta: int


class Wallet(NamedTuple):
    """The hot wallet hash."""

    epoch: int
    seq: int
    balance: int
    held: int
    floor: int
    run: int
    """The Redis process that it was loaded into."""
    limit: int
    """The most that may be spent in the one window that there is, or NO_LIMIT."""
    spent: int
    loading: bool = False
    """A load of this epoch has begun here and is not done: as good as no wallet."""


class KeyRecord(NamedTuple):
    """Redis's record of an idempotency key, for an hour: a fingerprint (here the command) and the attempt."""

    command: int
    epoch: int
    seq: int


class HotHold(NamedTuple):
    """An open authorization as Redis knows it; one of another epoch than the wallet is absent."""

    epoch: int
    held: int
    captured: int


class Hot(NamedTuple):
    """Redis."""

    run: int
    wallet: Wallet | None
    keys: tuple[KeyRecord | None, ...]
    holds: tuple[HotHold | None, ...]
    journal: tuple[Entry, ...]
    """Applied, and not known to be settled; by attempt, so two attempts of one key may be here."""


class Ledger(NamedTuple):
    """Postgres. Numbers of entries are left out: they are the order of commits."""

    epoch: int
    last_seq: int
    balance: int
    held: int
    floor: int
    recorded: tuple[Entry | None, ...]
    """By key: the entry that was committed under it."""
    authorizations: tuple[int, ...]
    captured: tuple[int, ...]
    """By authorization: captured from it so far."""
    limit: int
    spent: int


class Reading(NamedTuple):
    """The state that a load read in the transaction that began its epoch."""

    epoch: int
    balance: int
    held: int
    floor: int
    authorizations: tuple[int, ...]
    captured: tuple[int, ...]
    limit: int
    spent: int


class Process(NamedTuple):
    """The state of one process; `phase` names its next step (see model.py)."""

    phase: str
    command: int
    reruns: int
    seen: Position
    entry: Entry
    verdict: str
    batch: tuple[tuple[Entry, str], ...]
    reading: Reading
    lock: bool
    overtaken: bool = False
    """Redis has obeyed another call of the command since it declined this one."""


class Budget(NamedTuple):
    """How often each fault may still happen."""

    flushes: int = 0
    copies: int = 0
    """Redis is replaced by a copy of itself from earlier."""
    crashes: int = 0
    """A process crashes, or gives up: its attempt ends without an answer."""
    expiries: int = 0
    """A key record reaches its TTL, which starts when it is made: its entry may still be in the journal."""
    losses: int = 0
    """The same at any moment. Nothing in the service does it, and no decline is held to be honest after it."""
    floor_raises: int = 0
    rebuilds: int = 0
    """An operator has a warm wallet loaded anew."""
    lost_locks: int = 0
    """A loader's connection to Postgres dies, and the lock with it, and the loader writes on; or a loader that waits
    for it gives up and loads without it."""
    delays: int = 0
    """A call is delayed in the network: its sender continues without an answer, and it runs later, or never."""


class HeldUp(NamedTuple):
    """A call that is still in the network, although its caller no longer waits for it."""

    call: Process
    """As it was when it sent the call."""
    late: bool = False
    """It is past the time after which its script must apply nothing."""
    declined: bool = False
    """Redis has declined its key since it was sent, and has the mark of that. A mark outlives every call that it is
    meant for, and means nothing to those sent later: so it is kept with the calls, not with the keys."""


class State(NamedTuple):
    """Everything, and what the client is owed."""

    hot: Hot
    ledger: Ledger
    processes: tuple[Process, ...]
    settles: frozenset[Entry]
    """Committed, and not yet settled by the process that knows."""
    copy: Hot | None
    budget: Budget
    unsent: tuple[int, ...]
    """By command: how often it may still be sent."""
    told_no: frozenset[int]
    """Commands whose last word to the client was a final decline, with nothing under way."""
    causes: int
    """Events that made the wallet cold and were not yet answered by a load."""
    held_up: frozenset[HeldUp] = frozenset()
    overdue: frozenset[Entry] = frozenset()
    """Entries that were in the journal until their key records expired: Postgres was away for an hour."""


class Scenario(NamedTuple):
    """Commands that clients send to a wallet, and how much may go wrong meanwhile."""

    name: str
    commands: tuple[Command, ...]
    balance: int
    budget: Budget
    held: int | None = None
    """The hold of authorization 0 where it is open from the start."""
    floor: int = 0
    limit: int = NO_LIMIT
    """The most that may be spent; an authorization that is open from the start counts, and may exceed it already."""
    processes: int = 2


NO_ENTRY: Final = Entry(-1, 0, 0, 0, 0)
NO_READING: Final = Reading(0, 0, 0, 0, (), (), NO_LIMIT, 0)
NOWHERE: Final = Position(0, 0)


class Action(NamedTuple):
    """One transition: what happened, to which process and command."""

    name: str
    process: int = -1
    command: int = -1
    by_protocol: bool = False
    """A step that processes take by themselves, sooner or later."""


class BrokenPromise(Exception):
    """A property does not hold; `promise` is its short name."""

    def __init__(self, promise: str, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise
        self.action: Action | None = None
        """The step that broke it, unless the state as such does."""


def require(holds: bool, promise: str, what: str) -> None:
    """Raise BrokenPromise unless the property holds."""
    if not holds:
        raise BrokenPromise(promise, what)


@dataclass(frozen=True, slots=True)
class Safeguards:
    """Each mechanism that the promises lean on; a test takes them out one by one."""

    ledger_floor_check: bool = True
    """Postgres checks the floor again."""
    ledger_authorization_check: bool = True
    """Postgres checks again that the authorization is open and its hold large enough."""
    ledger_limit_check: bool = True
    """Postgres checks the spend limit again."""
    ledger_key_lookup: bool = True
    """Postgres looks the key up before it writes."""
    ledger_epoch_check: bool = True
    """An entry of an older epoch than the ledger's is STALE."""
    decline_confirmation: bool = True
    """No decline is final before the ledger was asked."""
    decline_by_ledgers_hold: bool = True
    """A capture's cost is judged by the ledger's hold, not by the one that Redis saw."""
    increment_by_ledgers_hold: bool = True
    """An increment's cost is judged by the ledger's hold, not by the one that Redis saw."""
    decline_spares_what_frees: bool = True
    """A command that releases at least what it takes, by the ledger's hold, may be below the floor."""
    limit_spares_what_frees: bool = True
    """The same for a limit that is passed already, since it was lowered."""
    settle_after_commit: bool = True
    """A settle waits for the commit."""
    journal_keeps_attempts: bool = True
    """Another attempt of a key stands in the journal beside the first, not in its place."""
    settle_names_attempt: bool = True
    """A settle takes only the attempt that it names from the journal."""
    discard_names_attempt: bool = True
    """A discard takes only the attempt that it names from the journal, with or without the wallet."""
    undo_names_attempt: bool = True
    """An undo takes only the attempt that it names from the journal."""
    undo_once: bool = True
    """A change is given back only where the attempt still stood."""
    undo_needs_epoch: bool = True
    """A change is given back only to a wallet of the entry's epoch."""
    undo_spares_authorizations: bool = True
    """A change that touched an authorization is undone by dropping the wallet."""
    undo_drops_counters: bool = True
    """A change that a spend limit counted is undone by dropping the wallet."""
    refused_drops_wallet: bool = True
    """A wallet that let a refused entry pass is dropped."""
    load_lock: bool = True
    """One process at a time loads the wallet."""
    load_marker: bool = True
    """A load first puts up a marker, and completes only what still carries it."""
    load_only_newer: bool = True
    """A load does not write over a newer epoch."""
    hold_names_epoch: bool = True
    """An authorization in Redis counts only for the epoch that it was loaded in."""
    run_id: bool = True
    """A wallet loaded into another Redis process is cold."""
    seen_position: bool = True
    """A command that saw the ledger ahead of the hot wallet has it loaded anew."""
    not_after: bool = True
    """A call that runs when its sender has given it up applies nothing."""
    decline_marks: bool = True
    """A declined key keeps a mark, and a call that was sent before it applies nothing."""
    recovery_first: bool = True
    """A process that finds Postgres back recovers the journal before it accepts commands."""

    @classmethod
    def names(cls) -> list[str]:
        """Every safeguard, in the order above."""
        return [field.name for field in fields(cls)]
