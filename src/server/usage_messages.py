"""Read the usage in a message, and the number of its destination."""

from typing import NamedTuple

from server.countries import UnknownCountry, country_of
from server.rejections import invalid
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.usage import Channel, Usage

_CHANNELS = {int(channel): channel for channel in Channel}


class Used(NamedTuple):
    """A usage and the number of its destination.

    `number` is in E.164, or empty if only a country or no destination was named. It is used for pricing, and not kept.
    """

    usage: Usage
    number: str


def usage_of(message: wallet_pb2.Usage, *, field: str = "usage") -> Used:
    """Return the usage in a message, with a quantity of 1 if it has none. Raises InvalidRequest.

    `field` is the message's path in the request.
    """
    destination = message.destination
    try:
        country = country_of(destination)
    except UnknownCountry as error:
        raise invalid(f"{field}.destination", str(error)) from error
    usage = Usage(
        _CHANNELS[message.channel],
        message.variant,
        country,
        message.quantity if message.HasField("quantity") else 1,
        message.campaign_id,
        message.contact_id,
    )
    return Used(usage, destination if destination.startswith("+") else "")
