"""The price of a usage: exact, in integers, rounded once."""

import msgspec

from wallet.domain.rates import QUANTITY_MAX, UNITS, Rate
from wallet.domain.usage import Channel

REFRESH_MARGIN_US_MAX = 10_000_000
"""Upper bound of the time before the end of a grant at which it should be renewed; it is a tenth of the grant."""


class Price(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How an amount follows from a usage, kept in the ledger permanently (as JSON), since the card may change.

    Amounts in micros, quantities in the channel's unit, times in microseconds since the epoch. A new field needs a
    default.
    """

    card: str
    version: int
    """The card's version."""
    rate: str
    """`Rate.id`."""
    effective_at: int
    unit_price: int
    used: int
    billed: int
    unit: int = 1
    """The quantity that one `unit_price` pays for."""
    connect_fee: int = 0
    """The fee that is taken once a call: 0 if another capture of the call takes it."""
    minimum: int = 0
    first: int = 0
    next: int = 1
    by_request: bool = False
    """The request named the authorization's amount: this rate prices captures that name none."""

    @property
    def channel(self) -> Channel:
        """The channel, which is the first part of the rate's id."""
        return _CHANNELS[self.rate.partition(".")[0]]

    @property
    def amount(self) -> int:
        """The amount in micros."""
        return self.connect_fee + rounded(self.unit_price * self.billed, self.unit)


def price_of(rate: Rate, quantity: int, *, card: str, version: int, connect_fee: bool = True) -> Price:
    """Return the price of `quantity` by a rate of a card. The connect fee is left out if `connect_fee` is false."""
    return Price(
        card=card,
        version=version,
        rate=rate.id,
        effective_at=rate.effective_at,
        unit_price=rate.unit_price,
        used=quantity,
        billed=billed(quantity, minimum=rate.minimum_quantity, first=rate.first_increment, next=rate.next_increment),
        unit=UNITS[rate.channel],
        connect_fee=rate.connect_fee if connect_fee else 0,
        minimum=rate.minimum_quantity,
        first=rate.first_increment,
        next=rate.next_increment,
    )


def repriced(pinned: Price, quantity: int, *, connect_fee: bool) -> Price:
    """Return the price of `quantity` by the rate that `pinned` was made with."""
    return msgspec.structs.replace(
        pinned,
        used=quantity,
        billed=billed(quantity, minimum=pinned.minimum, first=pinned.first, next=pinned.next),
        by_request=False,
        connect_fee=pinned.connect_fee if connect_fee else 0,
    )


def billed(quantity: int, *, minimum: int, first: int, next: int) -> int:  # noqa: A002  The notation's own word.
    """Return the billed quantity: at least the minimum and the first increment, the rest in steps of `next`."""
    wanted = max(quantity, minimum)
    if wanted <= first:
        return first
    steps = -(-(wanted - first) // next)
    return first + steps * next


def covered(price: Price, amount: int) -> int:
    """Return the greatest quantity that costs no more than `amount` micros by the rate of `price`."""
    rest = amount - price.connect_fee
    if rest < 0:
        return 0
    if not price.unit_price:
        return QUANTITY_MAX
    # The greatest b with round_half_up(unit_price × b ÷ unit) ≤ rest: 2 × unit_price × b < (2 × rest + 1) × unit.
    most = ((2 * rest + 1) * price.unit - 1) // (2 * price.unit_price)
    least = billed(1, minimum=price.minimum, first=price.first, next=price.next)
    if most < least:
        return 0
    return min(QUANTITY_MAX, price.first + (most - price.first) // price.next * price.next)


def refresh_before(created_at: int, seconds: int, expires_at: int) -> int:
    """Return when a call's authorization should be incremented: shortly before its covered time or itself expires.

    `seconds` are covered from `created_at` on. Times in microseconds since the epoch.
    """
    granted = min(seconds * 1_000_000, expires_at - created_at)
    return created_at + granted - min(REFRESH_MARGIN_US_MAX, granted // 10)


def rounded(numerator: int, denominator: int) -> int:
    """Return numerator ÷ denominator, rounded half up. Both are positive, or the numerator is 0."""
    return (2 * numerator + denominator) // (2 * denominator)


_CHANNELS = {channel.name.lower(): channel for channel in Channel}
