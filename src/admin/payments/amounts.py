"""Checks of amounts that people enter: against the amount in words, the currency's minor unit, and an upper bound."""

from admin.payments.minor_units import minor_unit_micros
from server.rejections import invalid
from wallet.domain.money import words


def check_text(field: str, amount: int, currency: str, text: str) -> None:
    """Raise InvalidRequest if `text` is not empty and is not `amount` (micros) in words, such as "20.00 EUR"."""
    said = words(amount, currency)
    if text not in ("", said):
        raise invalid(field, f"says {text[:64]}, and the amount in micros is {said}: one of the two is wrong")


def check_whole(field: str, amount: int, currency: str) -> None:
    """Raise InvalidRequest if an amount that a bank moves is not whole in the currency's minor unit."""
    unit = minor_unit_micros(currency)
    if amount % unit:
        raise invalid(
            field,
            f"is {words(amount, currency)}, which no bank can move: use a multiple of {words(unit, currency)}",
        )


def check_bound(field: str, amount: int, currency: str, bound: int) -> None:
    """Raise InvalidRequest if one request of a person moves more than `bound` micros, in or out."""
    if abs(amount) > bound:
        raise invalid(
            field,
            f"is {words(amount, currency)}, and one request may move {words(bound, currency)} (MANUAL_MICROS_MAX); "
            "if it is meant, send it in several",
        )
