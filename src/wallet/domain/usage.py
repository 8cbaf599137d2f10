"""The usage that charges, prices and statements are about."""

from enum import IntEnum

import msgspec


class Channel(IntEnum):
    """The channel of a usage. The values are stored: never renumber them."""

    SMS = 1
    WHATSAPP = 2
    VOICE = 3
    PHONE_NUMBER = 4


class Usage(msgspec.Struct, frozen=True, array_like=True):
    """A usage, as the ledger keeps it.

    `country` is ISO 3166-1 alpha-2 or empty; `quantity` is in the channel's unit (segments, messages, seconds, months).
    """

    channel: Channel
    variant: str = ""
    country: str = ""
    quantity: int = 1
    campaign_id: str = ""
    contact_id: str = ""
