"""Which service a command calls, and how: the options that all of them have."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click

PORT_USUAL = "50052"
TOKEN_FILE_USUAL = Path(".local/token")
"""What `make run` serves on, and where it leaves the token."""


class Connection(NamedTuple):
    """How to reach a service."""

    target: str
    """host:port."""
    token: str
    authority: bytes | None
    """Who vouches for its certificate, PEM; empty: the usual authorities; None: it is called without TLS."""

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What each call carries: the token."""
        return (("authorization", f"Bearer {self.token}"),)


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a connection to a command, which gets them as its first argument."""

    @click.option(
        "--target",
        default=lambda: f"127.0.0.1:{os.environ.get('ADMIN_PORT') or PORT_USUAL}",
        show_default=f"127.0.0.1 and ADMIN_PORT, else {PORT_USUAL}",
        metavar="HOST:PORT",
        help="Where the back office's service is.",
    )
    @click.option(
        "--token-file",
        type=click.Path(dir_okay=False, path_type=Path),
        default=TOKEN_FILE_USUAL,
        show_default=True,
        help="A file with the token in its first line.",
    )
    @click.option("--tls", is_flag=True, help="Call with TLS.")
    @click.option(
        "--ca",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Call with TLS, and trust the certificates of this authority (PEM) only.",
    )
    @wraps(command)
    def with_connection(*, target: str, token_file: Path, tls: bool, ca: Path | None, **options: Any) -> None:
        authority = ca.read_bytes() if ca else b"" if tls else None
        command(Connection(target, _token_in(token_file), authority), **options)

    return with_connection


def _token_in(path: Path) -> str:
    try:
        token = path.read_text().strip().partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(
            f"{path} cannot be read ({error}): `make run` leaves the token of a local service in {TOKEN_FILE_USUAL}; "
            "name another file with --token-file."
        ) from error
    if not token:
        raise click.ClickException(f"{path} has no token in its first line.")
    return token
