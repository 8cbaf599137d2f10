"""The metadata of errors, and messages that depend on more than a name."""

from collections.abc import Mapping

from server.reasons import rfc3339
from server.rejections import CallerTooSlow
from wallet.domain import errors as e
from wallet.domain.money import format_money
from wallet.domain.resource_names import SPEND_LIMIT


def applied(error: e.Unavailable | CallerTooSlow) -> Mapping[str, str]:
    """Return whether the request may still have been applied."""
    return {"applied": error.applied}


def funds(error: e.InsufficientFunds) -> Mapping[str, str]:
    """Return the available and the required amount and the floor, in micros, and their currency."""
    return {
        "available": str(error.available),
        "required": str(error.required),
        "floor": str(error.floor),
        "currency": error.currency,
    }


def limit(error: e.SpendLimitReached) -> Mapping[str, str]:
    """Return the spend limit's name, its amounts in micros, and when its window ends."""
    reset = {"reset_time": rfc3339(error.resets_at)} if error.resets_at else {}
    return {
        "limit": SPEND_LIMIT.name(error.limit.company, error.limit.id),
        "amount": str(error.limit.amount),
        "spent": str(error.spent),
        "required": str(error.required),
        **reset,
    }


def limit_passed(error: e.SpendLimitReached) -> str:
    """Return by how much a spend limit would be exceeded, in a sentence."""
    required, spent, most = (
        format_money(micros, error.currency) for micros in (error.required, error.spent, error.limit.amount)
    )
    until = f" until {rfc3339(error.resets_at)}" if error.resets_at else ""
    return f"{required} more would exceed the spend limit {error.limit.id}: {spent} of {most} are spent{until}."


def usage(error: e.RateNotFound) -> Mapping[str, str]:
    """Return the usage that has no rate."""
    return {"channel": error.channel, "variant": error.variant, "country": error.country}


def unpriced(error: e.RateNotFound) -> str:
    """Return the sentence that names the usage without a rate."""
    if not error.has_card:
        return "The company has no rate card to price the usage by."
    what = f"{error.channel} {error.variant}".rstrip()
    where = f"to {error.country}" if error.country else "without a destination country"
    return f"Neither the rate card nor its parents have a rate for {what} {where}."


def no_transfer(error: e.NotABankTransfer) -> str:
    """Return why people cannot record the result of a top-up."""
    how = "it is in the wallet" if error.method == "MANUAL" else "its payment provider reports its result"
    return f"must be a top-up by METHOD_BANK_TRANSFER; this one is by METHOD_{error.method}, and {how}"
