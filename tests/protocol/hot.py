"""The Redis side: each function is one Lua script, atomic, from the state before to the one after.

`touches_hold` kinds change an authorization record besides the wallet; for them an undo is not
computed, the wallet is dropped instead.
"""

from __future__ import annotations

from typing import Final

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
"""Applied now, or earlier and still in the journal: append this entry."""
KNOWN: Final = "known"
REUSED: Final = "reused"
COLD: Final = "cold"
DECLINED: Final = "declined"


def replaced[T](items: tuple[T, ...], index: int, item: T) -> tuple[T, ...]:
    """The tuple with one item replaced."""
    return (*items[:index], item, *items[index + 1 :])


def change_for(command: Command, hold: int) -> tuple[int, int]:
    """(amount, held_delta) that a command makes when its authorization holds `hold`."""
    if command.kind == CHARGE:
        return -command.amount, 0
    if command.kind == CREDIT:
        return command.amount, 0
    if command.kind == AUTHORIZE:
        return 0, command.amount
    if command.kind == CAPTURE:
        released = hold if command.closing else min(command.amount, hold)
        return -command.amount, -released
    return 0, -hold


def touches_hold(command: Command) -> bool:
    """Whether the command opens, changes or closes an authorization."""
    return command.kind != CHARGE and command.kind != CREDIT
