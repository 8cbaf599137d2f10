"""Times are integers: microseconds since the epoch, in UTC."""

SECOND = 1_000_000
"""Microseconds in a second."""

TIME_MAX = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""
