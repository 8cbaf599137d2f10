"""Rate cards and their rates: what a unit of usage costs."""

import msgspec

from wallet.domain.usage import Channel

UNITS = {Channel.SMS: 1, Channel.WHATSAPP: 1, Channel.VOICE: 60, Channel.PHONE_NUMBER: 1}
"""How much of a channel's quantity one unit price pays for: calls are counted in seconds and priced per minute."""

UNIT_PRICE_MAX = 9_000_000_000_000
"""The bound of unit prices and connect fees, in micros."""
QUANTITY_MAX = 1_000_000_000
"""The bound of quantities and increments, in the channel's unit."""
NEVER = 0
"""`expires_at` of a rate that has no end."""

_CHANNEL_IDS = {channel: channel.name.lower() for channel in Channel}

Place = tuple[Channel, str, str]
"""Channel, variant and destination: of one place, at most one rate is in force at a time."""


class Rate(msgspec.Struct, frozen=True, gc=False):
    """What one unit costs. Amounts in micros, quantities in the channel's unit, times in microseconds since the epoch.

    `destination` is the beginning of numbers in E.164 ("+4915"), a country ("DE"), or empty for everywhere else;
    `variant` is dotted, most general first, and empty for all. `unit_price` is per minute for voice, per segment or
    message for messaging, per month for numbers.
    """

    channel: Channel
    variant: str
    destination: str
    unit_price: int
    connect_fee: int = 0
    minimum_quantity: int = 0
    """Less is billed as this much."""
    first_increment: int = 0
    next_increment: int = 1
    """30 and 6 for 30/6: the first 30 are billed whole, what is above them is rounded up to 6."""
    effective_at: int = 0
    expires_at: int = NEVER
    """When it ends; NEVER: when the next one of the same channel, variant and destination begins."""
    description: str = ""

    @property
    def place(self) -> Place:
        """What it is the price of."""
        return self.channel, self.variant, self.destination

    @property
    def id(self) -> str:
        """The last part of its name: "voice.+4915", "whatsapp.template.marketing.DE", "sms"."""
        # Each price has it, so it is spelt out: half a microsecond less than joining what is not empty.
        of = f"{_CHANNEL_IDS[self.channel]}.{self.variant}" if self.variant else _CHANNEL_IDS[self.channel]
        return f"{of}.{self.destination}" if self.destination else of


class RateCard(msgspec.Struct, frozen=True):
    """A list of rates. `parent` is the id of the card that is asked where this one has no rate, or empty.

    `version` counts the changes of the card and its rates; times in microseconds since the epoch.
    """

    id: str
    currency: str
    parent: str
    display_name: str
    version: int
    rate_count: int
    created_at: int
    updated_at: int
