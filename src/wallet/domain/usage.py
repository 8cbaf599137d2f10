"""What was used: the words that charges, prices and statements share."""

from enum import IntEnum

import msgspec


class Channel(IntEnum):
    """What carried the usage. The values are stored: never renumber them."""

    SMS = 1
    WHATSAPP = 2
    VOICE = 3
    PHONE_NUMBER = 4


class Usage(msgspec.Struct, frozen=True, array_like=True):
    """What was used, as the ledger keeps it.

    `country` is ISO 3166-1 alpha-2 or empty; `quantity` is in the channel's unit (segments, messages, seconds, months).
    """

    channel: Channel
    variant: str = ""
    country: str = ""
    quantity: int = 1
    campaign_id: str = ""
    contact_id: str = ""
