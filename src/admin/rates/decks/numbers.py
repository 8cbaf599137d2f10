"""Cells with numbers: amounts, exact to the micro, and whole quantities."""

import re

from admin.rates.decks.cells import BadCell, quoted
from wallet.domain.rates import QUANTITY_MAX, UNIT_PRICE_MAX

_DECIMALS = 6
_DIGITS_MAX = 19
"""More digits than any valid number has. Longer ones are refused without computing them."""

_AMOUNT = re.compile(r"([0-9]*)(?:([.,])([0-9]+))?")
_EXPONENT = re.compile(r"[0-9.,]+[eE][+-]?[0-9]+")
_SEVERAL_SEPARATORS = re.compile(r"[0-9]+([.,' ][0-9]+){2,}|[0-9]+[' ][0-9]+")
_INCREMENTS = re.compile(r"([^/]*)/([^/]*)")

_SEPARATOR_NAMES = {".": "point", ",": "comma"}


class AmountParser:
    """Parses the amounts of a deck: either all with decimal points, or all with decimal commas."""

    def __init__(self) -> None:
        """Begin a deck, of which no separator is known yet."""
        self._separator = ""
        self._separator_seen_in = ""

    def parse(self, text: str) -> int:
        """Return an amount in micros, 0 to UNIT_PRICE_MAX. Raises BadCell."""
        text = text.strip()
        match = _AMOUNT.fullmatch(text)
        if not text or not match:
            raise BadCell(_problem_with(text))
        whole, separator, fraction = match[1].lstrip("0"), match[2] or "", (match[3] or "").rstrip("0")
        self._check_separator(separator, text)
        if len(fraction) > _DECIMALS:
            raise BadCell(f"{quoted(text)} has more than {_DECIMALS} decimals: nothing is smaller than a micro")
        micros = int(whole + fraction.ljust(_DECIMALS, "0")) if len(whole) <= _DIGITS_MAX else UNIT_PRICE_MAX + 1
        if micros > UNIT_PRICE_MAX:
            raise BadCell(f"{quoted(text)} is more than {UNIT_PRICE_MAX // 10**_DECIMALS}")
        return micros

    def _check_separator(self, separator: str, text: str) -> None:
        if not separator or separator == self._separator:
            return
        if self._separator:
            raise BadCell(
                f"{quoted(text)} has a decimal {_SEPARATOR_NAMES[separator]}, where rows before it have a decimal"
                f" {_SEPARATOR_NAMES[self._separator]}, such as"
                f" {quoted(self._separator_seen_in)}: a deck has one of the two"
            )
        self._separator, self._separator_seen_in = separator, text


def _problem_with(text: str) -> str:
    if not text:
        return "is empty: it must be an amount, such as 0.0125"
    if text.startswith(("-", "−", "(")):
        return f"{quoted(text)} is negative: at least 0"
    if _EXPONENT.fullmatch(text):
        return f"{quoted(text)} has an exponent: write the number out, such as 0.0125"
    if _SEVERAL_SEPARATORS.fullmatch(text):
        return f"{quoted(text)} has thousands separators: only one . or , may be in it, before the decimals"
    return f"{quoted(text)} is not an amount: digits with at most one . or , before the decimals, and nothing else"


def parse_quantity(text: str) -> int:
    """Return a quantity or an increment, 0 to QUANTITY_MAX in the channel's unit. Raises BadCell."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        raise BadCell(f"{quoted(text)} is not a whole number of 0 or more")
    if len(digits.lstrip("0")) > _DIGITS_MAX or int(digits) > QUANTITY_MAX:
        raise BadCell(f"{quoted(text)} is more than {QUANTITY_MAX}")
    return int(digits)


def parse_increments(text: str) -> tuple[int, int]:
    """Return the first and the next increment, from "30/6"; one number means both. Raises BadCell."""
    match = _INCREMENTS.fullmatch(text)
    try:
        first, following = (match[1], match[2]) if match else (text, text)
        return parse_quantity(first), parse_quantity(following)
    except BadCell as error:
        raise BadCell(
            f"{quoted(text)} is not a pair of increments: two whole numbers of 0 or more, such as 30/6"
        ) from error


def format_amount(micros: int) -> str:
    """Return an amount in a format that AmountParser reads: with a decimal point, and no trailing zeros."""
    whole, fraction = divmod(micros, 10**_DECIMALS)
    return f"{whole}.{fraction:0{_DECIMALS}}".rstrip("0").rstrip(".")
