"""The protocol breaks no promise in any interleaving, and each safeguard is there for a reason.

Each scenario is explored in full. `python -m tests.protocol` explores larger ones.
"""

import pytest

from tests.protocol.explore import describe, explore
from tests.protocol.records import Safeguards, Scenario
from tests.protocol.scenarios import SCENARIOS

STATES_MAX = 300_000
"""More than any scenario here has."""
COUNTEREXAMPLE_STEPS_MAX = 16

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}

BROKEN_WITHOUT = (
    ("ledger_floor_check", "three processes", "P1 floor"),
    ("ledger_authorization_check", "two authorizations", "P4 conserved"),
    ("ledger_limit_check", "a spend limit, and a void that makes room", "P8 limit"),
    ("ledger_key_lookup", "a rebuild, an expired key", "P2 once"),
    ("ledger_epoch_check", "a reused key, retried", "P4 conserved"),
    ("decline_confirmation", "a charge that a credit pays for, a crash", "P5 true declines"),
    ("decline_by_ledgers_hold", "captures in part and beyond the hold", "P5 true declines"),
    ("increment_by_ledgers_hold", "increments", "P5 true declines"),
    ("decline_spares_what_frees", "a capture in part, below the floor", "P5 true declines"),
    ("limit_spares_what_frees", "a spend limit that is passed already", "P5 true declines"),
    ("settle_after_commit", "the floor is raised", "P4 conserved"),
    ("journal_keeps_attempts", "a reused key, retried", "P4 conserved"),
    ("settle_names_attempt", "a reused key, retried", "P4 conserved"),
    ("discard_names_attempt", "a rebuild that dies", "P4 conserved"),
    ("undo_names_attempt", "a refund of nothing", "P4 conserved"),
    ("undo_once", "a refund of nothing", "P4 conserved"),
    ("undo_needs_epoch", "a rebuild, an expired key", "P4 conserved"),
    ("undo_spares_authorizations", "captures in part and beyond the hold", "P4 conserved"),
    ("undo_drops_counters", "a spend limit, an expired key", "P8 limit"),
    ("refused_drops_wallet", "authorize, capture or void", "P4 conserved"),
    ("load_lock", "a load that lost its lock", "few epochs"),
    ("load_marker", "authorize and capture, retried", "P4 conserved"),
    ("load_only_newer", "a load that lost its lock", "few epochs"),
    ("hold_names_epoch", "a capture after a void, from a stale copy", "P4 conserved"),
    ("run_id", "retries, a stale copy", "P4 conserved"),
    ("seen_position", "the floor is raised", "progress"),
    ("not_after", "a call that is held up, and a retry", "P5 true declines"),
    ("decline_marks", "a call that is held up, and a retry", "P5 true declines"),
    ("recovery_first", "a key that expires before its entry is judged", "P5 true declines"),
)
"""A safeguard, a scenario that needs it, and the promise that breaks without it (model.py says what each means)."""


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
def test_p1_p2_p3_p4_p5_p8_no_interleaving_breaks_a_promise(scenario: Scenario) -> None:
    result = explore(scenario, states_max=STATES_MAX)
    assert result.counterexample is None, describe(result.counterexample, scenario)
    assert result.complete, str(result)


@pytest.mark.parametrize(
    ("safeguard", "scenario", "promise"),
    BROKEN_WITHOUT,
    ids=[safeguard for safeguard, *_ in BROKEN_WITHOUT],
)
def test_without_a_safeguard_a_promise_breaks(safeguard: str, scenario: str, promise: str) -> None:
    result = explore(BY_NAME[scenario], Safeguards(**{safeguard: False}), states_max=STATES_MAX)
    assert result.counterexample is not None, str(result)
    assert result.counterexample.promise == promise, describe(result.counterexample, BY_NAME[scenario])
    assert result.counterexample.length <= COUNTEREXAMPLE_STEPS_MAX


def test_every_safeguard_is_taken_out_once() -> None:
    assert [safeguard for safeguard, *_ in BROKEN_WITHOUT] == Safeguards.names()
