"""Money is an integer count of micros: a millionth of the currency's unit."""

MICROS_PER_UNIT = 1_000_000

MICROS_MAX = 9_000_000_000_000_000
"""The bound of every amount, balance and sum, either way: exact as a double, which is what Lua computes with."""


def within_bounds(micros: int) -> bool:
    """Return whether `micros` may be an amount, a balance or a floor."""
    return -MICROS_MAX <= micros <= MICROS_MAX
