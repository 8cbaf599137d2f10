"""Small scenarios of commands and faults, each about one danger."""

from __future__ import annotations

from typing import Final

from .records import AUTHORIZE, CAPTURE, CHARGE, CREDIT, INCREMENT, REFUND, VOID, Budget, Command, Scenario

CHARGE_A: Final = Command("charge A", CHARGE, 4, key=0)
CREDIT_B: Final = Command("credit B", CREDIT, 3, key=1)
CHARGE_C: Final = Command("charge C", CHARGE, 4, key=2)
REFUND_F: Final = Command("refund F of nothing", REFUND, 3, key=1)
SMALL_S: Final = Command("charge S", CHARGE, 1, key=1)

FIRST_WITH_KEY: Final = Command("charge R", CHARGE, 2, key=0)
OTHER_WITH_KEY: Final = Command("charge R'", CHARGE, 3, key=0)

# One authorization, of 4 or 5; opened by H or open from the start.
AUTHORIZE_H: Final = Command("authorize H", AUTHORIZE, 4, key=0)
CAPTURE_K: Final = Command("capture K", CAPTURE, 3, key=1)
VOID_V: Final = Command("void V", VOID, 0, key=2)
PARTIAL_P: Final = Command("partial capture P", CAPTURE, 2, key=1, closing=False)
EXCESS_O: Final = Command("capture O beyond the hold", CAPTURE, 5, key=2)
LESS_L: Final = Command("increment L to less", INCREMENT, 2, key=0)
EQUAL_E: Final = Command("increment E to the same", INCREMENT, 4, key=2)
MORE_M: Final = Command("increment M to more", INCREMENT, 6, key=2)

# Another authorization, beside the open one.
AUTHORIZE_G: Final = Command("authorize G", AUTHORIZE, 2, key=0, authorization=1)
CAPTURE_G: Final = Command("capture G", CAPTURE, 2, key=1, authorization=1)


def sent(times: int, command: Command) -> Command:
    """The command, sent several times by clients that did not believe the answer."""
    return command._replace(submissions=times)


# Explored in full by `make test`.
SCENARIOS: Final = (
    Scenario(
        "a charge that a credit pays for, a crash",
        (CHARGE_A, CREDIT_B, CHARGE_C),
        balance=5,
        budget=Budget(crashes=1),
    ),
    Scenario(
        "retries, a flush, a crash, an expired key",
        (sent(2, CHARGE_A), CREDIT_B),
        balance=5,
        budget=Budget(flushes=1, crashes=1, expiries=1),
    ),
    Scenario(
        "retries, a stale copy",
        (sent(2, CHARGE_A), CREDIT_B),
        balance=5,
        budget=Budget(copies=1),
    ),
    Scenario(
        "retries of one charge, every misfortune of Redis",
        (sent(2, CHARGE_A),),
        balance=5,
        budget=Budget(flushes=1, copies=1, crashes=1, expiries=1),
    ),
    Scenario(
        "a reused key",
        (FIRST_WITH_KEY, OTHER_WITH_KEY, CREDIT_B),
        balance=5,
        budget=Budget(flushes=1, crashes=1),
    ),
    Scenario(
        "a reused key, retried",
        (sent(2, FIRST_WITH_KEY), OTHER_WITH_KEY),
        balance=5,
        budget=Budget(flushes=1, crashes=1, expiries=1),
    ),
    Scenario(
        "authorize and capture, retried",
        (sent(2, AUTHORIZE_H), CAPTURE_K),
        balance=9,
        budget=Budget(flushes=1, crashes=1),
    ),
    Scenario(
        "authorize again after the key expired",
        (sent(2, AUTHORIZE_H), CAPTURE_K),
        balance=9,
        budget=Budget(crashes=1, expiries=1),
    ),
    Scenario(
        "authorize, capture or void",
        (AUTHORIZE_H, CAPTURE_K, VOID_V),
        balance=9,
        budget=Budget(crashes=1),
    ),
    Scenario(
        "a capture after a void, from a stale copy",
        (CAPTURE_K, VOID_V),
        balance=5,
        held=4,
        budget=Budget(copies=1, crashes=1),
    ),
    Scenario(
        "two authorizations",
        (AUTHORIZE_G, CAPTURE_G),
        balance=9,
        held=4,
        budget=Budget(crashes=1, rebuilds=1),
    ),
    Scenario(
        "captures in part and beyond the hold",
        (sent(2, PARTIAL_P), EXCESS_O),
        balance=6,
        held=5,
        budget=Budget(flushes=1, crashes=1, expiries=1),
    ),
    Scenario(
        "the floor is raised",
        (sent(2, CHARGE_A), CREDIT_B),
        balance=5,
        budget=Budget(floor_raises=1, crashes=1),
    ),
    Scenario(
        "a rebuild, an expired key",
        (sent(2, CHARGE_A), CREDIT_B),
        balance=9,
        budget=Budget(rebuilds=1, expiries=1),
    ),
    Scenario(
        "a load that lost its lock",
        (CHARGE_A, CHARGE_C),
        balance=13,
        held=4,
        budget=Budget(flushes=1, lost_locks=1),
    ),
    Scenario(
        "a load that is flushed, a call that is held up",
        (CAPTURE_K, CHARGE_C),
        balance=13,
        held=4,
        budget=Budget(flushes=1, delays=1),
    ),
    Scenario(
        "a call that is held up, and a retry",
        (sent(2, CHARGE_A), CREDIT_B),
        balance=2,
        budget=Budget(delays=1),
    ),
    Scenario(
        "a call that is held up, and an expired key",
        (sent(2, CHARGE_A),),
        balance=5,
        budget=Budget(flushes=1, delays=1, crashes=1, expiries=1),
    ),
    Scenario(
        "a key that expires before its entry is judged",
        (sent(2, CHARGE_A), CREDIT_B),
        balance=2,
        budget=Budget(crashes=1, expiries=1),
    ),
    Scenario(
        "a key that is lost while its entry is in the journal",
        (sent(2, CHARGE_A),),
        balance=5,
        budget=Budget(flushes=1, copies=1, crashes=1, losses=1),
    ),
    Scenario(
        "a capture in part, below the floor",
        (sent(2, PARTIAL_P), CAPTURE_K._replace(key=0)),
        balance=4,
        held=4,
        floor=2,
        budget=Budget(flushes=1, crashes=1),
    ),
    Scenario(
        "increments",
        (LESS_L, SMALL_S, MORE_M),
        balance=6,
        held=4,
        budget=Budget(crashes=1),
    ),
    Scenario(
        "a refund of nothing",
        (sent(2, REFUND_F), CHARGE_A),
        balance=2,
        budget=Budget(crashes=1, expiries=1),
    ),
    Scenario(
        "a spend limit, and a void that makes room",
        (VOID_V, CHARGE_A, CHARGE_C),
        balance=20,
        held=4,
        limit=6,
        budget=Budget(flushes=1),
    ),
    Scenario(
        "a spend limit, an expired key",
        (sent(2, CHARGE_A), CREDIT_B),
        balance=9,
        limit=8,
        budget=Budget(flushes=1, crashes=1, expiries=1),
    ),
    Scenario(
        "a spend limit that is passed already",
        (LESS_L, EQUAL_E),
        balance=9,
        held=4,
        limit=3,
        budget=Budget(flushes=1, crashes=1),
    ),
    Scenario(
        "a rebuild that dies",
        (sent(2, CAPTURE_K),),
        balance=9,
        held=4,
        budget=Budget(rebuilds=1, crashes=1),
    ),
    Scenario(
        "three processes",
        (CHARGE_A, CREDIT_B),
        balance=2,
        budget=Budget(flushes=1, crashes=1),
        processes=3,
    ),
)

# For `python -m tests.protocol`: minutes and gigabytes.
DEEP: Final = (
    Scenario(
        "charges, one that a credit pays for",
        (CHARGE_A, CREDIT_B, CHARGE_C),
        balance=5,
        budget=Budget(flushes=1),
    ),
    Scenario(
        "charges",
        (sent(2, CHARGE_A), CREDIT_B),
        balance=5,
        budget=Budget(flushes=1, copies=1, crashes=1, expiries=1),
    ),
    Scenario(
        "two of each",
        (sent(2, CHARGE_A),),
        balance=5,
        budget=Budget(flushes=2, copies=2, crashes=2, expiries=2),
    ),
    Scenario(
        "reused key",
        (sent(2, FIRST_WITH_KEY), OTHER_WITH_KEY),
        balance=5,
        budget=Budget(flushes=1, copies=1, crashes=1, expiries=1),
    ),
    Scenario(
        "authorize",
        (sent(2, AUTHORIZE_H), CAPTURE_K),
        balance=9,
        budget=Budget(flushes=1, copies=1, crashes=1, expiries=1),
    ),
    Scenario(
        "void",
        (CAPTURE_K, sent(2, VOID_V)),
        balance=9,
        held=4,
        budget=Budget(flushes=1, copies=1, crashes=1),
    ),
    Scenario(
        "void and charge",
        (CAPTURE_K, VOID_V, CHARGE_A),
        balance=9,
        held=4,
        budget=Budget(flushes=1, copies=1),
    ),
    Scenario(
        "captures",
        (sent(2, PARTIAL_P), EXCESS_O),
        balance=6,
        held=5,
        budget=Budget(flushes=1, copies=1, crashes=1, expiries=1),
    ),
    Scenario(
        "settings",
        (sent(2, CHARGE_A), CREDIT_B),
        balance=5,
        budget=Budget(crashes=1, expiries=1, floor_raises=1, rebuilds=1),
    ),
    Scenario(
        "loads",
        (sent(2, CAPTURE_K),),
        balance=9,
        held=4,
        budget=Budget(flushes=1, crashes=1, expiries=1, rebuilds=1, lost_locks=1, delays=1),
    ),
    Scenario(
        "held up",
        (sent(2, CHARGE_A), CREDIT_B),
        balance=2,
        budget=Budget(flushes=1, crashes=1, expiries=1, delays=1),
    ),
    Scenario(
        "held up twice",
        (sent(2, CHARGE_A),),
        balance=5,
        budget=Budget(copies=1, crashes=1, expiries=1, delays=2),
    ),
    Scenario(
        "lost keys",
        (sent(2, CHARGE_A), CREDIT_B),
        balance=5,
        budget=Budget(flushes=1, copies=1, crashes=1, losses=1),
    ),
    Scenario(
        "lost keys of captures",
        (sent(2, PARTIAL_P), EXCESS_O),
        balance=6,
        held=5,
        budget=Budget(flushes=1, crashes=1, losses=1),
    ),
    Scenario(
        "increments and captures",
        (LESS_L, PARTIAL_P, MORE_M),
        balance=8,
        held=4,
        budget=Budget(flushes=1, crashes=1),
    ),
    Scenario(
        "refunds",
        (sent(2, REFUND_F), CHARGE_A),
        balance=2,
        budget=Budget(flushes=1, crashes=1, expiries=1, delays=1),
    ),
    Scenario(
        "loads and copies",
        (CAPTURE_K, CHARGE_C),
        balance=13,
        held=4,
        budget=Budget(copies=1, expiries=1, lost_locks=1, delays=1),
    ),
    Scenario(
        "floor",
        (sent(2, CHARGE_A), CREDIT_B, CHARGE_C),
        balance=5,
        budget=Budget(crashes=1, rebuilds=1),
    ),
    Scenario(
        "spend limit",
        (sent(2, PARTIAL_P), EXCESS_O),
        balance=20,
        held=5,
        limit=6,
        budget=Budget(flushes=1, copies=1, crashes=1, expiries=1),
    ),
    Scenario(
        "spend limit that is passed already",
        (LESS_L, EQUAL_E, SMALL_S),
        balance=9,
        held=4,
        limit=3,
        budget=Budget(flushes=1, crashes=1, floor_raises=1),
    ),
    Scenario(
        "three processes, charges",
        (sent(2, CHARGE_A), CREDIT_B, CHARGE_C),
        balance=5,
        budget=Budget(),
        processes=3,
    ),
    Scenario(
        "three processes, authorization",
        (AUTHORIZE_H, CAPTURE_K, VOID_V),
        balance=9,
        budget=Budget(flushes=1),
        processes=3,
    ),
)
