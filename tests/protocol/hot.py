"""The Redis side: each function is one Lua script, atomic, from the state before to the one after."""

from __future__ import annotations

from typing import Final, TypeVar

from .records import (
    AUTHORIZE,
    CAPTURE,
    CHARGE,
    CREDIT,
    NO_ENTRY,
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
"""The same request was applied and is no longer in the journal: ask the ledger."""
REUSED: Final = "reused"
"""Another request has the key: append its entry where the journal has one, and ask the ledger."""
COLD: Final = "cold"
"""No wallet to go by: load it."""
NO_FUNDS: Final = "no funds"
NO_HOLD: Final = "no hold"
"""Declined by this rule: ask the ledger."""

# What `clean` does about an attempt that was judged.
SETTLE: Final = "settle"
DISCARD: Final = "discard"
UNDO: Final = "undo"
DROP: Final = "drop"

T = TypeVar("T")


def replaced(items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    """The tuple with one item replaced."""
    return (*items[:index], item, *items[index + 1 :])


def change_for(command: Command, hold: int) -> tuple[int, int]:
    """(amount, held_delta) that a command makes when its authorization holds `hold`."""
    kind = command.kind
    if kind == CHARGE:
        return -command.amount, 0
    if kind == CREDIT:
        return command.amount, 0
    if kind == AUTHORIZE:
        return 0, command.amount
    if kind == CAPTURE:
        released = hold if command.closing else min(command.amount, hold)
        return -command.amount, -released
    return 0, -hold


def touches_hold(command: Command) -> bool:
    """Whether the command opens, changes or closes an authorization."""
    return command.kind != CHARGE and command.kind != CREDIT


def is_cold(hot: Hot, seen: Position, safeguards: Safeguards) -> bool:
    """No wallet, a half-loaded one, one of another Redis run, or one behind what was seen."""
    wallet = hot.wallet
    if wallet is None or wallet.loading:
        return True
    if safeguards.run_id and wallet.run != hot.run:
        return True
    return safeguards.seen_position and (wallet.epoch, wallet.seq) < seen


def open_hold(hot: Hot, wallet: Wallet, authorization: int, safeguards: Safeguards) -> int | None:
    """What an authorization holds, or None when it is not open as far as Redis knows."""
    record = hot.holds[authorization]
    if record is None or (safeguards.hold_names_epoch and record.epoch != wallet.epoch):
        return None
    return record.held


def apply(hot: Hot, number: int, command: Command, seen: Position, safeguards: Safeguards) -> tuple[str, Entry, Hot]:
    """Propose a change: (reply, entry, state after).

    The entry is the one to append (PENDING), that of the other request (REUSED), the change
    refused (NO_FUNDS, NO_HOLD), or only names the attempt of the key record (KNOWN).
    """
    record = hot.keys[command.key]
    if record is not None:
        pending = hot.journal[command.key]
        if record.command != number:
            return REUSED, pending or NO_ENTRY, hot
        if pending is not None:
            return PENDING, pending, hot
        return KNOWN, Entry(number, record.epoch, record.seq, 0, 0), hot
    wallet = hot.wallet
    if wallet is None or is_cold(hot, seen, safeguards):
        return COLD, Entry(number, 0, 0, 0, 0), hot

    hold: int | None = 0
    if touches_hold(command):
        hold = open_hold(hot, wallet, command.authorization, safeguards)
        if command.kind == AUTHORIZE:
            if hold is not None:
                return KNOWN, Entry(number, 0, 0, 0, 0), hot
            hold = 0
    if hold is None:
        return NO_HOLD, Entry(number, wallet.epoch, wallet.seq, 0, 0), hot
    amount, held_delta = change_for(command, hold)
    available = wallet.balance - wallet.held + amount - held_delta
    if command.kind != CREDIT and amount - held_delta < 0 and available < wallet.floor:
        return NO_FUNDS, Entry(number, wallet.epoch, wallet.seq, amount, held_delta), hot

    entry = Entry(number, wallet.epoch, wallet.seq + 1, amount, held_delta)
    holds = hot.holds
    if touches_hold(command):
        still_open = command.kind == AUTHORIZE or (command.kind == CAPTURE and not command.closing)
        after = HotHold(wallet.epoch, hold + held_delta) if still_open else None
        holds = replaced(holds, command.authorization, after)
    after_apply = Hot(
        hot.run,
        Wallet(
            wallet.epoch,
            wallet.seq + 1,
            wallet.balance + amount,
            wallet.held + held_delta,
            wallet.floor,
            wallet.run,
        ),
        replaced(hot.keys, command.key, KeyRecord(number, entry.epoch, entry.seq, False)),
        holds,
        replaced(hot.journal, command.key, entry),
    )
    return PENDING, entry, after_apply


def names_same_attempt(record: Entry | KeyRecord | None, entry: Entry) -> bool:
    """Whether a stored record is of the attempt that the entry names."""
    return record is not None and record.epoch == entry.epoch and record.seq == entry.seq


def clean(hot: Hot, action: str, command: Command, entry: Entry, safeguards: Safeguards) -> Hot:
    """Clear away after an attempt that was judged.

    A journal entry and its key record are written and removed together, so the record speaks for both. (The script
    gives a change back only where the journal had it; the record says so already.)
    """
    key, wallet, record = command.key, hot.wallet, hot.keys[command.key]
    named = {SETTLE: safeguards.settle_names_attempt, UNDO: safeguards.undo_names_attempt}
    if named.get(action, safeguards.discard_names_attempt) and not names_same_attempt(record, entry):
        return hot
    if action == SETTLE:
        record = record and record._replace(settled=True)
        return hot._replace(keys=replaced(hot.keys, key, record), journal=replaced(hot.journal, key, None))
    if action == DROP and wallet is not None and wallet.epoch == entry.epoch:
        wallet = None
    if action == UNDO and wallet is not None and (wallet.epoch == entry.epoch or not safeguards.undo_needs_epoch):
        wallet = wallet._replace(balance=wallet.balance - entry.amount, held=wallet.held - entry.held_delta)
    return Hot(hot.run, wallet, replaced(hot.keys, key, None), hot.holds, replaced(hot.journal, key, None))


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
        wallet = Wallet(reading.epoch, 0, reading.balance, reading.held, reading.floor, hot.run, loading=True)
    holds = tuple(
        HotHold(reading.epoch, held) if held >= 0 else old
        for held, old in zip(reading.authorizations, hot.holds, strict=True)
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
    return hot._replace(wallet=Wallet(reading.epoch, 0, reading.balance, reading.held, reading.floor, hot.run))
