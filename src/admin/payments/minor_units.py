"""Conversion between micros and minor units, and the bounds of card payments.

The provider counts in a currency's minor unit: cents, but whole yen and thousandths of a dinar. Its rules are those of
ISO 4217 with exceptions of its own (docs.stripe.com/currencies), and apply to charges, refunds and disputes.
"""

from admin.payments.port import ProviderRefused
from wallet.domain.money import MICROS_PER_UNIT, format_money

ZERO_DECIMALS = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())  # noqa: SIM905
"""Counted in whole units."""
THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())  # noqa: SIM905
"""Counted in thousandths, the last digit 0: card networks know two decimals of them."""
WHOLE_OF_TWO_DECIMALS = frozenset({"ISK", "UGX"})
"""Counted in hundredths for compatibility, although the currency has no minor unit any more: the last two digits are 0.

HUF and TWD must be whole in payouts only, and this service makes none.
"""

MINOR_UNITS_MAX = 99_999_999
"""The largest amount of one payment."""

MINIMUM_MICROS = {
    currency: amount * 10_000
    for currency, amount in {
        "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50,
        "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 5000, "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50,
        "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
    }.items()
}  # fmt: skip
"""The smallest payment; the table is in hundredths. For other currencies the minimum follows from the exchange rate of
the day, and the provider refuses smaller amounts itself ("amount_too_small")."""


def minor_unit_micros(currency: str) -> int:
    """Return the micros in one minor unit: 10 000 for a cent."""
    if currency in ZERO_DECIMALS:
        return MICROS_PER_UNIT
    return 1_000 if currency in THREE_DECIMALS else 10_000


def step_micros(currency: str) -> int:
    """Return the smallest difference between two amounts that can be paid, in micros; a multiple of the minor unit."""
    return MICROS_PER_UNIT if currency in WHOLE_OF_TWO_DECIMALS else max(minor_unit_micros(currency), 10_000)


def to_minor(amount: int, currency: str) -> int:
    """Return micros in minor units, exactly. Raises ProviderRefused ("amount_not_whole") if they are not whole."""
    step = step_micros(currency)
    if amount % step:
        raise ProviderRefused(
            "amount_not_whole",
            f"{format_money(amount, currency)} cannot be paid by card: "
            f"use a multiple of {format_money(step, currency)}.",
        )
    return amount // minor_unit_micros(currency)


def from_minor(amount: int, currency: str) -> int:
    """Return minor units in micros; the result is always exact."""
    return amount * minor_unit_micros(currency)


def check(amount: int, currency: str) -> None:
    """Raise ProviderRefused if an amount in micros is not whole, or too small or too large for a card payment."""
    minor = to_minor(amount, currency)
    least = MINIMUM_MICROS.get(currency, step_micros(currency))
    if amount < least:
        raise ProviderRefused("amount_too_small", f"A payment by card is at least {format_money(least, currency)}.")
    if minor > MINOR_UNITS_MAX:
        most = from_minor(MINOR_UNITS_MAX, currency)
        most -= most % step_micros(currency)
        raise ProviderRefused("amount_too_large", f"A payment by card is at most {format_money(most, currency)}.")
