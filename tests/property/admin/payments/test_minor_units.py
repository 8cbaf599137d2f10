"""Micros and minor units: exact or refused, in every currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.payments.minor_units import (
    MINIMUM_MICROS,
    MINOR_UNITS_MAX,
    THREE_DECIMALS,
    WHOLE_OF_TWO_DECIMALS,
    ZERO_DECIMALS,
    check,
    from_minor,
    minor_unit_micros,
    step_micros,
    to_minor,
)
from admin.payments.port import ProviderRefused
from wallet.domain.money import CURRENCIES, MICROS_MAX

currencies = st.sampled_from(sorted(CURRENCIES))
special = st.sampled_from(sorted(ZERO_DECIMALS | THREE_DECIMALS | WHOLE_OF_TWO_DECIMALS))
any_currency = st.one_of(special, currencies)


@given(st.integers(1, MICROS_MAX), any_currency)
def test_an_amount_is_the_same_money_in_minor_units_or_refused(amount: int, currency: str) -> None:
    if amount % step_micros(currency):
        with pytest.raises(ProviderRefused) as refused:
            to_minor(amount, currency)
        assert refused.value.code == "amount_not_whole"
    else:
        assert from_minor(to_minor(amount, currency), currency) == amount


@given(st.integers(1, MINOR_UNITS_MAX), any_currency)
def test_minor_units_are_exact_in_micros(minor: int, currency: str) -> None:
    amount = from_minor(minor, currency)
    assert amount == minor * minor_unit_micros(currency)
    assert 0 < amount <= MICROS_MAX


@given(st.integers(0, 10**9), any_currency)
def test_a_payable_amount_is_within_the_bounds(steps: int, currency: str) -> None:
    amount = steps * step_micros(currency)
    too_small = amount < MINIMUM_MICROS.get(currency, 1)
    too_large = to_minor(amount, currency) > MINOR_UNITS_MAX
    if too_small or too_large:
        with pytest.raises(ProviderRefused) as refused:
            check(amount, currency)
        assert refused.value.code == ("amount_too_small" if too_small else "amount_too_large")
    else:
        check(amount, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        (10_000_000, "USD", 1_000),
        (500_000_000, "JPY", 500),
        (5_120_000, "KWD", 5_120),
        (5_000_000, "ISK", 500),
        (5_000_000, "UGX", 500),
        (10_450_000, "HUF", 1_045),
        (800_450_000, "TWD", 80_045),
        (7_000_000, "MGA", 7),
    ],
)
def test_amounts_of_stripes_own_examples(amount: int, currency: str, minor: int) -> None:
    assert to_minor(amount, currency) == minor
    assert from_minor(minor, currency) == amount


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(1, "EUR"), (10_005_000, "EUR"), (500_500_000, "JPY"), (5_124_000, "KWD"), (5_500_000, "ISK"), (5_010_000, "UGX")],
)
def test_an_amount_that_is_not_whole_is_refused(amount: int, currency: str) -> None:
    for refusing in (to_minor, check):
        with pytest.raises(ProviderRefused, match="multiple") as refused:
            refusing(amount, currency)
        assert refused.value.code == "amount_not_whole"


@pytest.mark.parametrize(
    ("least", "currency"), [(500_000, "EUR"), (300_000, "GBP"), (50_000_000, "JPY"), (175_000_000, "HUF")]
)
def test_the_smallest_payment_is_the_providers(least: int, currency: str) -> None:
    check(least, currency)
    with pytest.raises(ProviderRefused, match="at least") as refused:
        check(least - step_micros(currency), currency)
    assert refused.value.code == "amount_too_small"


@pytest.mark.parametrize(
    ("most", "currency"),
    [(999_999_990_000, "EUR"), (99_999_999_000_000, "JPY"), (99_999_990_000, "KWD"), (999_999_000_000, "ISK")],
)
def test_the_largest_payment_is_the_providers(most: int, currency: str) -> None:
    check(most, currency)
    with pytest.raises(ProviderRefused, match="at most") as refused:
        check(most + step_micros(currency), currency)
    assert refused.value.code == "amount_too_large"


@pytest.mark.parametrize("amount", [0, -1_000_000])
def test_zero_and_negative_amounts_are_refused(amount: int) -> None:
    with pytest.raises(ProviderRefused):
        check(amount, "CLP")


def test_every_currency_with_a_rule_is_one() -> None:
    assert set(MINIMUM_MICROS) | ZERO_DECIMALS | THREE_DECIMALS | WHOLE_OF_TWO_DECIMALS <= CURRENCIES
