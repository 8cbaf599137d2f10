"""Strategies for requests of gateways and the back office, which often concern the same wallets and keys."""

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from hypothesis import strategies as st

from tests.property.wallet.spending import Limit
from tests.support.builders import fingerprint
from wallet.domain.commands import Command, Kind, Unpriced
from wallet.domain.limits import Window
from wallet.domain.money import MICROS_MAX
from wallet.domain.usage import Channel, Usage

T = TypeVar("T")

AMOUNTS = st.sampled_from([1, 50, 100, 400, 1_000, 2_500])
HUGE = MICROS_MAX - 1_000
FLOORS = st.sampled_from([-1_000, -100, 0, 0, 50, 1_500])
HOLDS = st.sampled_from(["call-1", "call-2", "call-3"])
TTL_SECONDS = 3_600
CHANNELS = st.sampled_from([Channel.SMS, Channel.SMS, Channel.VOICE])
COUNTRIES = st.sampled_from(["DE", "DE", "US", ""])
USAGES = st.builds(Usage, CHANNELS, country=COUNTRIES, quantity=st.integers(1, 3))
LIMIT_NAMES = st.sampled_from(["fraud", "night"])
LIMIT_AMOUNTS = st.sampled_from([0, 50, 400, 1_000, 2_500, 5_000])
LIMITS = st.builds(
    Limit,
    st.sampled_from(Window),
    LIMIT_AMOUNTS,
    st.just(0),
    st.sampled_from([None, None, Channel.SMS, Channel.VOICE]),
    st.sampled_from(["", "", "DE", "US"]),
)
PLACES = st.integers(0, 1_000)
"""For `picked`."""
PRICED = frozenset({Kind.CHARGE, Kind.AUTHORIZATION, Kind.INCREMENT, Kind.CAPTURE})
"""Usage with and without a rate."""


def unpriced(command: Command) -> Command:
    """Return the same request where nothing says any more what it costs."""
    return msgspec.structs.replace(command, amount=0, unpriced=Unpriced.NO_RATE)


def picked(items: Sequence[T], place: int) -> T:
    """Return one of those that there are. How many may depend on what raced whom, and what is drawn must not."""
    return items[place % len(items)]


@st.composite
def commands(draw: st.DrawFn, company: str, *, entries: int = 0) -> Command:
    """Return a command of any kind, under a key of a few: so that requests meet their own earlier tries."""
    kind = draw(st.sampled_from([kind for kind in Kind if kind is not Kind.EXPIRY]))
    amount = draw(AMOUNTS)
    fields: dict[str, Any] = {}
    if kind in (Kind.AUTHORIZATION, Kind.INCREMENT, Kind.CAPTURE, Kind.VOID):
        fields["authorization"] = draw(HOLDS)
    if kind is Kind.TOP_UP:
        amount = draw(st.one_of(AMOUNTS, st.just(HUGE)))
    elif kind is Kind.ADJUSTMENT:
        amount = draw(st.sampled_from([-1, 1])) * amount
        fields["below_floor"] = draw(st.booleans())
    elif kind is Kind.REFUND:
        fields["refunded_number"] = 1 + draw(PLACES) % (entries + 1)
    elif kind is Kind.AUTHORIZATION:
        fields["ttl_seconds"] = TTL_SECONDS
    elif kind is Kind.CAPTURE:
        fields["keep_open"] = draw(st.booleans())
    elif kind is Kind.VOID:
        amount = 0
    if kind in (Kind.CHARGE, Kind.AUTHORIZATION):
        fields["usage"] = draw(USAGES)
    elif kind in (Kind.CAPTURE, Kind.INCREMENT):
        fields["usage"] = draw(st.one_of(st.none(), USAGES))  # None: of the authorization's own.
    key = fields["authorization"] if kind is Kind.AUTHORIZATION else f"key-{draw(st.integers(1, 40))}"
    command = Command(kind, company, key, fingerprint(kind, amount, fields), amount=amount, **fields)
    return unpriced(command) if kind in PRICED and draw(st.integers(0, 9)) == 0 else command
