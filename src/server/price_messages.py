"""Convert prices to messages, with an explanation of their arithmetic."""

from functools import lru_cache

from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.money import format_money
from wallet.domain.pricing import Price
from wallet.domain.resource_names import RATE
from wallet.domain.usage import Channel

_UNITS = {Channel.SMS: "segment", Channel.WHATSAPP: "message", Channel.VOICE: "minute", Channel.PHONE_NUMBER: "month"}
"""The unit of each channel's unit price."""

PRICES_REMEMBERED = 4_096
"""Prices repeat: copying a message takes an eighth of the time of making it."""


def fill_price(message: wallet_pb2.Price, price: Price, currency: str) -> None:
    """Set the fields of a new message."""
    message.CopyFrom(_message(price, currency))


@lru_cache(maxsize=PRICES_REMEMBERED)
def _message(price: Price, currency: str) -> wallet_pb2.Price:
    message = wallet_pb2.Price()
    message.basis = wallet_pb2.Price.BASIS_REQUEST if price.by_request else wallet_pb2.Price.BASIS_RATE
    message.rate = RATE.name(price.card, price.rate)
    message.rate_card_version = price.version
    if price.effective_at:
        message.effective_time.FromMicroseconds(price.effective_at)
    message.unit_price_micros = price.unit_price
    if price.connect_fee:
        message.connect_fee_micros = price.connect_fee
    if price.minimum:
        message.minimum_quantity = price.minimum
    if price.first:
        message.first_increment = price.first
    message.next_increment = price.next
    if not price.by_request:  # Else the amount does not follow from these.
        message.used_quantity = price.used
        message.billed_quantity = price.billed
        message.explanation = explanation(price, currency)
    return message


def explanation(price: Price, currency: str) -> str:
    """Return the arithmetic of a price as a text for people.

    "210 s billed (205 s used, 30/6) at 0.024 EUR a minute + 0.01 EUR connect fee = 0.094 EUR"
    """
    channel = price.channel
    if channel is Channel.VOICE:
        used = "" if price.used == price.billed else f"{price.used} s used, "
        quantity = f"{price.billed} s billed ({used}{price.first}/{price.next})"
    else:
        used = "" if price.used == price.billed else f" billed ({price.used} used)"
        quantity = f"{price.billed} {_UNITS[channel]}{'' if price.billed == 1 else 's'}{used}"
    fee = f" + {format_money(price.connect_fee, currency)} connect fee" if price.connect_fee else ""
    unit_price, amount = format_money(price.unit_price, currency), format_money(price.amount, currency)
    return f"{quantity} at {unit_price} a {_UNITS[channel]}{fee} = {amount}"
