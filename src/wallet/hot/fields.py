"""The texts of spend limits, their counters and usage in Redis; scripts/includes/rules.lua reads them."""

from collections.abc import Sequence

from wallet.domain.limits import SpendCounter, SpendLimit
from wallet.domain.usage import Usage


def usage_text(usage: Usage | None) -> str:
    """Return the channel and country of a usage, which rules are about, as in "1DE"; "0" without a usage."""
    return "0" if usage is None else f"{usage.channel.value}{usage.country}"


def limits_text(limits: Sequence[SpendLimit]) -> str:
    """Return limits as the wallet's hash stores them; scripts/includes/rules.lua describes the format."""
    return "".join(
        f"{limit.id} {limit.window.value} {limit.channel.value if limit.channel is not None else '-'} "
        f"{limit.country or '-'} {limit.amount} {limit.counts_from};"
        for limit in limits
    )


def counter_field(counter: SpendCounter) -> str:
    """Return the field of the wallet's hash that stores a counter."""
    return f"spent {counter.limit} {counter.starts_at}"
