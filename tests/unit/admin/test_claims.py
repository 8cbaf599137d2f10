"""Claims of work have the same form in SQL."""

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
def test_a_claim_skips_rows_of_other_processes(store: str) -> None:
    """One statement selects a bounded number of rows, skips locked ones, and updates them by Postgres's clock."""
    claim = CLAIMS[store]["claim"]
    assert "LIMIT $1" in claim
    assert "FOR UPDATE SKIP LOCKED" in claim
    assert "UPDATE" in claim.split("SKIP LOCKED")[1]
    assert "clock_timestamp()" in claim
    assert "now()" not in claim


@pytest.mark.parametrize("store", UNTIL_A_TIME)
def test_a_timed_claim_is_released_only_by_its_holder(store: str) -> None:
    """A process that was stopped for longer than its claim does not release the claim of another one."""
    assert "claimed_until = $2" in CLAIMS[store]["release"].split("WHERE")[1]


def test_a_failure_is_recorded_only_by_the_holder() -> None:
    """The statements are `record_failure` for a mail and `delay_webhook` for an event."""
    for statement in (CLAIMS[mail_store.__name__]["record_failure"], CLAIMS[event_store.__name__]["delay_webhook"]):
        assert "claimed_until = $2" in statement.split("WHERE")[1]
