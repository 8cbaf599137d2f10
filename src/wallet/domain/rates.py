"""Rate cards and their rates: the price of a unit of usage."""

import msgspec

from wallet.domain.usage import Channel

UNITS = {Channel.SMS: 1, Channel.WHATSAPP: 1, Channel.VOICE: 60, Channel.PHONE_NUMBER: 1}
"""The quantity of a channel that one unit price pays for: calls are counted in seconds and priced per minute."""

UNIT_PRICE_MAX = 9_000_000_000_000
"""The bound of unit prices and connect fees, in micros."""
QUANTITY_MAX = 1_000_000_000
"""The bound of quantities and increments, in the channel's unit."""
NEVER = 0
"""`expires_at` of a rate without an end."""

_CHANNEL_IDS = {channel: channel.name.lower() for channel in Channel}

Place = tuple[Channel, str, str]
"""Channel, variant and destination: at most one rate of a place is in force at a time."""


class Rate(msgspec.Struct, frozen=True, gc=False):
    """The price of one unit. Amounts in micros, quantities in the channel's unit, times in µs since the epoch.

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
    """A smaller quantity is billed as this one."""
    first_increment: int = 0
    next_increment: int = 1
    """30 and 6 for 30/6: the first 30 are billed whole, the rest is rounded up to a multiple of 6."""
    effective_at: int = 0
    expires_at: int = NEVER
    """When it ends; NEVER: it ends when the next rate of its place begins."""
    description: str = ""

    @property
    def place(self) -> Place:
        """The place that it prices."""
        return self.channel, self.variant, self.destination

    @property
    def id(self) -> str:
        """The last part of its name: "voice.+4915", "whatsapp.template.marketing.DE", "sms"."""
        # Computed for every price: two f-strings take half a microsecond less than joining the parts.
        of = f"{_CHANNEL_IDS[self.channel]}.{self.variant}" if self.variant else _CHANNEL_IDS[self.channel]
        return f"{of}.{self.destination}" if self.destination else of


class RateCard(msgspec.Struct, frozen=True):
    """A list of rates. `parent` is the id of the card that prices what this one has no rate for, or empty.

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
