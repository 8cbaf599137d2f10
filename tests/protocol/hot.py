"""The Redis side: each function is one Lua script, atomic, from the state before to the one after."""

from __future__ import annotations

from typing import Final, TypeVar

from .records import (
    AUTHORIZE,
    CAPTURE,
    CHARGE,
    CREDIT,
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
"""Another request has the key: ask the ledger."""
COLD: Final = "cold"
"""No wallet to go by: load it."""
DECLINED: Final = "declined"
"""The rule does not hold here: ask the ledger."""

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

    The entry is the one to append (PENDING), the change refused (DECLINED), or only names the
    attempt of the key record (KNOWN, REUSED).
    """
    record = hot.keys[command.key]
    if record is not None:
        if record.command != number:
            return REUSED, Entry(record.command, record.epoch, record.seq, 0, 0), hot
        pending = hot.journal[command.key]
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
        return DECLINED, Entry(number, wallet.epoch, wallet.seq, 0, 0), hot
    amount, held_delta = change_for(command, hold)
    available = wallet.balance - wallet.held + amount - held_delta
    if command.kind != CREDIT and amount - held_delta < 0 and available < wallet.floor:
        return DECLINED, Entry(number, wallet.epoch, wallet.seq, amount, held_delta), hot

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


def settle(hot: Hot, key: int, entry: Entry, safeguards: Safeguards) -> Hot:
    """Forget the journal entry of a committed attempt; its key record may expire from now on."""
    keys, journal = hot.keys, hot.journal
    named = safeguards.settle_names_attempt
    if names_same_attempt(journal[key], entry) or not named:
        journal = replaced(journal, key, None)
    record = keys[key]
    if record is not None and (names_same_attempt(record, entry) or not named):
        keys = replaced(keys, key, record._replace(settled=True))
    return hot._replace(keys=keys, journal=journal)


def discard(hot: Hot, command: Command, entry: Entry, *, undo: bool, drop: bool, safeguards: Safeguards) -> Hot:
    """Take an attempt back: its journal entry and key record, with `undo` its change as well.

    `drop` deletes the wallet of the entry's epoch, so that it is loaded anew.
    """
    key, keys, journal, wallet = command.key, hot.keys, hot.journal, hot.wallet
    named = safeguards.discard_names_attempt
    in_journal = names_same_attempt(journal[key], entry)
    if in_journal or not named:
        journal = replaced(journal, key, None)
    if names_same_attempt(keys[key], entry) or not named:
        keys = replaced(keys, key, None)
    if undo and touches_hold(command) and safeguards.undo_spares_authorizations:
        drop = True
    elif undo and wallet is not None:
        of_epoch = wallet.epoch == entry.epoch or not safeguards.undo_needs_epoch
        if of_epoch and (in_journal or not safeguards.undo_needs_journal):
            wallet = wallet._replace(balance=wallet.balance - entry.amount, held=wallet.held - entry.held_delta)
    if drop and wallet is not None and wallet.epoch == entry.epoch:
        wallet = None
    return Hot(hot.run, wallet, keys, hot.holds, journal)


def forget(hot: Hot, key: int, attempt: Entry) -> Hot:
    """Remove the key record of an attempt that neither the journal nor the ledger knows."""
    if hot.journal[key] is None and names_same_attempt(hot.keys[key], attempt):
        return hot._replace(keys=replaced(hot.keys, key, None))
    return hot


def drop_wallet(hot: Hot, epoch: int) -> Hot:
    """Delete the wallet if it is of that epoch, so that it is loaded anew."""
    if hot.wallet is not None and hot.wallet.epoch == epoch:
        return hot._replace(wallet=None)
    return hot


def begin_load(hot: Hot, reading: Reading, safeguards: Safeguards) -> Hot | None:
    """Put up the marker of a load and write the open authorizations; None where it is too late.

    The marker is the wallet itself in the state "loading". (Many authorizations take several
    scripts; each writes only while the marker stands, so they are one step here.)
    """
    wallet = hot.wallet
    if safeguards.load_marker:
        too_late = (
            wallet is not None and wallet.run == hot.run and (wallet.epoch, not wallet.loading) >= (reading.epoch, True)
        )
        if too_late and safeguards.load_only_newer:
            return None
        wallet = Wallet(reading.epoch, 0, reading.balance, reading.held, reading.floor, hot.run, loading=True)
    holds = tuple(
        HotHold(reading.epoch, held) if held >= 0 else old
        for held, old in zip(reading.authorizations, hot.holds, strict=True)
    )
    return hot._replace(wallet=wallet, holds=holds)


def complete_load(hot: Hot, reading: Reading, safeguards: Safeguards) -> Hot | None:
    """Make the loaded wallet the one to go by; None where it must not."""
    wallet = hot.wallet
    if safeguards.load_marker:
        marker_stands = (
            wallet is not None and wallet.loading and wallet.run == hot.run and wallet.epoch == reading.epoch
        )
        allowed = marker_stands
    else:
        allowed = (
            wallet is None or wallet.run != hot.run or wallet.epoch < reading.epoch or not safeguards.load_only_newer
        )
    if not allowed:
        return None
    loaded = Wallet(reading.epoch, 0, reading.balance, reading.held, reading.floor, hot.run)
    return hot._replace(wallet=loaded)
