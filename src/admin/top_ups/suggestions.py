"""Suggested amounts of a top-up: about a week's and a month's usage, rounded up to amounts that people choose."""

from collections.abc import Iterator, Mapping
from datetime import date

from wallet.domain.money import MICROS_MAX, MICROS_PER_UNIT

USAGE_DAYS = 28
"""Whole weeks before today, so that every day of the week counts equally."""
SUGGESTED_DAYS = (7, 30)
AMOUNT_MIN = 10 * MICROS_PER_UNIT
"""Whole units of any currency, and more than the fee of a card payment."""
_STEPS = (10, 20, 25, 50)


def suggested_amounts(spent_by_day: Mapping[date, int], today: date) -> list[tuple[int, int]]:
    """Return pairs of days and micros, for SUGGESTED_DAYS; none if nothing was spent in USAGE_DAYS before today.

    The rate is taken over the days since the first spending, so that it is right for a new company.
    """
    counted = {day: spent for day, spent in spent_by_day.items() if 0 < (today - day).days <= USAGE_DAYS and spent > 0}
    if not counted:
        return []
    days = (today - min(counted)).days
    total = sum(counted.values())
    return [(wanted, sensible(-(-total * wanted // days))) for wanted in SUGGESTED_DAYS]


def sensible(micros: int) -> int:
    """Return the smallest of 10, 20, 25, 50, 100, 200, 250 … units that is not below `micros`, within MICROS_MAX."""
    return next((step for step in _steps() if step >= micros), MICROS_MAX)


def _steps() -> Iterator[int]:
    scale = AMOUNT_MIN // 10
    while scale * _STEPS[0] <= MICROS_MAX:
        yield from (scale * step for step in _STEPS)
        scale *= 10
