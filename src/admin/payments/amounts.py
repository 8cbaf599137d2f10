"""What guards amounts that people type: they are said back in words of money, and bounded."""

from admin.payments.minor_units import minor_unit_micros
from server.rejections import invalid
from wallet.domain.money import words


def check_text(field: str, amount: int, currency: str, text: str) -> None:
    """Raise InvalidRequest where a request repeats its amount in words, and these say something else."""
    said = words(amount, currency)
    if text not in ("", said):
        raise invalid(field, f"says {text[:64]}, and the amount in micros is {said}: one of the two is wrong")


def check_whole(field: str, amount: int, currency: str) -> None:
    """Raise InvalidRequest where an amount that a bank is to move is not whole in the currency's minor unit."""
    unit = minor_unit_micros(currency)
    if amount % unit:
        raise invalid(
            field,
            f"is {words(amount, currency)}, which no bank can move: use a multiple of {words(unit, currency)}",
        )


def check_bound(field: str, amount: int, currency: str, bound: int) -> None:
    """Raise InvalidRequest where a person moves more than `bound` micros at once, either way."""
    if abs(amount) > bound:
        raise invalid(
            field,
            f"is {words(amount, currency)}, and one request may move {words(bound, currency)} (MANUAL_MICROS_MAX); "
            "if it is meant, send it in several",
        )
