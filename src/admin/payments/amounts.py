"""Checks of amounts that people enter: against the amount in words, the currency's minor unit, and an upper bound."""

from admin.payments.minor_units import minor_unit_micros
from server.rejections import invalid
from wallet.domain.money import format_money


def check_text(field: str, amount: int, currency: str, text: str) -> None:
    """Raise InvalidRequest if `text` is not empty and is not `amount` (micros) in words, such as "20.00 EUR"."""
    said = format_money(amount, currency)
    if text not in ("", said):
        raise invalid(field, f"is {text[:64]}, but amount_micros is {said}")


def check_whole(field: str, amount: int, currency: str) -> None:
    """Raise InvalidRequest if an amount that a bank moves is not whole in the currency's minor unit."""
    unit = minor_unit_micros(currency)
    if amount % unit:
        raise invalid(
            field,
            f"is {format_money(amount, currency)}, which no bank can move: "
            f"use a multiple of {format_money(unit, currency)}",
        )


def check_bound(field: str, amount: int, currency: str, bound: int) -> None:
    """Raise InvalidRequest if one request of a person moves more than `bound` micros, in or out."""
    if abs(amount) > bound:
        raise invalid(
            field,
            f"is {format_money(amount, currency)}, and one request may move {format_money(bound, currency)} "
            "(MANUAL_MICROS_MAX); if it is meant, send it in several",
        )
