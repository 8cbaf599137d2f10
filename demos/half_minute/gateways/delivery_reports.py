"""Delivery reports, as operators send them: mostly good, and rarely at once."""

from random import Random

DELIVERED = 0.94
"""The part of the messages that arrives."""

SECONDS_MIN, SECONDS_MAX = 0.1, 1.2
"""From submit to the report. Operators take seconds to minutes: time is compressed here."""


def delivery_seconds(random: Random) -> float:
    """Return how long one report takes: most are quick."""
    return SECONDS_MIN + (SECONDS_MAX - SECONDS_MIN) * random.random() ** 2


def is_delivered(random: Random) -> bool:
    """Return whether the message arrived."""
    return random.random() < DELIVERED
