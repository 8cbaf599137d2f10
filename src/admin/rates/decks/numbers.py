"""Numbers in cells: amounts to the micro, exactly, and whole quantities."""

import re

from admin.rates.decks.cells import BadCell, shown
from wallet.domain.rates import QUANTITY_MAX, UNIT_PRICE_MAX

_DECIMALS = 6
_DIGITS_MAX = 19
"""Longer than any number here may be; beyond it nothing is computed."""

_AMOUNT = re.compile(r"([0-9]*)(?:([.,])([0-9]+))?")
_EXPONENT = re.compile(r"[0-9.,]+[eE][+-]?[0-9]+")
_SEVERAL_SEPARATORS = re.compile(r"[0-9]+([.,' ][0-9]+){2,}|[0-9]+[' ][0-9]+")
_INCREMENTS = re.compile(r"([^/]*)/([^/]*)")

_NAMES = {".": "point", ",": "comma"}


class Amounts:
    """Reads a deck's amounts of money: all of them with decimal points, or all with decimal commas."""

    def __init__(self) -> None:
        """Begin a deck, which has shown neither yet."""
        self._separator = ""
        self._separator_seen_in = ""

    def micros_of(self, text: str) -> int:
        """Return an amount in micros, 0 to UNIT_PRICE_MAX. Raises BadCell."""
        text = text.strip()
        match = _AMOUNT.fullmatch(text)
        if not text or not match:
            raise BadCell(_why_no_amount(text))
        whole, separator, fraction = match[1].lstrip("0"), match[2] or "", (match[3] or "").rstrip("0")
        self._keep_to(separator, text)
        if len(fraction) > _DECIMALS:
            raise BadCell(f"{shown(text)} has more than {_DECIMALS} decimals: nothing is smaller than a micro")
        micros = int(whole + fraction.ljust(_DECIMALS, "0")) if len(whole) <= _DIGITS_MAX else UNIT_PRICE_MAX + 1
        if micros > UNIT_PRICE_MAX:
            raise BadCell(f"{shown(text)} is more than {UNIT_PRICE_MAX // 10**_DECIMALS}")
        return micros

    def _keep_to(self, separator: str, text: str) -> None:
        if not separator or separator == self._separator:
            return
        if self._separator:
            raise BadCell(
                f"{shown(text)} has a decimal {_NAMES[separator]}, where rows before it have a decimal"
                f" {_NAMES[self._separator]}, such as {shown(self._separator_seen_in)}: a deck has one of the two"
            )
        self._separator, self._separator_seen_in = separator, text


def _why_no_amount(text: str) -> str:
    if not text:
        return "is empty: it must be an amount, such as 0.0125"
    if text.startswith(("-", "−", "(")):
        return f"{shown(text)} is negative: at least 0"
    if _EXPONENT.fullmatch(text):
        return f"{shown(text)} has an exponent: write the number out, such as 0.0125"
    if _SEVERAL_SEPARATORS.fullmatch(text):
        return f"{shown(text)} has thousands separators: only one . or , may be in it, before the decimals"
    return f"{shown(text)} is no amount: digits with at most one . or , before the decimals, and nothing else"


def quantity_of(text: str) -> int:
    """Return a quantity or an increment, 0 to QUANTITY_MAX in the channel's unit. Raises BadCell."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        raise BadCell(f"{shown(text)} is no whole number of 0 or more")
    if len(digits.lstrip("0")) > _DIGITS_MAX or int(digits) > QUANTITY_MAX:
        raise BadCell(f"{shown(text)} is more than {QUANTITY_MAX}")
    return int(digits)


def increments_of(text: str) -> tuple[int, int]:
    """Return the first and the next increment, from "30/6"; one number means both. Raises BadCell."""
    match = _INCREMENTS.fullmatch(text)
    try:
        first, following = (match[1], match[2]) if match else (text, text)
        return quantity_of(first), quantity_of(following)
    except BadCell as error:
        raise BadCell(f"{shown(text)} is no increments: two whole numbers of 0 or more, such as 30/6") from error


def amount_text(micros: int) -> str:
    """Return an amount as Amounts reads it, with a decimal point and no more decimals than it needs."""
    whole, fraction = divmod(micros, 10**_DECIMALS)
    return f"{whole}.{fraction:0{_DECIMALS}}".rstrip("0").rstrip(".")
