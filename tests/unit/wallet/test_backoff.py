"""The back-off of each feature."""

import pytest

from admin.auto_top_ups.domain import DECLINE_BACKOFF, OUTCOME_BACKOFF
from admin.mail.domain import BACKOFF as MAIL_BACKOFF
from admin.subscriptions.transitions import BACKOFF as SUBSCRIPTION_BACKOFF
from admin.webhooks.domain import EVENT_BACKOFF, WEBHOOK_BACKOFF
from wallet.domain.backoff import Backoff

DAY = 86_400.0


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [
        pytest.param(MAIL_BACKOFF, [10, 20, 40, 80, 160, 320, 600, 600], id="mail"),
        pytest.param(EVENT_BACKOFF, [10, 40, 160, 640, 2560, 3600, 3600, 3600], id="webhook event"),
        pytest.param(WEBHOOK_BACKOFF, [10, 20, 40, 80, 160, 320, 600, 600], id="webhook"),
        pytest.param(DECLINE_BACKOFF, [600, 3600, 21_600, None, None, None, None, None], id="auto top-up: decline"),
        pytest.param(OUTCOME_BACKOFF, [2, 4, 8, 16, 32, 60, 60, 60], id="auto top-up: outcome"),
        pytest.param(SUBSCRIPTION_BACKOFF, [60, 120, 240, 480, 960, 1920, 3600, 3600], id="subscription"),
    ],
)
def test_delays_are_those_of_the_table(backoff: Backoff, delays: list[int | None]) -> None:
    """The first eight delays, and that the thousandth is the bound."""
    assert [backoff.next_try(failures) for failures in range(1, 9)] == delays
    assert backoff.delay(1000) == backoff.seconds_max


@pytest.mark.parametrize("backoff", [MAIL_BACKOFF, EVENT_BACKOFF])
def test_mail_and_events_are_given_up_after_five_days(backoff: Backoff) -> None:
    """At five days there is one more try, after them none."""
    assert backoff.next_try(1, 5 * DAY) == backoff.seconds_min
    assert backoff.next_try(1, 5 * DAY + 1) is None


def test_a_webhook_rests_no_longer_than_its_event() -> None:
    """So the event that failed is tried again first, and keeps its place in the order."""
    assert all(WEBHOOK_BACKOFF.delay(failures) <= EVENT_BACKOFF.delay(failures) for failures in range(1, 60))
