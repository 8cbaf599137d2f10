"""Codes in SQL files are names of the domain's enums, and become numbers when a file is read."""

from enum import IntEnum

import pytest

from wallet.domain.commands import Kind
from wallet.domain.entries import AuthorizationState, WalletState
from wallet.ledger.queries import Codes, load, with_numbers


class Shade(IntEnum):
    """A code whose name and value have two digits."""

    LIGHT = 1
    DARK_2 = 12


@pytest.mark.parametrize(
    ("sql", "codes", "expected"),
    [
        ("kind IN (Kind.CHARGE, Kind.CAPTURE)", (Kind,), "kind IN (1, 7)"),
        (
            "CASE WHEN e.kind=Kind.TOP_UP THEN WalletState.CLOSED END",
            (Kind, WalletState),
            "CASE WHEN e.kind=2 THEN 3 END",
        ),
        ("shade = Shade.DARK_2", (Shade,), "shade = 12"),
        ("SELECT w.state, excluded.kind, 'A.b', 1.5 FROM wallets w", (), None),
    ],
)
def test_names_become_numbers_and_nothing_else_changes(
    sql: str, codes: tuple[Codes, ...], expected: str | None
) -> None:
    assert with_numbers(sql, codes) == (sql if expected is None else expected)


@pytest.mark.parametrize(
    "sql", ["kind = Kind.CHARG", "kind = Kind.CHARGES", "state = WalletState.ACTIVE AND kind = Kind.VOID"]
)
def test_a_name_that_no_enum_has_is_refused(sql: str) -> None:
    with pytest.raises(ValueError, match="SQL names"):
        with_numbers(sql, [Kind])


def test_an_enum_that_is_not_named_is_refused() -> None:
    with pytest.raises(ValueError, match="no code of WalletState"):
        with_numbers("kind = Kind.VOID", [Kind, WalletState])


def test_the_statements_of_a_module_have_numbers() -> None:
    """`holds` is one of several statements: each block is of its own."""
    assert "WHERE state = 1 AND" in load("wallet.verification.ledger", AuthorizationState, Kind)["holds"]
