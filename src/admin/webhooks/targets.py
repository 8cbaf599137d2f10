"""Where events may be sent: to public addresses over HTTPS, so that nobody reaches into our network by a URL of theirs.

The URL is looked at when it is set, and the address with every connection: a name may mean another one by then.
"""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

URL_CHARACTERS_MAX = 2048
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
AddressInfo: TypeAlias = tuple[Any, ...]
"""As socket.getaddrinfo has it."""


class AddressRefused(OSError):
    """The receiver's name means an address that nothing is sent to."""


def problem_of(url: str, *, allow_private: bool) -> str | None:
    """Return what is wrong with a receiver's URL, to be read after its name; None: it will do."""
    if len(url) > URL_CHARACTERS_MAX or not url.isascii() or any(ord(character) < 33 for character in url):
        return f"must be a URL of at most {URL_CHARACTERS_MAX} printable ASCII characters without spaces"
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        return "is no URL"
    if parts.scheme not in ("https", "http") or not host or port == 0:
        return "must be an https:// URL, such as https://acme.example/hooks/charging"
    if parts.username is not None or parts.password is not None or "#" in url:
        return "must have no user, password or fragment"
    if parts.scheme == "http" and not (allow_private and _is_loopback_name(host)):
        return "must begin with https://"
    literal = _literal(host)
    if literal is not None and not allow_private and not is_public(literal):
        return "must have a public address"
    return None


def is_public(address: Address) -> bool:
    """Return whether an address is out there, for all to reach; also of those that another one stands for."""
    return all(
        found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)
        for found in _meant(address)
    )


def socket_maker(*, allow_private: bool, loopback_only: bool = False) -> Callable[[AddressInfo], socket.socket]:
    """Return what makes the socket of a connection, or raises AddressRefused: the last word before anything is sent.

    With `loopback_only`, for plain HTTP, nothing else than this machine will do.
    """

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, place = info
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if loopback_only and not address.is_loopback:
            raise AddressRefused("plain HTTP goes to loopback only")
        if not allow_private and not is_public(address):
            raise AddressRefused("the host has no public address")
        return socket.socket(family, kind, protocol)

    return make


def _meant(address: Address) -> list[Address]:
    """Return what an address stands for: the one of IPv4 that is written into it, or itself with all such."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:  # As names look from a network that has IPv6 only.
        return [ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)]
    inner = [address.sixtofour, *(address.teredo or ())]
    return [address, *(found for found in inner if found is not None)]


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _is_loopback_name(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" if literal is None else literal.is_loopback
