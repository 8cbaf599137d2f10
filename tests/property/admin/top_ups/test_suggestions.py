"""Suggested amounts: about a week's and a month's usage, and sensible ones."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from admin.top_ups.suggestions import (
    AMOUNT_MIN,
    SUGGESTED_DAYS,
    USAGE_DAYS,
    sensible,
    suggested_amounts,
)
from wallet.domain.money import MICROS_MAX, MICROS_PER_UNIT

TODAY = date(2026, 3, 1)
DAYS = st.dictionaries(
    st.integers(0, USAGE_DAYS + 5).map(lambda ago: TODAY - timedelta(days=ago)), st.integers(0, 10**12), max_size=40
)


@given(st.integers(0, MICROS_MAX))
def test_a_sensible_amount_is_no_less_and_begins_with_1_2_25_or_5(micros: int) -> None:
    amount = sensible(micros)
    assert amount >= max(micros, AMOUNT_MIN)
    assert amount % MICROS_PER_UNIT == 0, "whole in any currency"
    if amount < MICROS_MAX:
        assert str(amount).rstrip("0") in ("1", "2", "25", "5")
        assert amount <= max(2.5 * micros, AMOUNT_MIN)


@given(DAYS)
def test_a_month_is_more_than_a_week_and_both_cover_the_rate(spent: dict[date, int]) -> None:
    suggested = suggested_amounts(spent, TODAY)
    counted = {day: micros for day, micros in spent.items() if 1 <= (TODAY - day).days <= USAGE_DAYS and micros}
    if not counted:
        assert suggested == []
        return
    (week, a_week), (month, a_month) = suggested
    assert (week, month) == SUGGESTED_DAYS
    assert a_week <= a_month
    per_day = sum(counted.values()) / (TODAY - min(counted)).days
    assert a_week >= min(7 * per_day, MICROS_MAX) * 0.999_999
    assert a_month >= min(30 * per_day, MICROS_MAX) * 0.999_999


def test_the_rate_of_a_new_company_counts_its_own_days() -> None:
    yesterday = TODAY - timedelta(days=1)
    assert suggested_amounts({yesterday: 30_000_000}, TODAY) == [(7, 250_000_000), (30, 1_000_000_000)]
    month_ago = TODAY - timedelta(days=USAGE_DAYS)
    assert suggested_amounts({month_ago: 28_000_000}, TODAY) == [(7, 10_000_000), (30, 50_000_000)]
