"""How rules and what they count are written in Redis; scripts/includes/rules.lua reads it."""

from collections.abc import Sequence

from wallet.domain.limits import SpendCounter, SpendLimit
from wallet.domain.usage import Usage


def usage_word(usage: Usage | None) -> str:
    """Return what of a usage rules ask for, its channel and country, as in "1DE"; "0" where there is none."""
    return "0" if usage is None else f"{usage.channel.value}{usage.country}"


def limits_text(limits: Sequence[SpendLimit]) -> str:
    """Return limits as the wallet's hash has them; scripts/includes/rules.lua says how."""
    return "".join(
        f"{limit.id} {limit.window.value} {limit.channel.value if limit.channel is not None else '-'} "
        f"{limit.country or '-'} {limit.amount} {limit.counts_from};"
        for limit in limits
    )


def counter_field(counter: SpendCounter) -> str:
    """Return the field of the wallet's hash that has a counter."""
    return f"spent {counter.limit} {counter.starts_at}"
