"""Cells with text: prefix, country, channel, variant and description."""

import re

from admin.spreadsheets import text_in_cell
from server.countries import COUNTRIES
from wallet.domain.usage import Channel

EVERYWHERE_ELSE = "*"
"""Marks the default in a destination's cell. An empty cell may be an accident, and would price every destination."""

DESCRIPTION_LENGTH_MAX = 200
VARIANT_LENGTH_MAX = 64

_TEXT_QUOTED_MAX = 40

_PREFIX = re.compile(r"\+?([1-9][0-9]{0,14})")
_SHORTENED = re.compile(r"[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+")
_VARIANT = re.compile(r"([a-z0-9_-]+(\.[a-z0-9_-]+)*)?")
_LINE_BREAKS = re.compile(r"[\t\r\n]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_CHANNELS = {channel.name.replace("_", "").lower(): channel for channel in Channel}


class BadCell(ValueError):
    """A cell cannot be parsed. The text says why, and what it must be."""

    column = ""
    """The header of its column, if it is known."""


def quoted(text: str) -> str:
    """Return a cell's text in quotes for a message; a long text is cut."""
    return f'"{text}"' if len(text) <= _TEXT_QUOTED_MAX else f'"{text[:_TEXT_QUOTED_MAX]}…"'


def parse_prefix(text: str) -> str:
    """Return a prefix of numbers in E.164, with its +; empty for everywhere else. Raises BadCell."""
    text = text.strip()
    if text == EVERYWHERE_ELSE:
        return ""
    match = _PREFIX.fullmatch(text)
    if match:
        return "+" + match[1]
    if _SHORTENED.fullmatch(text):
        raise BadCell(f"{quoted(text)} is a prefix that a spreadsheet has shortened: format the column as text")
    if text.startswith(("0", "+0")):
        raise BadCell(f"{quoted(text)} begins with 0: a prefix begins with the calling code, without 00 before it")
    if re.search(r"[0-9]\s*[,;/|]", text):
        raise BadCell(f"{quoted(text)} has several prefixes: each needs a row of its own")
    raise BadCell(
        f"{quoted(text)} is not a prefix: 1 to 15 digits, with or without + before them, and nothing between them"
    )


def parse_country(text: str) -> str:
    """Return a country in ISO 3166-1 alpha-2; empty for everywhere else. Raises BadCell."""
    text = text.strip()
    if text == EVERYWHERE_ELSE:
        return ""
    country = text.upper()
    if country not in COUNTRIES:
        raise BadCell(f"{quoted(text)} is not a country of ISO 3166-1: two letters, such as DE")
    return country


def parse_channel(text: str) -> Channel:
    """Return a channel from its name in the API, in any case. Raises BadCell."""
    name = re.sub(r"[\W_]", "", text).lower().removeprefix("channel")
    channel = _CHANNELS.get(name)
    if channel is None:
        raise BadCell(f"{quoted(text)} is not a channel: sms, whatsapp, voice or phone_number")
    return channel


def parse_variant(text: str) -> str:
    """Return a variant; empty for all variants. Raises BadCell."""
    text = text.strip()
    if len(text) > VARIANT_LENGTH_MAX or not _VARIANT.fullmatch(text):
        raise BadCell(f"{quoted(text)} is not a variant: at most {VARIANT_LENGTH_MAX} of a-z 0-9 _ - and single dots")
    return text


def parse_description(text: str) -> str:
    """Return the name of a destination in one line, without the apostrophe of `text_cell`. Raises BadCell."""
    text = text_in_cell(_LINE_BREAKS.sub(" ", text).strip())
    if len(text) > DESCRIPTION_LENGTH_MAX:
        raise BadCell(f"{quoted(text)} has {len(text)} characters: at most {DESCRIPTION_LENGTH_MAX}")
    if _CONTROL.search(text):
        raise BadCell(f"{text!a} has control characters")
    return text
