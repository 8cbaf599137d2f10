"""Usage from a message: what was used, and the number that it went to."""

from typing import NamedTuple

from server.countries import UnknownCountry, country_of
from server.rejections import invalid
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.usage import Channel, Usage

_CHANNELS = {int(channel): channel for channel in Channel}


class Used(NamedTuple):
    """What was used.

    `number` is in E.164, or empty where only a country or nothing was named: it prices, and is not kept.
    """

    usage: Usage
    number: str


def usage_of(message: wallet_pb2.Usage, *, field: str = "usage") -> Used:
    """Return what a message says was used, a quantity of 1 where it says none. Raises InvalidRequest.

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
