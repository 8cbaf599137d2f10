"""Times in options of the command line."""

import click

from admin.time_text import UnreadableTime, parse_time


def parse_time_option(text: str, option: str) -> int:
    """Return a time in microseconds since the epoch; without an offset it is in UTC.

    Raises click.BadParameter with the name of the option, such as "--from".
    """
    try:
        return parse_time(text)
    except UnreadableTime as error:
        message = f"{text} {error}: write it as in 2026-12-31 or 2026-12-31T23:00:00Z"
        raise click.BadParameter(message, param_hint=option) from error
