"""The Redis side: each function is one Lua script, atomic, from the state before to the one after."""

from __future__ import annotations

from typing import Final, TypeVar

from .records import (
    AUTHORIZE,
    CAPTURE,
    CHARGE,
    CREDIT,
    INCREMENT,
    NO_LIMIT,
    REFUND,
    Command,
    Entry,
    Hot,
    HotHold,
    KeyRecord,
    Position,
    Reading,
    Safeguards,
    Wallet,
)

# Replies of `apply`.
PENDING: Final = "pending"
"""Applied, now or earlier, and in the journal: append this entry."""
KNOWN: Final = "known"
"""The key is of an attempt that is no longer in the journal, or has no name: the ledger must decide."""
REUSED: Final = "reused"
"""Another request has the key: append its entry from the journal, and ask the ledger."""
COLD: Final = "cold"
"""No wallet to go by: load it."""
LATE: Final = "late"
"""Its caller no longer waits: nothing was read."""
NO_FUNDS: Final = "no funds"
OVER_LIMIT: Final = "over the spend limit"
NO_HOLD: Final = "no hold"
"""Declined by this rule: ask the ledger."""
DECLINES: Final = (NO_FUNDS, OVER_LIMIT, NO_HOLD)

# What `clean` does about an attempt that was judged.
SETTLE: Final = "settle"
DISCARD: Final = "discard"
UNDO: Final = "undo"
DROP: Final = "drop"

T = TypeVar("T")


def replaced(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    """The tuple with one item replaced."""
    return (*items[:index], item, *items[index + 1 :])


def change_for(command: Command, hold: int, captured: int) -> tuple[int, int]:
    """(amount, held_delta) that a command makes when its authorization holds `hold`, with `captured` taken before."""
    kind = command.kind
    if kind == CHARGE:
        return -command.amount, 0
    if kind in (CREDIT, REFUND):
        return command.amount, 0
    if kind == AUTHORIZE:
        return 0, command.amount
    if kind == INCREMENT:
        return 0, max(0, command.amount - captured) - hold
    if kind == CAPTURE:
        released = hold if command.closing else min(command.amount, hold)
        return -command.amount, -released
    return 0, -hold


def touches_hold(command: Command) -> bool:
    """Whether the command opens, changes or closes an authorization."""
    return command.kind != CHARGE and not is_free(command)


def is_free(command: Command) -> bool:
    """Whether the command may leave the balance below the floor."""
    return command.kind == CREDIT or command.kind == REFUND


def spending(command: Command, limit: int, amount: int, held_delta: int) -> int:
    """Return what a change adds to the counter of a spend limit: 0 for credits, and if there is no limit."""
    return 0 if limit == NO_LIMIT or is_free(command) else held_delta - amount


def passes_limit(limit: int, spent: int, delta: int) -> bool:
    """Whether a spending would pass the limit. What frees something may be above it."""
    return limit != NO_LIMIT and delta > 0 and spent + delta > limit


def is_cold(hot: Hot, seen: Position, safeguards: Safeguards) -> bool:
    """No wallet, a half-loaded one, one of another Redis run, or one behind what was seen."""
    wallet = hot.wallet
    if wallet is None or wallet.loading:
        return True
    if safeguards.run_id and wallet.run != hot.run:
        return True
    return safeguards.seen_position and (wallet.epoch, wallet.seq) < seen


def open_hold(hot: Hot, wallet: Wallet, authorization: int, safeguards: Safeguards) -> HotHold | None:
    """An authorization, or None when it is not open as far as Redis knows."""
    record = hot.holds[authorization]
    if record is None or (safeguards.hold_names_epoch and record.epoch != wallet.epoch):
        return None
    return record


def journaled(hot: Hot, attempt: Entry | KeyRecord) -> Entry | None:
    """The journal's field of an attempt."""
    for entry in hot.journal:
        if entry.epoch == attempt.epoch and entry.seq == attempt.seq:
            return entry
    return None


def apply(
    hot: Hot, number: int, commands: tuple[Command, ...], seen: Position, safeguards: Safeguards, *, late: bool = False
) -> tuple[str, Entry, Hot]:
    """Propose a change: (reply, entry, state after).

    The entry is the one to append (PENDING), that of the other request (REUSED), the change
    refused (NO_FUNDS, OVER_LIMIT, NO_HOLD), or only names the attempt of the key record (KNOWN).
    """
    command = commands[number]
    nameless = Entry(number, 0, 0, 0, 0)
    if late and safeguards.not_after:
        return LATE, nameless, hot
    record = hot.keys[command.key]
    if record is not None:
        pending = journaled(hot, record)
        if pending is None:
            return KNOWN, Entry(number, record.epoch, record.seq, 0, 0), hot
        return REUSED if record.command != number else PENDING, pending, hot
    wallet = hot.wallet
    if wallet is None or is_cold(hot, seen, safeguards):
        return COLD, nameless, hot

    hold = HotHold(wallet.epoch, 0, 0)
    if touches_hold(command):
        found = open_hold(hot, wallet, command.authorization, safeguards)
        if command.kind == AUTHORIZE:
            if found is not None:
                return KNOWN, nameless, hot
        elif found is None:
            return NO_HOLD, Entry(number, wallet.epoch, wallet.seq, 0, 0), hot
        else:
            hold = found
    amount, held_delta = change_for(command, hold.held, hold.captured)
    spent = spending(command, wallet.limit, amount, held_delta)
    if passes_limit(wallet.limit, wallet.spent, spent):
        return OVER_LIMIT, Entry(number, wallet.epoch, wallet.seq, amount, held_delta), hot
    available = wallet.balance - wallet.held + amount - held_delta
    if not is_free(command) and amount - held_delta < 0 and available < wallet.floor:
        return NO_FUNDS, Entry(number, wallet.epoch, wallet.seq, amount, held_delta), hot

    entry = Entry(number, wallet.epoch, wallet.seq + 1, amount, held_delta)
    holds = hot.holds
    if touches_hold(command):
        still_open = command.kind in (AUTHORIZE, INCREMENT) or (command.kind == CAPTURE and not command.closing)
        after = HotHold(wallet.epoch, hold.held + held_delta, hold.captured - amount) if still_open else None
        holds = replaced(holds, command.authorization, after)
    # A field that is there already is written over, as by HSET. (None is, while a wallet bears its run.)
    kept = [
        other
        for other in hot.journal
        if (other.epoch, other.seq) != (entry.epoch, entry.seq)
        and (safeguards.journal_keeps_attempts or commands[other.command].key != command.key)
    ]
    after_apply = Hot(
        hot.run,
        wallet._replace(
            seq=entry.seq,
            balance=wallet.balance + amount,
            held=wallet.held + held_delta,
            spent=wallet.spent + spent,
        ),
        replaced(hot.keys, command.key, KeyRecord(number, entry.epoch, entry.seq)),
        holds,
        tuple(sorted((*kept, entry), key=lambda other: (other.epoch, other.seq))),
    )
    return PENDING, entry, after_apply


def without(hot: Hot, entry: Entry, commands: tuple[Command, ...], *, named: bool) -> tuple[Entry, ...]:
    """The journal without an attempt; where it is not named, without any attempt of its key."""
    if named:
        return tuple(other for other in hot.journal if (other.epoch, other.seq) != (entry.epoch, entry.seq))
    key = commands[entry.command].key
    return tuple(other for other in hot.journal if commands[other.command].key != key)


def clean(hot: Hot, action: str, entry: Entry, commands: tuple[Command, ...], safeguards: Safeguards) -> Hot:
    """Clear away after an attempt that was judged.

    No promise needs it that the record of another attempt stays, or that a drop asks whether the attempt stood (both
    tried): they spare a second attempt and a load.
    """
    if action == SETTLE:
        return hot._replace(journal=without(hot, entry, commands, named=safeguards.settle_names_attempt))
    key, wallet, record = commands[entry.command].key, hot.wallet, hot.keys[commands[entry.command].key]
    recorded = record is not None and (record.epoch, record.seq) == (entry.epoch, entry.seq)
    keys = replaced(hot.keys, key, None) if recorded else hot.keys
    named = safeguards.undo_names_attempt if action == UNDO else safeguards.discard_names_attempt
    journal = without(hot, entry, commands, named=named)
    was_journaled = len(journal) < len(hot.journal)
    of_epoch = wallet is not None and wallet.epoch == entry.epoch
    if action == DROP and of_epoch and (recorded or was_journaled):
        wallet = None
    undone = (was_journaled or not safeguards.undo_once) and (of_epoch or not safeguards.undo_needs_epoch)
    if action == UNDO and undone and wallet is not None and wallet.limit != NO_LIMIT and safeguards.undo_drops_counters:
        wallet = None
    elif action == UNDO and undone and wallet is not None:
        wallet = wallet._replace(balance=wallet.balance - entry.amount, held=wallet.held - entry.held_delta)
    return Hot(hot.run, wallet, keys, hot.holds, journal)


def forget_wallet(hot: Hot, epoch: int) -> Hot:
    """Delete the wallet if it is of that epoch, so that it is loaded anew."""
    if hot.wallet is not None and hot.wallet.epoch == epoch:
        return hot._replace(wallet=None)
    return hot


def begin_load(hot: Hot, reading: Reading, safeguards: Safeguards) -> Hot | None:
    """Put up the marker of a load in the wallet's place, and write the open authorizations; None where it is too late.

    Many authorizations take several scripts; each writes only where the marker stands, so they are one step here.
    """
    wallet = hot.wallet
    stands = wallet is not None and wallet.run == hot.run and wallet.epoch >= reading.epoch
    if stands and safeguards.load_only_newer:
        return None
    if safeguards.load_marker:
        wallet = loaded(hot, reading)._replace(loading=True)
    holds = tuple(
        HotHold(reading.epoch, held, captured) if held >= 0 else old
        for held, captured, old in zip(reading.authorizations, reading.captured, hot.holds, strict=True)
    )
    return hot._replace(wallet=wallet, holds=holds)


def complete_load(hot: Hot, reading: Reading, safeguards: Safeguards) -> Hot | None:
    """Write the wallet, last; None where it must not be."""
    wallet = hot.wallet
    if safeguards.load_marker:
        allowed = wallet is not None and (wallet.run, wallet.epoch, wallet.loading) == (hot.run, reading.epoch, True)
    else:
        stands = wallet is not None and wallet.run == hot.run and wallet.epoch >= reading.epoch
        allowed = not (stands and safeguards.load_only_newer)
    if not allowed:
        return None
    return hot._replace(wallet=loaded(hot, reading))


def loaded(hot: Hot, reading: Reading) -> Wallet:
    """The wallet as a load has read it."""
    return Wallet(
        reading.epoch,
        0,
        reading.balance,
        reading.held,
        reading.floor,
        hot.run,
        reading.limit,
        reading.spent,
    )
