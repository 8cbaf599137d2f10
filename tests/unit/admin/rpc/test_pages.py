"""Pages of a list: their sizes, and tokens that callers keep."""

import re

import pytest

from admin.rpc.pages import ID, NUMBER, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Listing
from server.rejections import InvalidRequest
from veloconnect.admin.v1.webhook_pb2 import ListEventsRequest
from wallet.ledger.reader import NUMBER_MAX

ACME = "companies/acme"
TOKEN = "Y29tcGFuaWVzL2FjbWUgMTA0Mg"
"""The token of the page after 1042 in ACME, as issued since the first version."""


def token_after(scope: str, cursor: str) -> str:
    """Return the token of the page after a cursor, which may be invalid."""
    return Listing(ListEventsRequest(), scope).token(cursor)


@pytest.mark.parametrize(
    ("requested", "size"), [(0, PAGE_SIZE_DEFAULT), (1, 1), (PAGE_SIZE_MAX, PAGE_SIZE_MAX), (2**31 - 1, PAGE_SIZE_MAX)]
)
def test_page_size_is_bounded(requested: int, size: int) -> None:
    """A size of 0 means the default, and no page is larger than the maximum."""
    listing = Listing(ListEventsRequest(page_size=requested), ACME)
    assert (listing.size, listing.limit) == (size, size + 1)


def test_the_first_page_begins_before_and_after_everything() -> None:
    """Without a token nothing is left out, in either order."""
    listing = Listing(ListEventsRequest(), ACME)
    assert (listing.cursor, listing.before, listing.after) == ("", NUMBER_MAX, 0)


def test_old_tokens_stay_valid() -> None:
    """Tokens are byte for byte those of the first version, because callers keep them."""
    assert token_after(ACME, "1042") == TOKEN
    listing = Listing(ListEventsRequest(page_token=TOKEN), ACME)
    assert (listing.cursor, listing.before, listing.after) == ("1042", 1042, 1042)


@pytest.mark.parametrize(("scope", "shape"), [("companies/other", NUMBER), ("companies", ID), (ACME, ID)])
def test_a_token_of_another_list_is_refused(scope: str, shape: re.Pattern[str]) -> None:
    """A token names its list, filters included."""
    token = TOKEN if scope != ACME else token_after(ACME, "ACME")
    with pytest.raises(InvalidRequest, match="page_token"):
        Listing(ListEventsRequest(page_token=token), scope, shape)


@pytest.mark.parametrize("cursor", ["", "0", "-1", "1.5", "١", "9" * 19, "7 ", "7\n", "a\0", "é"])
def test_a_forged_number_is_refused(cursor: str) -> None:
    """Only valid numbers reach Postgres."""
    with pytest.raises(InvalidRequest, match="page_token"):
        Listing(ListEventsRequest(page_token=token_after(ACME, cursor)), ACME)


@pytest.mark.parametrize("cursor", ["", "ACME", "a" * 64, "-a", "a\n", "a\0", "é"])
def test_a_forged_id_is_refused(cursor: str) -> None:
    """Only valid ids reach Postgres."""
    with pytest.raises(InvalidRequest, match="page_token"):
        Listing(ListEventsRequest(page_token=token_after("companies", cursor)), "companies", ID)


@pytest.mark.parametrize(("fetched", "more"), [(0, False), (2, False), (3, True)])
def test_an_item_beyond_the_page_makes_a_token(fetched: int, more: bool) -> None:
    """The token points to the position after the last item of the page."""
    listing = Listing(ListEventsRequest(page_size=2), ACME)
    page, token = listing.page(range(10, 10 + fetched), lambda number: number)
    assert list(page) == list(range(10, 10 + min(fetched, 2)))
    assert token == (token_after(ACME, "11") if more else "")
