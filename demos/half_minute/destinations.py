"""Phone numbers of recipients: valid mobile numbers of nearly every country, from the metadata of phonenumbers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

WEIGHTS: Mapping[str, float] = {
    "DE": 18, "US": 15, "GB": 10, "FR": 9, "ES": 6, "IT": 6, "IN": 6, "BR": 5, "NL": 5, "PL": 4, "AT": 4, "CH": 3,
    "BE": 3, "MX": 3, "CA": 3, "TR": 3, "SE": 2, "PT": 2, "ZA": 2, "NG": 2, "ID": 2, "AU": 2, "AE": 2, "SA": 1, "JP": 1,
    "PH": 1, "EG": 1, "KE": 1, "CN": 1,
}  # fmt: skip
"""The relative frequency of each country."""

WEIGHT_ELSEWHERE = 0.1
NUMBERS = 3_000
"""Numbers in a phone book. They repeat, as customers do."""

VARIED_DIGITS = 4
VARIATIONS_MAX = 20
E164 = re.compile(r"\+[1-9][0-9]{5,14}")


@dataclass(frozen=True, slots=True)
class Destination:
    """A number in E.164 and its country in ISO 3166-1 alpha-2."""

    number: str
    country: str


class PhoneBook:
    """Numbers of many countries, the frequent ones more often."""

    def __init__(self, random: Random, numbers: int = NUMBERS) -> None:
        """Choose the numbers at random; this takes a quarter of a second, for the metadata of 240 countries."""
        examples = {region: found for region in sorted(phonenumbers.SUPPORTED_REGIONS) if (found := _example(region))}
        weights = [WEIGHTS.get(region, WEIGHT_ELSEWHERE) for region in examples]
        regions = random.choices(list(examples), weights, k=numbers)
        self._destinations = [Destination(_vary(examples[region], region, random), region) for region in regions]

    def pick(self, random: Random) -> Destination:
        """Return one of them."""
        return random.choice(self._destinations)


def _example(region: str) -> PhoneNumber | None:
    number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    return number if number is not None and E164.fullmatch(_text(number)) else None


def _vary(example: PhoneNumber, region: str, random: Random) -> str:
    """Return another valid number like the example; the example where none is found."""
    text = _text(example)
    for _ in range(VARIATIONS_MAX):
        varied = f"{text[:-VARIED_DIGITS]}{random.randrange(10**VARIED_DIGITS):0{VARIED_DIGITS}}"
        if phonenumbers.is_valid_number_for_region(phonenumbers.parse(varied), region):
            return varied
    return text


def _text(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
