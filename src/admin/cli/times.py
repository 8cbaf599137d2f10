"""Times in options of the command line."""

from datetime import UTC, datetime, timedelta

import click

from wallet.domain.times import TIME_MAX

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_micros(text: str, option: str) -> int:
    """Parse a time in ISO 8601; return microseconds since the epoch. A time without an offset is in UTC.

    Raises click.BadParameter with the name of the option, such as "--from".
    """
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError as error:
        fault = "may be day/month or month/day" if "/" in text else "is not a date"
        message = f"{text} {fault}: write it as in 2026-12-31 or 2026-12-31T23:00:00Z"
        raise click.BadParameter(message, param_hint=option) from error
    micros = (time.replace(tzinfo=time.tzinfo or UTC) - _EPOCH) // timedelta(microseconds=1)
    if not 0 <= micros <= TIME_MAX:
        raise click.BadParameter(f"{text} is not between the years 1970 and 9999", param_hint=option)
    return micros
