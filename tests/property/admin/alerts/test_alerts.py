"""Laws of low-balance alerts: nobody is told twice of one thing, and no clock changes what a day is."""

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
    Burn,
    Remembered,
    Standing,
    Threshold,
    burn_of,
    burn_window,
    empty_at,
    judged,
    seconds_left,
)
from wallet.domain.money import MICROS_MAX

AMOUNTS = st.integers(-MICROS_MAX, MICROS_MAX)
BURNS = st.builds(Burn, st.integers(0, MICROS_MAX), st.integers(DAY_SECONDS, 8 * DAY_SECONDS))
THRESHOLDS = st.one_of(
    st.builds(Threshold, seconds=st.integers(60, 365 * DAY_SECONDS)),
    st.builds(Threshold, amount=st.integers(0, MICROS_MAX)),
)
POLICIES = st.builds(AlertPolicy, THRESHOLDS, THRESHOLDS)
REMEMBERED = st.builds(Remembered, st.sampled_from(AlertState), AMOUNTS)


def microseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


def standing(available: int, burn: Burn, balance: int | None = None) -> Standing:
    return Standing(available if balance is None else balance, available, burn)


@given(AMOUNTS, BURNS, st.integers(60, 365 * DAY_SECONDS))
def test_a_time_is_below_its_threshold_exactly_when_the_money_lasts_less(
    available: int, burn: Burn, seconds: int
) -> None:
    below = available < Threshold(seconds=seconds).level(burn)
    lasts = available * burn.seconds < seconds * burn.spent
    assert below == lasts or available < 0


@given(REMEMBERED, AMOUNTS, st.integers(0, 10**15), BURNS, POLICIES)
def test_more_money_is_never_a_worse_state(
    before: Remembered, available: int, more: int, burn: Burn, policy: AlertPolicy
) -> None:
    assert (
        judged(before, standing(available + more, burn), policy).state
        <= judged(before, standing(available, burn), policy).state
    )


@given(REMEMBERED, AMOUNTS, AMOUNTS, BURNS, POLICIES)
def test_a_second_look_at_the_same_changes_nothing(
    before: Remembered, available: int, balance: int, burn: Burn, policy: AlertPolicy
) -> None:
    once = judged(before, standing(available, burn, balance), policy)
    assert judged(once, standing(available, burn, balance), policy) == once


@given(st.integers(1_000, 10**12), st.lists(st.integers(-100, 100), min_size=2, max_size=60))
def test_a_balance_on_the_line_is_told_once_however_it_flaps(level: int, steps: list[int]) -> None:
    """It swings by less than a quarter of the threshold: charges and refunds, holds and voids."""
    policy = AlertPolicy(Threshold(amount=level), Threshold(amount=0))
    state, crossings = Remembered(AlertState.OK, 0), 0
    for step in steps:
        now = judged(state, standing(level + step * level // (CLEARING_PART * 201), Burn(0, DAY_SECONDS)), policy)
        crossings += now.state > state.state
        state = now
    assert crossings <= 1


@given(REMEMBERED, BURNS, POLICIES, st.lists(st.integers(0, 10**12), max_size=40), st.integers(0, 10**13))
def test_while_money_only_goes_out_each_state_is_told_at_most_once(
    before: Remembered, burn: Burn, policy: AlertPolicy, charges: list[int], available: int
) -> None:
    states = []
    for charge in charges:
        available -= charge
        before = judged(before, standing(available, burn), policy)
        states.append(before.state)
    assert all(earlier <= later for earlier, later in pairwise(states))


@given(BURNS, THRESHOLDS, st.integers(1, 10**12), st.integers(0, 10**12))
def test_a_top_up_arms_again(burn: Burn, threshold: Threshold, below: int, above: int) -> None:
    policy = AlertPolicy(threshold, Threshold(amount=0))
    level = threshold.level(burn)
    low = judged(Remembered(), standing(level - below, burn, MICROS_MAX - below), policy)
    if level - below < 0:
        return
    assert low.state is AlertState.WARNING
    rise = max(below + above, -(-level // CLEARING_PART), 1)
    full = judged(low, standing(level - below + rise, burn, MICROS_MAX - below + rise), policy)
    assert full.state is AlertState.OK
    assert judged(full, standing(level - 1, burn), policy).state is AlertState.WARNING


def test_nothing_used_and_nothing_there_is_no_alarm_but_an_empty_wallet_stays_critical() -> None:
    idle = burn_of({}, microseconds(datetime(2026, 11, 25, tzinfo=UTC)))
    assert judged(Remembered(), standing(0, idle), DEFAULT).state is AlertState.OK
    assert judged(Remembered(AlertState.CRITICAL, 0), standing(0, idle), DEFAULT).state is AlertState.CRITICAL
    assert seconds_left(1, idle) is None
    assert seconds_left(0, idle) == 0


def test_the_defaults_are_a_week_and_a_day() -> None:
    burn = Burn(7_000_000, 7 * DAY_SECONDS)
    assert judged(Remembered(), standing(7_000_000, burn), DEFAULT).state is AlertState.OK
    assert judged(Remembered(), standing(6_999_999, burn), DEFAULT).state is AlertState.WARNING
    assert judged(Remembered(), standing(999_999, burn), DEFAULT).state is AlertState.CRITICAL


# Days on which clocks change, months and a leap year end.
DAYS = [(2026, 3, 29), (2026, 10, 25), (2026, 11, 1), (2026, 12, 31), (2027, 1, 1), (2028, 2, 29), (2028, 3, 1)]


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("hour", [0, 1, 12, 23])
def test_a_steady_rate_is_the_same_on_every_day_of_the_year(day: tuple[int, int, int], hour: int) -> None:
    now = datetime(*day, hour, tzinfo=UTC)
    spent = {now.date() - timedelta(days=ago): 24_000 for ago in range(1, 30)}
    spent[now.date()] = 1_000 * hour
    burn = burn_of(spent, microseconds(now))
    assert burn_window(microseconds(now)) == now.date() - timedelta(days=7)
    assert burn.spent * 3600 == 1_000 * burn.seconds
    end = empty_at(48_000, burn, microseconds(now))
    assert end == microseconds(now + timedelta(days=2))


@given(
    st.dictionaries(st.dates(date(2026, 11, 1), date(2026, 11, 25)), st.integers(0, MICROS_MAX)),
    st.integers(0, DAY_SECONDS - 1),
)
def test_a_rate_is_over_a_day_at_least_and_over_eight_at_most(spent: dict[date, int], second: int) -> None:
    now = microseconds(datetime(2026, 11, 25, tzinfo=UTC)) + second * 1_000_000
    burn = burn_of(spent, now)
    assert DAY_SECONDS <= burn.seconds < 8 * DAY_SECONDS
    assert burn.spent == sum(amount for day, amount in spent.items() if day >= date(2026, 11, 18))


def test_the_first_minutes_of_a_company_count_as_a_day() -> None:
    now = datetime(2026, 11, 25, 0, 5, tzinfo=UTC)
    assert burn_of({now.date(): 500}, microseconds(now)) == Burn(500, DAY_SECONDS)
