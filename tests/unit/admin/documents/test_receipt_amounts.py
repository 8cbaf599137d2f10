"""The tax within amounts, amounts with a currency's decimals, and months."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.documents.months import Month
from admin.documents.receipts import (
    BillingProfile,
    TaxTreatment,
    correction,
    percent,
    serial_text,
    tax_within,
)
from wallet.domain.money import CURRENCIES, MICROS_MAX, in_minor_units, minor_digits


def included(rate: int) -> BillingProfile:
    """Return a buyer whose amounts include tax."""
    return BillingProfile(treatment=TaxTreatment.INCLUDED, rate_basis_points=rate)


@pytest.mark.parametrize(
    ("amount", "currency", "rate", "net", "tax"),
    [
        (119_000_000, "EUR", 1900, 100_000_000, 19_000_000),
        (10_000_000, "EUR", 1900, 8_400_000, 1_600_000),  # 1.5966…
        (50_000, "EUR", 2500, 40_000, 10_000),
        (25_000, "EUR", 2500, 15_000, 10_000),  # half a cent goes up
        (24_999, "EUR", 2500, 24_999, 0),
        (110_000_000, "JPY", 1000, 100_000_000, 10_000_000),
        (5_000_000, "JPY", 1000, 5_000_000, 0),  # 0.45 yen
        (1_050_000, "KWD", 500, 1_000_000, 50_000),
        (1, "EUR", 10_000, 1, 0),
        (0, "EUR", 1900, 0, 0),
    ],
)
def test_tax_is_included_and_rounded_half_up(amount: int, currency: str, rate: int, net: int, tax: int) -> None:
    found = tax_within(amount, currency, included(rate))
    assert (found.net, found.tax) == (net, tax)


@given(st.integers(0, MICROS_MAX), st.sampled_from(sorted(CURRENCIES)), st.integers(0, 10_000))
def test_net_and_tax_add_up_and_agree_with_decimals(amount: int, currency: str, rate: int) -> None:
    found = tax_within(amount, currency, included(rate))
    assert found.net + found.tax == amount
    assert found.net >= 0
    assert found.tax >= 0
    unit = Decimal(1).scaleb(-minor_digits(currency))
    exact = Decimal(amount) * rate / (10_000 + rate) / 1_000_000
    assert Decimal(found.tax) / 1_000_000 == min(exact.quantize(unit, ROUND_HALF_UP), Decimal(amount) / 1_000_000)


@given(st.integers(0, MICROS_MAX), st.sampled_from([TaxTreatment.NONE, TaxTreatment.REVERSE_CHARGE]))
def test_without_tax_the_net_amount_is_all(amount: int, treatment: TaxTreatment) -> None:
    found = tax_within(amount, "EUR", BillingProfile(treatment=treatment, rate_basis_points=1900))
    assert (found.net, found.tax) == (amount, 0)


@given(
    st.integers(1, MICROS_MAX // 4),
    st.sampled_from(["EUR", "JPY", "KWD"]),
    st.integers(0, 10_000),
    st.lists(st.integers(-MICROS_MAX // 8, MICROS_MAX // 8), max_size=5),
)
def test_the_tax_of_partial_corrections_adds_up(amount: int, currency: str, rate: int, changes: list[int]) -> None:
    buyer, left = included(rate), amount
    tax = tax_within(amount, currency, buyer).tax
    for change in [*changes, -amount - sum(changes)]:
        part = correction(left, change, currency, buyer)
        assert part.net + part.tax == change
        tax, left = tax + part.tax, left + change
        assert tax == (1 if left > 0 else -1) * tax_within(abs(left), currency, buyer).tax
    assert (left, tax) == (0, 0)


@pytest.mark.parametrize(
    ("micros", "currency", "text"),
    [
        (500_000_000, "EUR", "500.00"),
        (500_000_000, "JPY", "500"),
        (500_000_000, "KWD", "500.000"),
        (-7_500, "EUR", "-0.0075"),
        (500_000, "JPY", "0.5"),
        (1_234_567, "KWD", "1.234567"),
        (0, "JPY", "0"),
    ],
)
def test_amounts_have_the_currencys_decimals_and_are_exact(micros: int, currency: str, text: str) -> None:
    assert in_minor_units(micros, currency) == text
    assert Decimal(text) * 1_000_000 == micros


def test_rates_and_serial_numbers_as_text() -> None:
    assert [percent(rate) for rate in (0, 1900, 550, 725, 1000, 10_000)] == ["0", "19", "5.5", "7.25", "10", "100"]
    assert serial_text("VC", 2026, 1) == "VC-2026-000001"
    assert serial_text("VC", 2026, 1_234_567) == "VC-2026-1234567"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11", date(2026, 11, 1), date(2026, 11, 30)),
        ("2026-12", date(2026, 12, 1), date(2026, 12, 31)),
        ("2028-02", date(2028, 2, 1), date(2028, 2, 29)),
        ("2100-02", date(2100, 2, 1), date(2100, 2, 28)),
    ],
)
def test_a_month_has_its_first_and_last_day(text: str, first: date, last: date) -> None:
    month = Month.parse(text)
    assert (str(month), month.first, month.last) == (text, first, last)
    assert datetime.fromtimestamp(month.starts_at // 1_000_000, UTC).isoformat() == f"{first}T00:00:00+00:00"
    assert month.ends_at == month.next.starts_at
    assert month.next.first.toordinal() == last.toordinal() + 1


@pytest.mark.parametrize(
    "text", ["", "2026-13", "2026-00", "2026-1", "26-01", "9999-01", "1969-12", "2026-11-01", " 2026-11"]
)
def test_an_invalid_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Month.parse(text)
