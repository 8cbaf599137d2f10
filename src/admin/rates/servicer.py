"""RateService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing

from admin.rates.decks.reader import BadRow, Deck, read_deck
from admin.rates.decks.writer import deck_lines
from admin.rates.messages import card_message, changes_message, rate_message, rates_of
from admin.rates.quotes import Quotes
from admin.rates.store import (
    START,
    Cursor,
    RateCards,
    RateImport,
    effective_now,
)
from admin.rates.upload import DeckUpload, receive_upload
from admin.rpc.concurrency import ConcurrencyLimit
from admin.rpc.field_masks import ResourceFields, fields_to_update
from admin.rpc.pages import ID, Listing
from server.context import Context
from server.rejections import InvalidRequest, Violation, invalid
from server.validation import check_name
from veloconnect.admin.v1 import rate_pb2, rate_pb2_grpc
from wallet.domain.errors import RateCardNotFound
from wallet.domain.money import CURRENCIES
from wallet.domain.rates import Rate, RateCard
from wallet.domain.resource_names import RATE_CARD
from wallet.domain.usage import Channel

AT_ONCE_MAX = 4
"""Per process: imports, each with a file of up to 64 MiB in memory, and exports, each with a connection."""

_CURSOR = re.compile(r"([1-9]):([a-z0-9._-]{0,64}):(\+[0-9]{1,15}|[A-Z]{2}|):([0-9]{1,18})")
_IMMUTABLE = "currency_code"
_FIELDS = ResourceFields(
    "a rate card",
    mutable=frozenset({"display_name", "parent"}),
    immutable=frozenset({_IMMUTABLE}),
    output_only=frozenset({"name", "version", "rate_count", "create_time", "update_time"}),
)


class RateServicer(rate_pb2_grpc.RateServiceServicer):
    """RateService. Errors are raised; server.boundary answers them."""

    def __init__(self, cards: RateCards, quotes: Quotes) -> None:
        """Keep rates in `cards`, and quote prices by `quotes`."""
        self._cards = cards
        self._quotes = quotes
        self._imports = ConcurrencyLimit("imports", calls_max=AT_ONCE_MAX)
        self._exports = ConcurrencyLimit("exports", calls_max=AT_ONCE_MAX)

    async def CreateRateCard(self, request: rate_pb2.CreateRateCardRequest, context: Context) -> rate_pb2.RateCard:
        """Create a card without rates."""
        card = request.rate_card
        if not card.currency_code:
            raise invalid("rate_card.currency_code", "is required: the ISO 4217 code of the card's currency")
        if card.currency_code not in CURRENCIES:
            raise invalid("rate_card.currency_code", f"{card.currency_code} is not a currency of ISO 4217, such as EUR")
        return card_message(
            await self._cards.create(
                request.rate_card_id,
                currency=card.currency_code,
                parent=RATE_CARD.parse_optional(card.parent),
                display_name=card.display_name,
            )
        )

    async def GetRateCard(self, request: rate_pb2.GetRateCardRequest, context: Context) -> rate_pb2.RateCard:
        """Read a card."""
        return card_message(await self._cards.get(RATE_CARD.parse(request.name)))

    async def ListRateCards(
        self, request: rate_pb2.ListRateCardsRequest, context: Context
    ) -> rate_pb2.ListRateCardsResponse:
        """List cards, by id."""
        listing = Listing(request, RATE_CARD.collection, ID)
        page, more = listing.page(await self._cards.list(listing.cursor, listing.limit), lambda card: card.id)
        return rate_pb2.ListRateCardsResponse(rate_cards=map(card_message, page), next_page_token=more)

    async def UpdateRateCard(self, request: rate_pb2.UpdateRateCardRequest, context: Context) -> rate_pb2.RateCard:
        """Change a card's name or parent."""
        card = request.rate_card
        check_name(RATE_CARD, card.name, "rate_card.name", "a rate card, such as rateCards/standard")
        paths = fields_to_update(card, request.update_mask, _FIELDS)
        card_id = RATE_CARD.parse(card.name)
        if _IMMUTABLE in paths and card.currency_code != (await self._cards.get(card_id)).currency:
            raise invalid("rate_card.currency_code", "never changes")
        return card_message(
            await self._cards.update(
                card_id,
                display_name=card.display_name if "display_name" in paths else None,
                parent=RATE_CARD.parse_optional(card.parent) if "parent" in paths else None,
            )
        )

    async def ListRates(self, request: rate_pb2.ListRatesRequest, context: Context) -> rate_pb2.ListRatesResponse:
        """List rates of a card."""
        card = RATE_CARD.parse(request.parent)
        listing = Listing(request, f"{request.parent}/rates/{request.channel}/{request.destination}", _CURSOR)
        found = await self._cards.list_rates(
            card,
            after=_cursor_of(listing.cursor),
            limit=listing.limit,
            channel=_channel(request.channel),
            destination=request.destination,
        )
        page, more = listing.page(found, _cursor)
        return rate_pb2.ListRatesResponse(rates=[rate_message(card, rate) for rate in page], next_page_token=more)

    async def BatchUpdateRates(
        self, request: rate_pb2.BatchUpdateRatesRequest, context: Context
    ) -> rate_pb2.BatchUpdateRatesResponse:
        """Change some rates of a card."""
        card = RATE_CARD.parse(request.parent)
        now = effective_now()
        deck = rates_of(request.rates, now=now)
        new = RateImport(deck, now, now, keep_unlisted=True, validate_only=request.validate_only)
        done = await self._cards.import_rates(card, new)
        return rate_pb2.BatchUpdateRatesResponse(
            changes=changes_message(card, done.changes), rate_card=_message_if_any(done.card)
        )

    async def ImportRates(
        self, requests: AsyncIterator[rate_pb2.ImportRatesRequest], context: Context
    ) -> rate_pb2.ImportRatesResponse:
        """Import a deck into a card."""
        with self._imports.acquire():
            upload = await receive_upload(requests)
            now = effective_now()
            deck = await asyncio.to_thread(read_deck, upload.data, upload.deck_settings, now=now)
            if deck.bad_rows_found:
                return await self._report(upload.settings, deck)
            return await self._import(upload, deck, now)

    async def _import(self, upload: DeckUpload, deck: Deck, now: int) -> rate_pb2.ImportRatesResponse:
        settings = upload.settings
        card = RATE_CARD.parse(settings.parent)
        effective_at = upload.deck_settings.effective_at
        new = RateImport(
            deck.rates,
            now if effective_at is None else effective_at,
            now,
            keep_unlisted=settings.keep_unlisted,
            currency=settings.currency_code,
            validate_only=settings.validate_only,
        )
        done = await self._cards.import_rates(card, new)
        return rate_pb2.ImportRatesResponse(
            imported=not settings.validate_only,
            rows=deck.rows,
            changes=changes_message(card, done.changes),
            rate_card=_message_if_any(done.card),
            ignored_columns=deck.ignored_columns,
        )

    async def _report(self, settings: rate_pb2.ImportRatesSettings, deck: Deck) -> rate_pb2.ImportRatesResponse:
        """Return the report on a deck with bad rows. Raises InvalidRequest unless the request is validate_only."""
        if not settings.validate_only:
            raise InvalidRequest(violations=[Violation(_field(row), row.description) for row in deck.bad_rows])
        try:
            card = await self._cards.get(RATE_CARD.parse(settings.parent))
        except RateCardNotFound:
            card = None
        return rate_pb2.ImportRatesResponse(
            rows=deck.rows,
            bad_rows=[
                rate_pb2.BadRow(line=row.line, column=row.column, description=row.description) for row in deck.bad_rows
            ],
            bad_rows_found=deck.bad_rows_found,
            rate_card=_message_if_any(card),
            ignored_columns=deck.ignored_columns,
        )

    async def ExportRates(
        self, request: rate_pb2.ExportRatesRequest, context: Context
    ) -> AsyncIterator[rate_pb2.ExportRatesResponse]:
        """Export a card's rates as a deck."""
        channel = _channel(request.channel)
        with self._exports.acquire():
            async with aclosing(self._cards.stream_rates(RATE_CARD.parse(request.name), channel=channel)) as slices:
                (header,) = deck_lines([], with_channel=channel is None)
                async for rates in slices:
                    _, *lines = deck_lines(rates, with_channel=channel is None)
                    yield rate_pb2.ExportRatesResponse(csv=header + "".join(lines))
                    header = ""
                if header:
                    yield rate_pb2.ExportRatesResponse(csv=header)

    async def QuotePrice(self, request: rate_pb2.QuotePriceRequest, context: Context) -> rate_pb2.QuotePriceResponse:
        """Quote the price of a usage."""
        return await self._quotes.quote(request)


def _channel(channel: int) -> Channel | None:
    return Channel(channel) if channel else None


def _message_if_any(card: RateCard | None) -> rate_pb2.RateCard | None:
    return card_message(card) if card else None


def _field(row: BadRow) -> str:
    return f"line {row.line}, {row.column}" if row.column else f"line {row.line}"


def _cursor(rate: Rate) -> str:
    return f"{rate.channel.value}:{rate.variant}:{rate.destination}:{rate.effective_at}"


def _cursor_of(cursor: str) -> Cursor:
    if not cursor:
        return START
    channel, variant, destination, effective_at = cursor.split(":")
    return Cursor(int(channel), variant, destination, int(effective_at))
