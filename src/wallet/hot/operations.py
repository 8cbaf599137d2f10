"""Commands as scripts/apply.lua takes them."""

import msgspec

from wallet.domain.commands import Command, Kind, Unpriced

encode_command = msgspec.msgpack.Encoder().encode
"""Returns a command's bytes for the journal."""

OPERATIONS = {
    Kind.CHARGE: "CHARGE",
    Kind.TOP_UP: "MOVE",
    Kind.ADJUSTMENT: "MOVE",
    Kind.REFUND: "MOVE",
    Kind.AUTHORIZATION: "AUTHORIZE",
    Kind.INCREMENT: "INCREMENT",
    Kind.CAPTURE: "CAPTURE",
    Kind.VOID: "VOID",
    Kind.EXPIRY: "EXPIRE",
}
ON_HOLD = frozenset({"AUTHORIZE", "INCREMENT", "CAPTURE", "CAPTURE_ON", "VOID", "EXPIRE", "UNOPENED"})
"""The operations with the key of an authorization."""
WITH_USAGE = frozenset({"CHARGE", "CAPTURE_LATE", "UNPRICED", "UNPRICED_CAPTURE", "AUTHORIZE", "CAPTURE", "CAPTURE_ON"})
"""The operations with a usage."""


def operation_of(command: Command) -> str:
    """Return the operation of scripts/apply.lua that applies a command."""
    if command.unpriced is Unpriced.UNOPENED:
        return "UNOPENED"
    if command.unpriced:
        return "UNPRICED_CAPTURE" if command.kind is Kind.CAPTURE else "UNPRICED"
    operation = OPERATIONS[command.kind]
    if command.late:
        return "CAPTURE_LATE"
    if operation == "MOVE" and command.checked:
        return "MOVE_CHECKED"
    if command.keep_open:
        return "CAPTURE_ON"
    return operation


def signed_amount(command: Command) -> int:
    """Return the amount for the script in micros, with its sign: MOVE and CHARGE add it to the balance as it is."""
    return -command.amount if command.kind is Kind.CHARGE or command.late else command.amount
