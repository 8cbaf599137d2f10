"""Requests of RateService that must be refused: `rateCards/bad` in EUR has a rate, `rateCards/dollars` is in USD."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from tests.acceptance.bad_requests.makers import UNKNOWN, BadRequest, RefusedRequest, forged
from veloconnect.admin.v1 import rate_pb2
from veloconnect.wallet.v1 import wallet_pb2

PRICE_MAX = 9_000_000_000_000
QUANTITY_MAX = 1_000_000_000


def make(card: str = "new", **fields: Any) -> rate_pb2.CreateRateCardRequest:
    """Return the making of a card, in EUR where nothing else is given."""
    return rate_pb2.CreateRateCardRequest(
        rate_card_id=card, rate_card=rate_pb2.RateCard(**{"currency_code": "EUR", **fields})
    )


def change(*paths: str, name: str = "rateCards/bad", **fields: Any) -> rate_pb2.UpdateRateCardRequest:
    """Return a change of a card."""
    return rate_pb2.UpdateRateCardRequest(
        rate_card=rate_pb2.RateCard(name=name, **fields), update_mask=FieldMask(paths=paths)
    )


def rate(**fields: Any) -> rate_pb2.Rate:
    """Return a rate that would be taken, but for the fields that are given."""
    good = {"channel": wallet_pb2.CHANNEL_SMS, "destination": "+49", "unit_price_micros": 1}
    return rate_pb2.Rate(**{**good, **fields})


def batch(*rates: rate_pb2.Rate, parent: str = "rateCards/bad") -> rate_pb2.BatchUpdateRatesRequest:
    """Return a change of some rates."""
    return rate_pb2.BatchUpdateRatesRequest(parent=parent, rates=rates)


def listing(**fields: Any) -> rate_pb2.ListRatesRequest:
    """Return the reading of a card's rates."""
    return rate_pb2.ListRatesRequest(**{"parent": "rateCards/bad", **fields})


def quote(**fields: Any) -> rate_pb2.QuotePriceRequest:
    """Return a question for a price."""
    usage = wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_VOICE, destination="+4930123456")
    payer = {} if "company" in fields else {"rate_card": "rateCards/bad"}
    return rate_pb2.QuotePriceRequest(**{"usage": usage, **payer, **fields})


def at(seconds: int) -> Timestamp:
    """Return a time."""
    return Timestamp(seconds=seconds)


BAD: dict[str, BadRequest] = {
    "card of a bad id": ("rates.CreateRateCard", make("A b"), "rate_card_id"),
    "card missing": ("rates.CreateRateCard", rate_pb2.CreateRateCardRequest(rate_card_id="new"), "rate_card"),
    "card without a currency": ("rates.CreateRateCard", make(currency_code=""), "rate_card.currency_code"),
    "card in no currency": ("rates.CreateRateCard", make(currency_code="XXX"), "rate_card.currency_code"),
    "card with NUL in its name": ("rates.CreateRateCard", make(display_name="A\0"), "rate_card.display_name"),
    "card with a parent that is no name": ("rates.CreateRateCard", make(parent="bad"), "rate_card.parent"),
    "card read by a bad name": ("rates.GetRateCard", rate_pb2.GetRateCardRequest(name="bad"), "name"),
    "cards by a negative page size": (
        "rates.ListRateCards",
        rate_pb2.ListRateCardsRequest(page_size=-1),
        "page_size",
    ),
    "cards by a forged token": (
        "rates.ListRateCards",
        rate_pb2.ListRateCardsRequest(page_token=forged("rateCards A")),
        "page_token",
    ),
    "change of no card": ("rates.UpdateRateCard", change(name=""), "rate_card.name"),
    "change of something else": ("rates.UpdateRateCard", change(name="companies/bad"), "rate_card.name"),
    "change of a field that is none": ("rates.UpdateRateCard", change("rates"), "update_mask"),
    "change of everything and more": ("rates.UpdateRateCard", change("*", "parent"), "update_mask"),
    "change of the currency": (
        "rates.UpdateRateCard",
        change("currency_code", currency_code="USD"),
        "rate_card.currency_code",
    ),
    "card its own parent": ("rates.UpdateRateCard", change(parent="rateCards/bad"), "rate_card.parent"),
    "rates of a bad name": ("rates.ListRates", listing(parent="rateCards/"), "parent"),
    "rates of an unknown channel": ("rates.ListRates", listing(channel=99), "channel"),
    "rates by a destination without +": ("rates.ListRates", listing(destination="49"), "destination"),
    "rates by another card's token": (
        "rates.ListRates",
        listing(page_token=forged("rateCards/dollars/rates/0/ 3::+49:1")),
        "page_token",
    ),
    "rates by another filter's token": (
        "rates.ListRates",
        listing(page_token=forged("rateCards/bad/rates/0/+4 3::+49:1")),
        "page_token",
    ),
    "rates by a token past every time": (
        "rates.ListRates",
        listing(page_token=forged(f"rateCards/bad/rates/0/ 3::+49:{10**19}")),
        "page_token",
    ),
    "rates by a token with NUL": (
        "rates.ListRates",
        listing(page_token=forged("rateCards/bad/rates/0/ 3:\0:+49:1")),
        "page_token",
    ),
    "batch of no rates": ("rates.BatchUpdateRates", batch(), "rates"),
    "batch of 1 001 rates": ("rates.BatchUpdateRates", batch(*[rate()] * 1001), "rates"),
    "batch of a bad name": ("rates.BatchUpdateRates", batch(rate(), parent="bad"), "parent"),
    "rate for no channel": ("rates.BatchUpdateRates", batch(rate(), rate(channel=0)), "rates[1].channel"),
    "rate with a bad variant": ("rates.BatchUpdateRates", batch(rate(variant="A")), "rates[0].variant"),
    "rate for no prefix": ("rates.BatchUpdateRates", batch(rate(destination="+049")), "rates[0].destination"),
    "rate for no country": ("rates.BatchUpdateRates", batch(rate(destination="ZZ")), "rates[0].destination"),
    "rate below nothing": (
        "rates.BatchUpdateRates",
        batch(rate(unit_price_micros=-1)),
        "rates[0].unit_price_micros",
    ),
    "rate above the range": (
        "rates.BatchUpdateRates",
        batch(rate(unit_price_micros=PRICE_MAX + 1)),
        "rates[0].unit_price_micros",
    ),
    "rate with an increment above the range": (
        "rates.BatchUpdateRates",
        batch(rate(next_increment=QUANTITY_MAX + 1)),
        "rates[0].next_increment",
    ),
    "rate with a line end in its description": (
        "rates.BatchUpdateRates",
        batch(rate(description="A\nB")),
        "rates[0].description",
    ),
    "rate that began before time": (
        "rates.BatchUpdateRates",
        batch(rate(effective_time=at(-1))),
        "rates[0].effective_time",
    ),
    "rate that ends before it begins": (
        "rates.BatchUpdateRates",
        batch(rate(effective_time=at(10), expire_time=at(10))),
        "rates[0].expire_time",
    ),
    "rate that ends before now": ("rates.BatchUpdateRates", batch(rate(expire_time=at(10))), "rates[0].expire_time"),
    "rate twice": ("rates.BatchUpdateRates", batch(rate(), rate()), "rates[1]"),
    "rates in each other's way": (
        "rates.BatchUpdateRates",
        batch(rate(effective_time=at(20)), rate(effective_time=at(10), expire_time=at(30))),
        "rates[0]",
    ),
    "quote without a card or a company": ("rates.QuotePrice", quote(rate_card=""), "rate_card"),
    "quote by no card": ("rates.QuotePrice", quote(company="bad"), "company"),
    "quote of nothing": ("rates.QuotePrice", quote(usage=None), "usage"),
    "quote of a bad country": (
        "rates.QuotePrice",
        quote(usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="ZZ")),
        "usage.destination",
    ),
    "quote of more than a wallet holds": (
        "rates.QuotePrice",
        quote(
            usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_VOICE, destination="+4930123456", quantity=QUANTITY_MAX)
        ),
        "usage.quantity",
    ),
}
"""Case → method, request, invalid field."""

NONE = "rateCards/none"

REFUSED: dict[str, RefusedRequest] = {
    "card made twice": ("rates.CreateRateCard", make("bad"), "RATE_CARD_ALREADY_EXISTS"),
    "card below one that there is not": ("rates.CreateRateCard", make(parent=NONE), "RATE_CARD_NOT_FOUND"),
    "card below one in another currency": (
        "rates.CreateRateCard",
        make(parent="rateCards/dollars"),
        "CURRENCY_MISMATCH",
        {"wallet": "USD", "given": "EUR"},
    ),
    "unknown card": ("rates.GetRateCard", rate_pb2.GetRateCardRequest(name=NONE), "RATE_CARD_NOT_FOUND"),
    "change of an unknown card": (
        "rates.UpdateRateCard",
        change("display_name", name=NONE),
        "RATE_CARD_NOT_FOUND",
    ),
    "unknown parent": ("rates.UpdateRateCard", change(parent=NONE), "RATE_CARD_NOT_FOUND"),
    "parent in another currency": (
        "rates.UpdateRateCard",
        change(parent="rateCards/dollars"),
        "CURRENCY_MISMATCH",
        {"wallet": "USD", "given": "EUR"},
    ),
    "rates of an unknown card": ("rates.ListRates", listing(parent=NONE), "RATE_CARD_NOT_FOUND"),
    "batch for an unknown card": ("rates.BatchUpdateRates", batch(rate(), parent=NONE), "RATE_CARD_NOT_FOUND"),
    "quote by an unknown card": ("rates.QuotePrice", quote(rate_card=NONE), "RATE_CARD_NOT_FOUND"),
    "quote of an unknown company": ("rates.QuotePrice", quote(company=UNKNOWN), "COMPANY_NOT_FOUND"),
    "quote of a company without a card": (
        "rates.QuotePrice",
        quote(company="companies/bad"),
        "RATE_NOT_FOUND",
        {"channel": "VOICE", "variant": "", "country": "DE"},
    ),
    "quote of what has no rate": (
        "rates.QuotePrice",
        quote(usage=wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, variant="flash", destination="FR")),
        "RATE_NOT_FOUND",
        {"channel": "SMS", "variant": "flash", "country": "FR"},
    ),
}
"""Case → method, request, reason, metadata."""
