"""Statements of a store that end their own connection, as the death of the process between two statements does."""

from collections.abc import MutableMapping

import pytest

KILL_CONNECTION = "SELECT pg_terminate_backend(pg_backend_pid())"


def kill_connection_at(
    patch: pytest.MonkeyPatch, statements: MutableMapping[str, str], name: str, parameters: str
) -> None:
    """Replace a statement by one that ends the connection.

    `parameters` names all of them with their types, as in "$1::text, $2::bigint": Postgres wants to know.
    """
    assert name in statements, "a statement of another name would be run by nothing"
    patch.setitem(statements, name, f"{KILL_CONNECTION}, {parameters}")
