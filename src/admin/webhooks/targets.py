"""Which URLs events may be sent to: public addresses over HTTPS, so that no URL leads into our private network (SSRF).

The URL is checked when it is set, and the address at every connection: by then the name may resolve to another address.
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
"""As socket.getaddrinfo returns it: family, kind, protocol, canonical name, socket address."""


class AddressRefused(OSError):
    """The host's name resolves to an address that events are not sent to."""


def url_problem(url: str, *, allow_private: bool) -> str | None:
    """Return why a URL is not allowed, as a text to follow the field's name; None: it is allowed."""
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
    literal = _literal_address(host)
    if literal is not None and not allow_private and not is_public(literal):
        return "must have a public address"
    return None


def is_public(address: Address) -> bool:
    """Return whether an address, and each IPv4 address that it embeds, is reachable from the public internet."""
    return all(
        each.is_global and not (each.is_multicast or each.is_reserved or each.is_unspecified)
        for each in _effective_addresses(address)
    )


def socket_factory(*, allow_private: bool, loopback_only: bool = False) -> Callable[[AddressInfo], socket.socket]:
    """Return a function that makes the socket of a connection, or raises AddressRefused.

    It is the last check before anything is sent, on the address itself. With `loopback_only`, for plain HTTP, only
    loopback addresses are allowed.
    """

    def make(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, socket_address = info
        address = ipaddress.ip_address(str(socket_address[0]).partition("%")[0])
        if loopback_only and not address.is_loopback:
            raise AddressRefused("plain HTTP goes to loopback only")
        if not allow_private and not is_public(address):
            raise AddressRefused("the host has no public address")
        return socket.socket(family, kind, protocol)

    return make


def _effective_addresses(address: Address) -> list[Address]:
    """Return the addresses that a packet to an address may reach: itself, or the IPv4 addresses embedded in it."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address in _NAT64:  # DNS64: IPv4 hosts as seen from a network with IPv6 only.
        return [ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)]
    embedded = [address.sixtofour, *(address.teredo or ())]
    return [address, *(each for each in embedded if each is not None)]


def _literal_address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _is_loopback_name(host: str) -> bool:
    literal = _literal_address(host)
    return host == "localhost" if literal is None else literal.is_loopback
