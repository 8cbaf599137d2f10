"""The upload of a deck: settings, then the file in chunks."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from admin.rates.decks.files import DECK_BYTES_MAX
from admin.rates.decks.reader import DeckSettings
from server.rejections import InvalidRequest, Violation, invalid
from server.times import micros_of
from veloconnect.admin.v1 import rate_pb2
from wallet.domain.money import CURRENCIES
from wallet.domain.usage import Channel


class DeckUpload(NamedTuple):
    """The settings and the file that a caller sent."""

    settings: rate_pb2.ImportRatesSettings
    deck_settings: DeckSettings
    data: bytes


async def receive_upload(requests: AsyncIterator[rate_pb2.ImportRatesRequest]) -> DeckUpload:
    """Read a stream to its end. Raises InvalidRequest unless it is settings, then chunks of at most DECK_BYTES_MAX."""
    settings = None
    data = bytearray()
    async for request in requests:
        if request.HasField("settings"):
            if settings is not None:
                raise invalid("settings", "must be in the first message only")
            settings = request.settings
            deck_settings = _deck_settings(settings)
        elif settings is None:
            raise invalid("settings", "must be in the first message, before every chunk")
        else:
            data += request.chunk
            if len(data) > DECK_BYTES_MAX:
                raise invalid("chunk", f"the file has more than {DECK_BYTES_MAX} bytes: divide it")
    if settings is None:
        raise invalid("settings", "is required, in the first message")
    return DeckUpload(settings, deck_settings, bytes(data))


def _deck_settings(settings: rate_pb2.ImportRatesSettings) -> DeckSettings:
    if settings.currency_code and settings.currency_code not in CURRENCIES:
        raise invalid("settings.currency_code", f"{settings.currency_code} is not a currency of ISO 4217, such as EUR")
    broken: list[Violation] = []
    effective_at = None
    if settings.HasField("effective_time"):
        effective_at = micros_of(settings.effective_time, "settings.effective_time", broken)
    if broken:
        raise InvalidRequest(violations=broken)
    return DeckSettings(
        channel=Channel(int(settings.channel)) if settings.channel else None,
        variant=settings.variant,
        effective_at=effective_at,
        columns=dict(settings.columns),
        date_format=settings.date_format,
    )
