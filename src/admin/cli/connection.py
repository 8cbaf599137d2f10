"""The connection to a service, and the options for it that all commands have."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click

PORT_DEFAULT = "50052"
TOKEN_FILE_DEFAULT = Path(".local/token")
"""The port that `make run` serves on, and the file in which it leaves the token."""


class Connection(NamedTuple):
    """How to reach a service."""

    target: str
    """host:port."""
    token: str
    authority: bytes | None
    """The certificate authority to trust, PEM. Empty: the system's authorities. None: call without TLS."""

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The metadata of each call: the token."""
        return (("authorization", f"Bearer {self.token}"),)


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a connection to a command, which gets a Connection as its first argument."""

    @click.option(
        "--target",
        default=lambda: f"127.0.0.1:{os.environ.get('ADMIN_PORT') or PORT_DEFAULT}",
        show_default=f"127.0.0.1 and ADMIN_PORT, else {PORT_DEFAULT}",
        metavar="HOST:PORT",
        help="Where the back office's service is.",
    )
    @click.option(
        "--token-file",
        type=click.Path(dir_okay=False, path_type=Path),
        default=TOKEN_FILE_DEFAULT,
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
            f"{path} cannot be read ({error}): `make run` leaves the token of a local service in {TOKEN_FILE_DEFAULT}; "
            "name another file with --token-file."
        ) from error
    if not token:
        raise click.ClickException(f"{path} has no token in its first line.")
    return token
