"""Pages of a list (AIP-158).

A List method makes a `Listing` of its request, fetches `limit` items from `before` or `after` on, and answers with
`page`. A token is bound to its list and filters: every other list refuses it.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from server.rejections import InvalidRequest, invalid
from wallet.ledger.reader import NUMBER_MAX, Reader

T = TypeVar("T")

PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 1000

ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
"""The shapes of cursors. A token may be forged, so only a cursor of a valid shape reaches Postgres."""


class ListRequest(Protocol):
    """The request of a List method."""

    page_size: int
    page_token: str


class Listing:
    """The page of a list that a request asks for."""

    def __init__(self, request: ListRequest, scope: str, shape: re.Pattern[str] = NUMBER) -> None:
        """Read a request for the list that `scope` names, filters included; `shape` is that of its cursors.

        Raises InvalidRequest if the page token is not one of this list.
        """
        self._scope = scope
        self.size = min(request.page_size or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
        """How many items the page has at most."""
        self.cursor = self._read(request.page_token, shape)
        """The last item of the page before this one; empty for the first page."""

    @property
    def limit(self) -> int:
        """How many items to fetch: one more than the page has, which shows whether another page follows."""
        return self.size + 1

    @property
    def before(self) -> int:
        """The number to fetch below, in a list by number, newest first."""
        return int(self.cursor or NUMBER_MAX)

    @property
    def after(self) -> int:
        """The number to fetch above, in a list by number, oldest first."""
        return int(self.cursor or 0)

    def page(self, found: Sequence[T], cursor: Callable[[T], str | int]) -> tuple[Sequence[T], str]:
        """Return the page out of up to `limit` fetched items, and the token of the next page, "" if there is none.

        `cursor` returns an item's position in the list: its number or id.
        """
        page = found[: self.size]
        return page, self.token(cursor(page[-1])) if len(found) > self.size else ""

    def token(self, cursor: str | int) -> str:
        """Return the token of the page after `cursor`."""
        return base64.urlsafe_b64encode(f"{self._scope} {cursor}".encode()).decode().rstrip("=")

    def _read(self, token: str, shape: re.Pattern[str]) -> str:
        if not token:
            return ""
        try:
            text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
        except (binascii.Error, ValueError) as error:
            raise _foreign() from error
        scope, _, cursor = text.partition(" ")
        if scope != self._scope or not shape.fullmatch(cursor) or token != self.token(cursor):
            raise _foreign()
        return cursor


async def check_company(reader: Reader, company: str, found: Sequence[object]) -> None:
    """Raise CompanyNotFound if a list is empty because there is no such company; "" stands for all companies."""
    if company and not found:
        await reader.wallet(company)


def _foreign() -> InvalidRequest:
    return invalid("page_token", "is not a next_page_token of this list")
