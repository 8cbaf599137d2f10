"""The Postgres side: each function is one transaction on the locked wallet row."""

from __future__ import annotations

from typing import Final

from .hot import DECLINES, NO_HOLD, OVER_LIMIT, change_for, is_free, passes_limit, replaced, spending
from .records import (
    ABSENT,
    AUTHORIZE,
    CAPTURE,
    CLOSED,
    INCREMENT,
    REFUND,
    VOID,
    Command,
    Entry,
    Ledger,
    Position,
    Reading,
    Safeguards,
    require,
)

# What `append` says of an entry, in order of precedence.
ALREADY: Final = "ALREADY"
KEY_REUSED: Final = "KEY_REUSED"
DUPLICATE: Final = "DUPLICATE"
STALE: Final = "STALE"
REFUSED: Final = "REFUSED"
NOT_FOUND: Final = "TRANSACTION_NOT_FOUND"
WRITTEN: Final = "WRITTEN"

# What `confirm` says of a request that Redis did not apply.
RECORDED: Final = "RECORDED"
"""The key is recorded for this request: that entry is the answer."""
BEHIND: Final = "BEHIND"
"""The hot wallet that declined was of another epoch, or saw the hold as it was before: run again."""
CONTESTED: Final = "CONTESTED"
"""The ledger would allow it; entries under way may yet forbid it: run again."""
UNRECORDED: Final = "UNRECORDED"
"""The key is not recorded after all: run again."""
FINAL: Final = "FINAL"
"""The decline is true."""


def position(ledger: Ledger) -> Position:
    """Return the ledger's position, which a command carries along."""
    return Position(ledger.epoch, ledger.last_seq)


def authorization_allows(ledger: Ledger, command: Command, held_delta: int) -> bool:
    """Whether the authorization is open, and its hold what the change takes it for."""
    if command.kind == AUTHORIZE:
        return ledger.authorizations[command.authorization] == ABSENT
    if command.kind in (INCREMENT, CAPTURE, VOID):
        hold = ledger.authorizations[command.authorization]
        if hold < 0:
            return False
        closes = command.kind == VOID or (command.kind == CAPTURE and command.closing)
        return hold == -held_delta if closes else hold >= -held_delta
    return True


def keeps_floor(ledger: Ledger, command: Command, amount: int, held_delta: int) -> bool:
    """Whether the change leaves the available balance at or above the floor, or need not."""
    return is_free(command) or amount - held_delta >= 0 or leaves_floor(ledger, amount, held_delta)


def leaves_floor(ledger: Ledger, amount: int, held_delta: int) -> bool:
    """Whether the available balance is at or above the floor after the change."""
    return ledger.balance - ledger.held + amount - held_delta >= ledger.floor


def keeps_limit(ledger: Ledger, command: Command, amount: int, held_delta: int) -> bool:
    """Whether the change leaves what is spent within the limit, or need not."""
    return not passes_limit(ledger.limit, ledger.spent, spending(command, ledger.limit, amount, held_delta))


def allows_request(ledger: Ledger, command: Command) -> bool:
    """Whether the request, computed on the ledger's own state, would be written."""
    if command.kind == REFUND:
        return False
    amount, held_delta = change_by(ledger, command)
    return (
        authorization_allows(ledger, command, held_delta)
        and keeps_floor(ledger, command, amount, held_delta)
        and keeps_limit(ledger, command, amount, held_delta)
    )


def change_by(ledger: Ledger, command: Command) -> tuple[int, int]:
    """The change that a command makes to the ledger's own hold."""
    number = command.authorization
    return change_for(command, max(ledger.authorizations[number], 0), ledger.captured[number])


def judge(ledger: Ledger, entry: Entry, commands: tuple[Command, ...], guard: Safeguards) -> str:
    """The verdict on a proposed entry."""
    command = commands[entry.command]
    recorded = ledger.recorded[command.key]
    if recorded is not None and guard.ledger_key_lookup:
        if recorded.command != entry.command:
            return KEY_REUSED
        same_attempt = (recorded.epoch, recorded.seq) == (entry.epoch, entry.seq)
        return ALREADY if same_attempt else DUPLICATE
    require(entry.epoch <= ledger.epoch, "fence", "an entry is AHEAD of the ledger")
    if entry.epoch < ledger.epoch and guard.ledger_epoch_check:
        return STALE
    if guard.ledger_authorization_check and not authorization_allows(ledger, command, entry.held_delta):
        return REFUSED
    if guard.ledger_floor_check and not keeps_floor(ledger, command, entry.amount, entry.held_delta):
        return REFUSED
    if ledger.held + entry.held_delta < 0:
        return REFUSED
    if guard.ledger_limit_check and not keeps_limit(ledger, command, entry.amount, entry.held_delta):
        return REFUSED
    return NOT_FOUND if command.kind == REFUND else WRITTEN


def write(ledger: Ledger, entry: Entry, command: Command) -> Ledger:
    """Insert the entry; P1, P2, P4 and P8 are checked here, whatever the safeguards."""
    require(ledger.recorded[command.key] is None, "P2 once", "a key has two ledger entries")
    require(
        keeps_floor(ledger, command, entry.amount, entry.held_delta),
        "P1 floor",
        "an entry takes the available balance below the floor",
    )
    require(
        keeps_limit(ledger, command, entry.amount, entry.held_delta),
        "P8 limit",
        "an entry takes what is spent above the limit",
    )
    authorizations = ledger.authorizations
    if command.kind == AUTHORIZE:
        authorizations = replaced(authorizations, command.authorization, entry.held_delta)
    elif command.kind == VOID or (command.kind == CAPTURE and command.closing):
        authorizations = replaced(authorizations, command.authorization, CLOSED)
    elif command.kind == CAPTURE or command.kind == INCREMENT:
        left = authorizations[command.authorization] + entry.held_delta
        authorizations = replaced(authorizations, command.authorization, left)
    held = ledger.held + entry.held_delta
    require(
        held == sum(hold for hold in authorizations if hold >= 0),
        "P4 conserved",
        "held is not the sum of the open authorizations",
    )
    captured = ledger.captured
    if command.kind == CAPTURE:
        captured = replaced(captured, command.authorization, captured[command.authorization] - entry.amount)
    return Ledger(
        ledger.epoch,
        max(ledger.last_seq, entry.seq),
        ledger.balance + entry.amount,
        held,
        ledger.floor,
        replaced(ledger.recorded, command.key, entry),
        authorizations,
        captured,
        ledger.limit,
        ledger.spent + spending(command, ledger.limit, entry.amount, entry.held_delta),
    )


def append(ledger: Ledger, entry: Entry, commands: tuple[Command, ...], guard: Safeguards) -> tuple[str, Ledger]:
    """Judge an entry and, if it passes, write it."""
    verdict = judge(ledger, entry, commands, guard)
    if verdict == WRITTEN:
        ledger = write(ledger, entry, commands[entry.command])
    return verdict, ledger


def confirm(ledger: Ledger, reply: str, entry: Entry, number: int, command: Command, guard: Safeguards) -> str:
    """Return the ledger's verdict on a request that Redis declined, or found known or reused."""
    recorded = ledger.recorded[command.key] if guard.ledger_key_lookup else None
    if recorded is not None:
        return RECORDED if recorded.command == number else KEY_REUSED
    if reply not in DECLINES:
        return UNRECORDED
    require(entry.epoch <= ledger.epoch, "fence", "a decline is AHEAD of the ledger")
    if entry.epoch != ledger.epoch:
        return BEHIND
    if reply == NO_HOLD:
        return CONTESTED if ledger.authorizations[command.authorization] >= 0 else FINAL
    amount, held_delta = entry.amount, entry.held_delta
    hold_as_seen = command.kind == CAPTURE or command.kind == INCREMENT
    anew = guard.decline_by_ledgers_hold if command.kind == CAPTURE else guard.increment_by_ledgers_hold
    if hold_as_seen and anew and ledger.authorizations[command.authorization] >= 0:
        amount, held_delta = change_by(ledger, command)
        hold_as_seen = False
    if hold_as_seen and entry.seq < ledger.last_seq:
        return BEHIND
    if reply == OVER_LIMIT:
        delta = spending(command, ledger.limit, amount, held_delta)
        passed = ledger.spent + delta > ledger.limit and (delta > 0 or not guard.limit_spares_what_frees)
        return FINAL if passed else BEHIND if hold_as_seen else CONTESTED
    allowed = keeps_floor(ledger, command, amount, held_delta)
    if allowed if guard.decline_spares_what_frees else leaves_floor(ledger, amount, held_delta):
        return CONTESTED
    return FINAL


def begin_epoch(ledger: Ledger, floor_raise: int = 0) -> Ledger:
    """Fence off every entry proposed so far: a load, or a change of settings."""
    return ledger._replace(epoch=ledger.epoch + 1, last_seq=0, floor=ledger.floor + floor_raise)


def read(ledger: Ledger) -> Reading:
    """Return the state that a load writes to Redis."""
    return Reading(
        ledger.epoch,
        ledger.balance,
        ledger.held,
        ledger.floor,
        ledger.authorizations,
        ledger.captured,
        ledger.limit,
        ledger.spent,
    )
