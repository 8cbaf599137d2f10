"""Rows of the back office become structs."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from wallet.domain.entries import WalletState
from wallet.ledger.rows import struct_of


class Account(msgspec.Struct, frozen=True):
    """A struct with what rows have: an enum, a time, NULL, and a column of another name."""

    id: str
    state: WalletState
    created_at: int
    closed_at: int | None
    note: str
    limits: tuple[int, ...] = ()


ROW = {
    "account_id": "a-1",
    "state": 2,
    "created_at": datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC),
    "closed_at": None,
    "note": None,
    "unused": object(),
}


def test_columns_become_the_fields_of_their_names() -> None:
    """Times become microseconds, integers enums; what is given comes before the column."""
    account = struct_of(ROW, Account, id=ROW["account_id"], note=ROW["note"] or "", limits=[1, 2])
    assert account == Account("a-1", WalletState.SUSPENDED, 1_767_323_045_678_901, None, "", (1, 2))
    assert isinstance(account.state, WalletState)


@pytest.mark.parametrize("fields", [{"note": ""}, {"id": "a-1"}, {"id": "a-1", "note": "", "state": 99}])
def test_a_column_that_is_missing_or_does_not_fit_raises(fields: dict[str, Any]) -> None:
    """A missing column, NULL for a text, and a number that is no state."""
    with pytest.raises(msgspec.ValidationError):
        struct_of(ROW, Account, **fields)
