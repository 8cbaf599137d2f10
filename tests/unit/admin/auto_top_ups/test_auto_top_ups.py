"""When an automatic top-up is made, and its amount."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.auto_top_ups.domain import (
    Added,
    AutoTopUpChange,
    AutoTopUpTerms,
    FiringDecision,
    apply_change,
    decide,
)
from wallet.domain.money import MICROS_MAX

TERMS = AutoTopUpTerms(20_000_000, 50_000_000, "pm_1")

bounds = st.none() | st.integers(1, MICROS_MAX)
rules = st.builds(
    AutoTopUpTerms,
    st.integers(1, MICROS_MAX),
    st.integers(1, MICROS_MAX),
    st.just("pm_1"),
    day_amount_max=bounds,
    month_amount_max=bounds,
    day_count_max=st.integers(1, 20),
    month_count_max=st.none() | st.integers(1, 200),
)
added = st.builds(
    lambda day, more, count, counts: Added(day, count, day + more, count + counts),
    st.integers(0, MICROS_MAX),
    st.integers(0, MICROS_MAX),
    st.integers(0, 20),
    st.integers(0, 200),
)


@given(rules, st.integers(-MICROS_MAX, MICROS_MAX), added)
def test_law_a_charge_covers_the_gap_and_no_more_within_every_bound(
    terms: AutoTopUpTerms, available: int, before: Added
) -> None:
    available = min(available, terms.threshold - 1)
    decision, amount = decide(terms, available, before)
    if decision is not FiringDecision.FIRE:
        assert amount == 0
        return
    assert amount > 0
    assert amount % terms.amount == 0
    assert amount <= MICROS_MAX
    assert available + amount - terms.amount < terms.threshold, "one less would not do"
    assert terms.day_amount_max is None or before.day_amount + amount <= terms.day_amount_max
    assert terms.month_amount_max is None or before.month_amount + amount <= terms.month_amount_max
    assert before.day_count < terms.day_count_max
    assert terms.month_count_max is None or before.month_count < terms.month_count_max
    if terms.day_amount_max is None and terms.month_amount_max is None and amount + terms.amount <= MICROS_MAX:
        assert available + amount >= terms.threshold


@pytest.mark.parametrize(
    ("available", "amount"),
    [(19_999_999, 50_000_000), (-30_000_000, 50_000_000), (-30_000_001, 100_000_000), (-130_000_001, 200_000_000)],
)
def test_the_gap_is_covered_by_the_smallest_multiple(available: int, amount: int) -> None:
    assert decide(TERMS, available, Added()) == (FiringDecision.FIRE, amount)


@pytest.mark.parametrize(
    ("bound", "before", "decision"),
    [
        (AutoTopUpChange(day_amount_max=99_999_999), Added(50_000_000, 1, 50_000_000, 1), FiringDecision.WAIT_FOR_DAY),
        (AutoTopUpChange(day_amount_max=100_000_000), Added(50_000_000, 1, 50_000_000, 1), FiringDecision.FIRE),
        (AutoTopUpChange(month_amount_max=99_999_999), Added(0, 0, 50_000_000, 1), FiringDecision.WAIT_FOR_MONTH),
        (AutoTopUpChange(month_count_max=3), Added(0, 0, 150_000_000, 3), FiringDecision.WAIT_FOR_MONTH),
        (AutoTopUpChange(day_count_max=2), Added(100_000_000, 2, 100_000_000, 2), FiringDecision.RUNAWAY),
        (
            AutoTopUpChange(day_amount_max=100_000_000, day_count_max=2),
            Added(100_000_000, 2, 100_000_000, 2),
            FiringDecision.WAIT_FOR_DAY,
        ),
    ],
)
def test_a_bound_that_is_reached_says_which(bound: AutoTopUpChange, before: Added, decision: FiringDecision) -> None:
    terms = apply_change(TERMS, bound)
    assert terms is not None
    assert decide(terms, 0, before)[0] is decision


def test_a_bound_below_what_was_added_forbids_another_charge() -> None:
    terms = apply_change(TERMS, AutoTopUpChange(day_amount_max=50_000_000))
    assert terms is not None
    assert decide(terms, 0, Added(500_000_000, 5, 500_000_000, 5)) == (FiringDecision.WAIT_FOR_DAY, 0)


def test_a_change_keeps_other_terms_and_zero_removes_a_bound() -> None:
    bounded = apply_change(
        TERMS, AutoTopUpChange(day_amount_max=7, month_amount_max=8, day_count_max=9, month_count_max=1)
    )
    assert bounded == AutoTopUpTerms(20_000_000, 50_000_000, "pm_1", 7, 8, 9, 1)
    assert bounded is not None
    assert apply_change(bounded, AutoTopUpChange(amount=5)) == AutoTopUpTerms(20_000_000, 5, "pm_1", 7, 8, 9, 1)
    free = AutoTopUpChange(day_amount_max=0, month_amount_max=0, day_count_max=0, month_count_max=0)
    assert apply_change(bounded, free) == TERMS
    assert apply_change(None, AutoTopUpChange(1, 2)) is None
