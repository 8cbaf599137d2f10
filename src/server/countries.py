"""The destination country of a usage, from a number in E.164 or a country code."""

from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneNumber, region_code_for_number

NUMBERS_REMEMBERED = 100_000
CALLING_CODE_DIGITS_MAX = 3
CALLING_CODES_MAX = 1000

_WITHOUT_NUMBERS = frozenset({"AQ", "BV", "GS", "HM", "PN", "TF", "UM"})
"""The countries of ISO 3166-1 that have no calling code of their own."""

COUNTRIES = frozenset(SUPPORTED_REGIONS) | _WITHOUT_NUMBERS
"""ISO 3166-1 alpha-2, and three further codes that have numbers (AC, TA, XK)."""

_GLOBAL = "001"
"""The region in phonenumbers of networks without a country, such as satellite phones (+881) and shared-cost (+808)."""


class UnknownCountry(ValueError):
    """The country code or the calling code does not exist. The text says which."""


def country_of(destination: str) -> str:
    """Return the ISO 3166-1 alpha-2 code of a destination; empty for none, and for networks without a country.

    `destination` is empty, two capital letters, or `+` and 6 to 15 digits. Raises UnknownCountry.
    """
    if destination.startswith("+"):
        return _country_of_number(destination)
    if destination and destination not in COUNTRIES:
        raise UnknownCountry(f"{destination} is not a country of ISO 3166-1")
    return destination


def _country_of_number(number: str) -> str:
    length, regions = _regions_behind(number[: 1 + CALLING_CODE_DIGITS_MAX])
    if len(regions) > 1:
        return _country_among(int(number[1 : 1 + length]), number[1 + length :], regions[0])
    return "" if regions[0] == _GLOBAL else regions[0]


@lru_cache(maxsize=CALLING_CODES_MAX)
def _regions_behind(beginning: str) -> tuple[int, tuple[str, ...]]:
    """Return the calling code's length and its regions. `beginning` is + and the first three digits."""
    for length in range(1, CALLING_CODE_DIGITS_MAX + 1):
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(beginning[1 : 1 + length]))
        if regions is not None:
            return length, regions
    raise UnknownCountry(f"no network has a calling code that {beginning} begins with")


@lru_cache(maxsize=NUMBERS_REMEMBERED)
def _country_among(calling_code: int, national: str, main: str) -> str:
    """Return the country of a number whose calling code several share; `main` if no numbering plan has the number."""
    number = PhoneNumber(calling_code, int(national), italian_leading_zero=national.startswith("0"))
    return region_code_for_number(number) or main
