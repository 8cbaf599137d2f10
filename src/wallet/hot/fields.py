"""How rules and what they count are written in Redis; scripts/includes/rules.lua reads it."""

from collections.abc import Sequence

from wallet.domain.limits import SpendCounter, SpendLimit
from wallet.domain.usage import Usage


def channel_and_country(usage: Usage | None) -> tuple[int, str]:
    """Return what of a usage rules ask for; 0 and empty where there is none."""
    return (usage.channel.value, usage.country) if usage is not None else (0, "")


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
