"""Money is an integer count of micros: a millionth of the currency's unit."""

MICROS_PER_UNIT = 1_000_000

MICROS_MAX = 9_000_000_000_000_000
"""The bound of every amount, balance and sum, either way: exact as a double, which is what Lua computes with."""


def within_bounds(micros: int) -> bool:
    """Return whether `micros` may be an amount, a balance or a floor."""
    return -MICROS_MAX <= micros <= MICROS_MAX


def format_money(micros: int, currency: str) -> str:
    """Return an amount as people read it, exact, with at least two decimals: "500.00 EUR", "-0.0075 EUR"."""
    return f"{decimal(micros)} {currency}"


def decimal(micros: int) -> str:
    """Return an amount in units of its currency, exact, with at least two decimals: "500.00", "-0.0075"."""
    units, rest = divmod(abs(micros), MICROS_PER_UNIT)
    decimals = f"{rest:06}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{units}.{decimals}"


def in_minor_units(micros: int, currency: str) -> str:
    """Return an amount as receipts show it, exact: with the currency's decimals, and more if they are not zero.

    Examples: "500.00" EUR, "500" JPY, "500.000" KWD, "-0.0075" EUR.
    """
    units, rest = divmod(abs(micros), MICROS_PER_UNIT)
    decimals = f"{rest:06}".rstrip("0").ljust(minor_digits(currency), "0")
    return f"{'-' if micros < 0 else ''}{units}{'.' if decimals else ''}{decimals}"


def minor_digits(currency: str) -> int:
    """Return the number of decimals of a currency by ISO 4217; a payment provider may use another number."""
    return 0 if currency in _WITHOUT_DECIMALS else 3 if currency in _THREE_DECIMALS else 2


_WITHOUT_DECIMALS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split())  # noqa: SIM905
_THREE_DECIMALS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())  # noqa: SIM905

CURRENCIES = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP
    CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF
    IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD
    MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD
    UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905  A hundred and fifty lines would be no table.
)
"""The currencies of ISO 4217 that people pay with: no funds codes, metals, tests."""
