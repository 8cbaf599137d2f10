"""Prices: a small table with the magnitudes of real price lists; the gateways name the price of each charge.

Amounts are micros of a euro. They differ by a factor of fifty between countries, as real ones do.
"""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

SECONDS_PER_MINUTE = 60


class Item(Enum):
    """A product: a column of the table, with its channel and variant as the API names them."""

    SMS_SEGMENT = ("CHANNEL_SMS", "")
    WHATSAPP_MARKETING = ("CHANNEL_WHATSAPP", "template.marketing")
    WHATSAPP_UTILITY = ("CHANNEL_WHATSAPP", "template.utility")
    VOICE_MINUTE = ("CHANNEL_VOICE", "")
    NUMBER_MONTH = ("CHANNEL_PHONE_NUMBER", "")


class Row(NamedTuple):
    """One country's prices, in EUR micros."""

    sms_segment: int
    whatsapp_marketing: int
    whatsapp_utility: int
    voice_minute: int
    number_month: int = 3_000_000


BY_COUNTRY: Mapping[str, Row] = {
    "AE": Row(62_000, 33_000, 13_500, 195_000),
    "AT": Row(78_000, 74_500, 24_800, 42_000, 2_000_000),
    "AU": Row(44_000, 63_500, 15_000, 52_000, 2_750_000),
    "BE": Row(92_000, 74_500, 24_800, 58_000, 1_300_000),
    "BR": Row(38_000, 54_000, 5_900, 48_000, 4_100_000),
    "CA": Row(7_900, 21_600, 3_500, 13_000, 1_100_000),
    "CH": Row(66_000, 74_500, 24_800, 98_000, 1_500_000),
    "CN": Row(33_000, 63_500, 13_000, 21_000),
    "DE": Row(75_000, 118_000, 47_500, 39_000, 1_400_000),
    "EG": Row(230_000, 92_500, 5_000, 145_000),
    "ES": Row(69_000, 53_000, 17_300, 31_000, 1_500_000),
    "FR": Row(64_000, 74_000, 25_900, 36_000, 1_100_000),
    "GB": Row(40_000, 45_700, 19_000, 29_000, 1_100_000),
    "ID": Row(310_000, 35_500, 17_300, 62_000, 22_000_000),
    "IN": Row(72_000, 9_200, 1_200, 17_000),
    "IT": Row(79_000, 59_700, 25_900, 33_000, 2_100_000),
    "JP": Row(68_000, 63_500, 13_000, 108_000, 4_500_000),
    "KE": Row(98_000, 19_400, 3_400, 170_000),
    "MX": Row(54_000, 26_300, 8_600, 34_000, 5_900_000),
    "NG": Row(275_000, 44_500, 5_800, 165_000),
    "NL": Row(87_000, 138_000, 43_200, 46_000, 1_400_000),
    "PH": Row(165_000, 63_500, 13_000, 175_000),
    "PL": Row(35_000, 74_000, 18_300, 44_000, 1_100_000),
    "PT": Row(46_000, 74_500, 24_800, 49_000, 1_100_000),
    "SA": Row(155_000, 39_200, 10_000, 165_000),
    "SE": Row(51_000, 74_500, 24_800, 27_000, 1_100_000),
    "TR": Row(21_000, 9_400, 4_600, 158_000),
    "US": Row(7_900, 21_600, 3_500, 13_000, 1_060_000),
    "ZA": Row(101_000, 32_800, 6_600, 178_000, 7_000_000),
}

ELSEWHERE = Row(112_000, 52_200, 6_700, 240_000, 6_500_000)
"""Every country that has no row."""

PERCENT_OF_EURO: Mapping[str, int] = {"EUR": 100, "GBP": 86, "USD": 108}
"""One euro in the currency of a wallet, in percent."""


def price(item: Item, country: str, currency: str, quantity: int = 1) -> int:
    """Return what `quantity` of an item costs, in micros of the currency, rounded up; calls are counted in seconds."""
    row = BY_COUNTRY.get(country, ELSEWHERE)
    unit: int = getattr(row, item.name.lower())
    divisor = 100 * (SECONDS_PER_MINUTE if item is Item.VOICE_MINUTE else 1)
    return -(-unit * quantity * PERCENT_OF_EURO[currency] // divisor)
