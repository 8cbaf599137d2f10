"""Bring a database to the present schema: migrations in order, then the functions, which are replaced whole."""

from importlib.resources import as_file, files
from urllib.parse import urlsplit, urlunsplit

import psycopg
from yoyo import get_backend, read_migrations

_PACKAGE = files("wallet.ledger")


def migrate(database_url: str) -> list[str]:
    """Apply what is missing and return its names. Several may call at once: one works, the others wait for it.

    Raises psycopg.OperationalError where Postgres does not answer.
    """
    backend = get_backend(_for_psycopg(database_url))
    try:
        with as_file(_PACKAGE / "migrations") as folder, backend.lock():
            missing = backend.to_apply(read_migrations(str(folder)))
            backend.apply_migrations(missing)
            _replace_functions(database_url)
            return [migration.id for migration in missing]
    finally:
        backend.connection.close()


def _replace_functions(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        for name in sorted(file.name for file in (_PACKAGE / "functions").iterdir()):
            connection.execute((_PACKAGE / "functions" / name).read_bytes())


def _for_psycopg(database_url: str) -> str:
    """Name the driver in the URL, as yoyo wants it: its plain `postgresql` means psycopg2."""
    return urlunsplit(urlsplit(database_url)._replace(scheme="postgresql+psycopg"))
