"""Claims of work have one form in SQL."""

import pytest

from admin.auto_top_ups import firing_store
from admin.mail import store as mail_store
from admin.top_ups import chargeback_store, refund_store
from admin.top_ups import store as top_up_store
from admin.webhooks import event_store

CLAIMS = {
    module.__name__: module._SQL
    for module in (mail_store, event_store, firing_store, top_up_store, refund_store, chargeback_store)
}
UNTIL_A_TIME = [mail_store.__name__, event_store.__name__]


@pytest.mark.parametrize("store", CLAIMS)
def test_a_claim_passes_over_what_another_process_claims(store: str) -> None:
    """One statement selects a bounded number of rows, skips locked ones, and updates them by Postgres's clock."""
    claim = CLAIMS[store]["claim"]
    assert "LIMIT $1" in claim
    assert "FOR UPDATE SKIP LOCKED" in claim
    assert "UPDATE" in claim.split("SKIP LOCKED")[1]
    assert "clock_timestamp()" in claim
    assert "now()" not in claim


@pytest.mark.parametrize("store", UNTIL_A_TIME)
def test_a_claim_until_a_time_is_ended_only_by_its_holder(store: str) -> None:
    """A process that was stopped beyond its claim does not end that of another one."""
    assert "claimed_until = $2" in CLAIMS[store]["release"].split("WHERE")[1]


def test_a_failure_is_recorded_only_by_the_holder_of_the_claim() -> None:
    """A mail rests by `failed`, a webhook by `rest`."""
    for statement in (CLAIMS[mail_store.__name__]["failed"], CLAIMS[event_store.__name__]["rest"]):
        assert "claimed_until = $2" in statement.split("WHERE")[1]
