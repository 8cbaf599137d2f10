"""Amounts of money as text."""

MICROS = 1_000_000
"""Micros in one unit of a currency."""


def money_text(micros: int, currency: str = "") -> str:
    """Return micros as "-1,234.567800 EUR", with all six places, since the books must agree in the last one."""
    sign = "-" if micros < 0 else ""
    units, rest = divmod(abs(micros), MICROS)
    return f"{sign}{units:,}.{rest:06} {currency}".rstrip()
