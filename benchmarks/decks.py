"""Rates and decks for the benchmarks.

For voice a real deck if one lies beside the checkout, else a generated one of the same shape.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS

from server.countries import UnknownCountry, country_of
from veloconnect.admin.v1 import rate_pb2
from veloconnect.wallet.v1 import wallet_pb2

REAL = Path(__file__).parents[2] / "shared" / "data" / "voice-rate-deck.csv"
PREFIXES = 36_205
"""The number of prefixes in the real deck."""
HEADER = "prefix,destination,rate_per_minute,connect_fee,initial_seconds,increment_seconds"
PREFIX_DIGITS = range(2, 8)
"""The digits after the calling code."""
PRICES = ("0.00430", "0.01230", "0.01250", "0.01430", "0.02990", "0.04580", "0.07880", "0.54600")
NUMBER_DIGITS = 12
SEED = 36_205


@dataclass(frozen=True, slots=True)
class VoiceDeck:
    """A file for ImportRates, and the prefixes in it, without the +."""

    title: str
    csv: bytes
    prefixes: Sequence[str]


def voice_deck() -> VoiceDeck:
    """Return the real deck, or a generated one."""
    if REAL.exists():
        csv = REAL.read_bytes()
        prefixes = [line.split(",", 1)[0] for line in csv.decode().splitlines()[1:] if line]
        return VoiceDeck(f"a real voice deck of {len(prefixes):,} prefixes", csv, prefixes)
    prefixes = sorted(_prefixes())
    draw = random.Random(SEED)
    lines = [f"{prefix},Destination {prefix[:4]},{draw.choice(PRICES)},0.00000,0,6" for prefix in prefixes]
    csv = "\n".join([HEADER, *lines, ""]).encode()
    return VoiceDeck(f"a voice deck of {len(prefixes):,} prefixes that was made up", csv, prefixes)


def sms_rates(unit_price_micros: int) -> list[rate_pb2.Rate]:
    """Return a price of an SMS for each country."""
    return [
        rate_pb2.Rate(
            channel=wallet_pb2.CHANNEL_SMS, destination=country, unit_price_micros=unit_price_micros, next_increment=1
        )
        for country in sorted(SUPPORTED_REGIONS)
    ]


def numbers(deck: VoiceDeck, count: int) -> list[str]:
    """Return random numbers in E.164 for which the deck has a prefix."""
    draw = random.Random(SEED)
    found: list[str] = []
    while len(found) < count:
        prefix = draw.choice(deck.prefixes)
        number = "+" + prefix + "".join(draw.choices("0123456789", k=NUMBER_DIGITS - len(prefix)))
        try:
            country_of(number)
        except UnknownCountry:
            continue
        found.append(number)
    return found


def _prefixes() -> set[str]:
    draw = random.Random(SEED)
    codes = [str(code) for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if regions[0] != "001"]
    found = set(codes)
    while len(found) < PREFIXES:
        digits = draw.choice(PREFIX_DIGITS)
        found.add(draw.choice(codes) + "".join(draw.choices("0123456789", k=digits)))
    return found


def chunks(csv: bytes, size: int = 256 * 1024) -> Iterator[bytes]:
    """Split a file into chunks, as clients do."""
    for start in range(0, len(csv), size):
        yield csv[start : start + size]
