"""Random delivery reports: most messages are delivered, and most reports come quickly."""

from random import Random

DELIVERED = 0.94
"""The part of the messages that is delivered."""

SECONDS_MIN, SECONDS_MAX = 0.1, 1.2
"""From submit to the report. Operators take seconds to minutes: time is compressed here."""


def delivery_seconds(random: Random) -> float:
    """Return the seconds from submit to the report; most are short."""
    return SECONDS_MIN + (SECONDS_MAX - SECONDS_MIN) * random.random() ** 2


def is_delivered(random: Random) -> bool:
    """Return whether a message is delivered."""
    return random.random() < DELIVERED
