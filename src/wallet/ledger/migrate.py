"""Bring a database to the present schema: apply migrations in order, then replace the functions."""

from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from urllib.parse import urlsplit, urlunsplit

import psycopg
from yoyo import get_backend, read_migrations

from wallet.domain.commands import Kind
from wallet.domain.entries import AuthorizationState
from wallet.domain.limits import Window
from wallet.ledger.queries import Codes, with_numbers

POSTGRES_VERSION_MIN = 150_000

_PACKAGE = files("wallet.ledger")
_CODES: Mapping[str, Sequence[Codes]] = {
    "append.sql": (AuthorizationState, Kind),
    "limits.sql": (Kind, Window),
    "load.sql": (AuthorizationState,),
}
"""The enums that each file of functions names."""


class UnfitDatabase(Exception):
    """The version of Postgres or the database's encoding is unfit. The text says what to change."""


def migrate(database_url: str) -> list[str]:
    """Apply missing migrations and return their names. Concurrent calls wait for each other.

    Raises UnfitDatabase, and psycopg.OperationalError if Postgres does not answer.
    """
    _check(database_url)
    backend = get_backend(_for_psycopg(database_url))
    try:
        with as_file(_PACKAGE / "migrations") as folder, backend.lock():
            missing = backend.to_apply(read_migrations(str(folder)))
            backend.apply_migrations(missing)
            _replace_functions(database_url)
            return [migration.id for migration in missing]
    finally:
        backend.connection.close()


def _check(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        encoding, version = connection.info.parameter_status("server_encoding"), connection.info.server_version
    if encoding != "UTF8":
        raise UnfitDatabase(
            f"the database's encoding is {encoding}, which cannot hold every name: make it anew, "
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'."
        )
    if version < POSTGRES_VERSION_MIN:
        raise UnfitDatabase(f"Postgres {version // 10_000} is too old: {POSTGRES_VERSION_MIN // 10_000} is needed.")


def _replace_functions(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for name in sorted(file.name for file in (_PACKAGE / "functions").iterdir()):
            sql = (_PACKAGE / "functions" / name).read_text()
            connection.execute(with_numbers(sql, _CODES[name]).encode())


def _for_psycopg(database_url: str) -> str:
    """Return the URL with the driver's name, as yoyo needs it: its plain `postgresql` means psycopg2."""
    return urlunsplit(urlsplit(database_url)._replace(scheme="postgresql+psycopg"))
