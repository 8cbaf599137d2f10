"""Every error of the Postgres driver is classified."""

import asyncpg
import pytest

from wallet.domain.errors import Applied, LedgerUnavailable
from wallet.ledger.failures import data_refused, translated, unavailable

AWAY = {
    "08": "connection",
    "25": "invalid transaction state: read-only after a failover",
    "53": "resources",
    "57": "operator intervention",
    "58": "system",
    "XX": "internal",
}
AWAY_STATES = {
    "40001": "serialization failure",
    "40P01": "deadlock",
    "55006": "object in use",
    "55P03": "lock not available",
}
DATA = {"22": "data exception", "23": "integrity constraint violation"}
OURS = {
    "00": "successful completion",
    "01": "warning",
    "02": "no data",
    "03": "statement not yet complete",
    "09": "triggered action",
    "0A": "feature not supported",
    "0B": "invalid transaction initiation",
    "0F": "locator",
    "0L": "grantor",
    "0P": "role",
    "0Z": "diagnostics",
    "10": "XQuery error",
    "20": "case not found",
    "21": "cardinality",
    "24": "cursor state",
    "26": "statement name",
    "27": "triggered data change",
    "28": "authorization: a wrong password is for a person to mend",
    "2B": "dependent privileges",
    "2D": "transaction termination",
    "2F": "SQL routine",
    "34": "cursor name",
    "38": "external routine",
    "39": "external routine invocation",
    "3B": "savepoint",
    "3D": "catalog name",
    "3F": "schema name",
    "40": "transaction rollback, other than by a deadlock or for serialization",
    "42": "syntax or access: the statement is wrong",
    "44": "with check option",
    "54": "program limit",
    "55": "object state",
    "72": "snapshot",
    "F0": "configuration file",
    "HV": "foreign data wrapper",
    "P0": "PL/pgSQL",
}
"""Neither Postgres being away nor the data: the fault is ours, and is logged as such."""


def postgres_errors() -> list[type[asyncpg.PostgresError]]:
    """Return every error class that has a SQLSTATE."""
    found: dict[str, type[asyncpg.PostgresError]] = {}
    classes: list[type[asyncpg.PostgresError]] = [asyncpg.PostgresError]
    while classes:
        each = classes.pop()
        classes += each.__subclasses__()
        if each.sqlstate is not None:
            found[each.__qualname__] = each
    return [found[name] for name in sorted(found)]


def test_the_driver_has_errors_to_tell_apart() -> None:
    assert len(postgres_errors()) > 200


@pytest.mark.parametrize("error_class", postgres_errors(), ids=lambda each: f"{each.sqlstate} {each.__name__}")
def test_every_sqlstate_is_classified(error_class: type[asyncpg.PostgresError]) -> None:
    error = error_class("as it was raised")
    state = error_class.sqlstate
    assert state[:2] in AWAY | DATA | OURS, "a class of errors that is not classified"
    away = state in AWAY_STATES or state[:2] in AWAY
    assert unavailable(error) is away
    assert data_refused(error) is (state[:2] in DATA)
    assert not (unavailable(error) and data_refused(error))


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        ConnectionResetError(),
        BrokenPipeError(),
        TimeoutError(),
        EOFError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
        asyncpg.PostgresConnectionError("connection failure"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_a_server_that_is_away_raises_is_translated_once(error: Exception) -> None:
    assert unavailable(error)
    with pytest.raises(LedgerUnavailable) as raised, translated(Applied.UNKNOWN):
        raise error
    assert raised.value.applied is Applied.UNKNOWN
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [ValueError(), KeyError(), AssertionError(), asyncpg.UndefinedTableError("x")])
def test_a_fault_of_ours_is_not_called_an_outage(error: Exception) -> None:
    assert not unavailable(error)
    with pytest.raises(type(error)), translated():
        raise error


def test_what_the_driver_cannot_encode_is_the_data() -> None:
    """An integer out of range, raised before anything is sent."""
    assert data_refused(asyncpg.DataError("invalid input for query argument $1"))
    assert not unavailable(asyncpg.DataError("invalid input for query argument $1"))
