"""Laws of low-balance alerts: one alert for one crossing, and days of 24 hours all year."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.alerts.domain import (
    CLEARING_PART,
    DAY_SECONDS,
    DEFAULT,
    AlertPolicy,
    AlertState,
    BalanceStatus,
    BurnRate,
    LastEvaluation,
    Threshold,
    burn_rate_of,
    burn_window,
    empty_at,
    evaluate,
    seconds_left,
)
from wallet.domain.money import MICROS_MAX

AMOUNTS = st.integers(-MICROS_MAX, MICROS_MAX)
BURNS = st.builds(BurnRate, st.integers(0, MICROS_MAX), st.integers(DAY_SECONDS, 8 * DAY_SECONDS))
THRESHOLDS = st.one_of(
    st.builds(Threshold, seconds=st.integers(60, 365 * DAY_SECONDS)),
    st.builds(Threshold, amount=st.integers(0, MICROS_MAX)),
)
POLICIES = st.builds(AlertPolicy, THRESHOLDS, THRESHOLDS)
LAST_EVALUATIONS = st.builds(LastEvaluation, st.sampled_from(AlertState), AMOUNTS)


def microseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


def status(available: int, burn: BurnRate, balance: int | None = None) -> BalanceStatus:
    return BalanceStatus(available if balance is None else balance, available, burn)


@given(AMOUNTS, BURNS, st.integers(60, 365 * DAY_SECONDS))
def test_below_a_time_threshold_means_that_the_money_lasts_less(available: int, burn: BurnRate, seconds: int) -> None:
    below = available < Threshold(seconds=seconds).level(burn)
    lasts = available * burn.seconds < seconds * burn.spent
    assert below == lasts or available < 0


@given(LAST_EVALUATIONS, AMOUNTS, st.integers(0, 10**15), BURNS, POLICIES)
def test_more_money_is_never_a_worse_state(
    before: LastEvaluation, available: int, more: int, burn: BurnRate, policy: AlertPolicy
) -> None:
    assert (
        evaluate(before, status(available + more, burn), policy).state
        <= evaluate(before, status(available, burn), policy).state
    )


@given(LAST_EVALUATIONS, AMOUNTS, AMOUNTS, BURNS, POLICIES)
def test_a_second_evaluation_of_the_same_balance_changes_nothing(
    before: LastEvaluation, available: int, balance: int, burn: BurnRate, policy: AlertPolicy
) -> None:
    once = evaluate(before, status(available, burn, balance), policy)
    assert evaluate(once, status(available, burn, balance), policy) == once


@given(st.integers(1_000, 10**12), st.lists(st.integers(-100, 100), min_size=2, max_size=60))
def test_a_balance_that_swings_around_its_threshold_alerts_once(level: int, steps: list[int]) -> None:
    """It swings by less than a quarter of the threshold, as by charges and refunds, holds and voids."""
    policy = AlertPolicy(Threshold(amount=level), Threshold(amount=0))
    state, crossings = LastEvaluation(AlertState.OK, 0), 0
    for step in steps:
        now = evaluate(state, status(level + step * level // (CLEARING_PART * 201), BurnRate(0, DAY_SECONDS)), policy)
        crossings += now.state > state.state
        state = now
    assert crossings <= 1


@given(LAST_EVALUATIONS, BURNS, POLICIES, st.lists(st.integers(0, 10**12), max_size=40), st.integers(0, 10**13))
def test_while_the_balance_only_falls_each_state_alerts_at_most_once(
    before: LastEvaluation, burn: BurnRate, policy: AlertPolicy, charges: list[int], available: int
) -> None:
    states = []
    for charge in charges:
        available -= charge
        before = evaluate(before, status(available, burn), policy)
        states.append(before.state)
    assert all(earlier <= later for earlier, later in pairwise(states))


@given(BURNS, THRESHOLDS, st.integers(1, 10**12), st.integers(0, 10**12))
def test_a_top_up_rearms_the_alert(burn: BurnRate, threshold: Threshold, below: int, above: int) -> None:
    policy = AlertPolicy(threshold, Threshold(amount=0))
    level = threshold.level(burn)
    low = evaluate(LastEvaluation(), status(level - below, burn, MICROS_MAX - below), policy)
    if level - below < 0:
        return
    assert low.state is AlertState.WARNING
    rise = max(below + above, -(-level // CLEARING_PART), 1)
    full = evaluate(low, status(level - below + rise, burn, MICROS_MAX - below + rise), policy)
    assert full.state is AlertState.OK
    assert evaluate(full, status(level - 1, burn), policy).state is AlertState.WARNING


def test_an_empty_unused_wallet_is_ok_but_a_critical_one_stays_critical() -> None:
    idle = burn_rate_of({}, microseconds(datetime(2026, 11, 25, tzinfo=UTC)))
    assert evaluate(LastEvaluation(), status(0, idle), DEFAULT).state is AlertState.OK
    assert evaluate(LastEvaluation(AlertState.CRITICAL, 0), status(0, idle), DEFAULT).state is AlertState.CRITICAL
    assert seconds_left(1, idle) is None
    assert seconds_left(0, idle) == 0


def test_the_defaults_are_a_week_and_a_day() -> None:
    burn = BurnRate(7_000_000, 7 * DAY_SECONDS)
    assert evaluate(LastEvaluation(), status(7_000_000, burn), DEFAULT).state is AlertState.OK
    assert evaluate(LastEvaluation(), status(6_999_999, burn), DEFAULT).state is AlertState.WARNING
    assert evaluate(LastEvaluation(), status(999_999, burn), DEFAULT).state is AlertState.CRITICAL


# Days on which daylight saving begins or ends, and ends of months and of a leap year's February.
DAYS = [(2026, 3, 29), (2026, 10, 25), (2026, 11, 1), (2026, 12, 31), (2027, 1, 1), (2028, 2, 29), (2028, 3, 1)]


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("hour", [0, 1, 12, 23])
def test_a_steady_burn_rate_is_the_same_on_every_day_of_the_year(day: tuple[int, int, int], hour: int) -> None:
    now = datetime(*day, hour, tzinfo=UTC)
    spent = {now.date() - timedelta(days=ago): 24_000 for ago in range(1, 30)}
    spent[now.date()] = 1_000 * hour
    burn = burn_rate_of(spent, microseconds(now))
    assert burn_window(microseconds(now)) == now.date() - timedelta(days=7)
    assert burn.spent * 3600 == 1_000 * burn.seconds
    end = empty_at(48_000, burn, microseconds(now))
    assert end == microseconds(now + timedelta(days=2))


@given(
    st.dictionaries(st.dates(date(2026, 11, 1), date(2026, 11, 25)), st.integers(0, MICROS_MAX)),
    st.integers(0, DAY_SECONDS - 1),
)
def test_a_burn_rate_is_over_one_to_eight_days(spent: dict[date, int], second: int) -> None:
    now = microseconds(datetime(2026, 11, 25, tzinfo=UTC)) + second * 1_000_000
    burn = burn_rate_of(spent, now)
    assert DAY_SECONDS <= burn.seconds < 8 * DAY_SECONDS
    assert burn.spent == sum(amount for day, amount in spent.items() if day >= date(2026, 11, 18))


def test_the_first_minutes_of_a_company_count_as_a_day() -> None:
    now = datetime(2026, 11, 25, 0, 5, tzinfo=UTC)
    assert burn_rate_of({now.date(): 500}, microseconds(now)) == BurnRate(500, DAY_SECONDS)
