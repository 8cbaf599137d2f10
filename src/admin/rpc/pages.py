"""Pages of a list (AIP-158)."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from server.rejections import InvalidRequest, invalid

T = TypeVar("T")

PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 1000

COMPANY_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
"""What cursors look like: a token may be forged, and Postgres is only asked for what can be there."""


def page_size(asked: int) -> int:
    """Return how many items a page has: the default for 0, and never more than the maximum."""
    return min(asked or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)


def page_token(listed: str, cursor: str) -> str:
    """Return the token of the page after `cursor`. `listed` says of which list: no other takes it."""
    return base64.urlsafe_b64encode(f"{listed} {cursor}".encode()).decode().rstrip("=")


def page_of(found: Sequence[T], size: int, listed: str, cursor: Callable[[T], str]) -> tuple[Sequence[T], str]:
    """Return the page, of what was looked for with one item more than its size, and the token of the page after it."""
    page = found[:size]
    return page, page_token(listed, cursor(page[-1])) if len(found) > size else ""


def cursor_of(token: str, listed: str, shape: re.Pattern[str]) -> str | None:
    """Return the cursor, of this shape, that a token was made with; None for the first page. Raises InvalidRequest."""
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, ValueError) as error:
        raise _foreign() from error
    of, _, cursor = text.partition(" ")
    if of != listed or not shape.fullmatch(cursor) or token != page_token(listed, cursor):
        raise _foreign()
    return cursor


def _foreign() -> InvalidRequest:
    return invalid("page_token", "is not a next_page_token of this list")
