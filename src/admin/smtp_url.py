"""SMTP_URL: the mail server that mails are sent by."""

import ipaddress
from enum import Enum
from typing import NamedTuple
from urllib.parse import unquote, urlsplit


class Security(Enum):
    """How a connection is encrypted; the values are the default ports."""

    NONE = 25
    STARTTLS = 587
    TLS = 465


_SCHEMES = {"smtp": Security.NONE, "smtp+starttls": Security.STARTTLS, "smtps": Security.TLS}


class MailServer(NamedTuple):
    """A mail server and the credentials for it; `user` and `password` are both None without authentication."""

    host: str
    port: int
    security: Security
    user: str | None
    password: str | None


def parse_smtp_url(url: str) -> MailServer:
    """Parse `smtp+starttls://user:password@host:587`, in which characters such as @ are percent-encoded.

    Raises ValueError, whose text never contains the password.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("must be smtp+starttls://, smtps:// or smtp://, then user:password@host:port")
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError("has a port that is not a number from 0 to 65535") from error
    security = _SCHEMES[parts.scheme]
    if parts.username and security is Security.NONE and not _on_loopback(parts.hostname):
        raise ValueError("would send the password in plain text: use smtp+starttls:// or smtps://")
    return MailServer(
        parts.hostname,
        port or security.value,
        security,
        unquote(parts.username) if parts.username else None,
        unquote(parts.password or "") if parts.username else None,
    )


def _on_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
