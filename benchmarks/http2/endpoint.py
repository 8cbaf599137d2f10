"""Addresses, token and certificates of a service."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

import grpc


class Target(NamedTuple):
    """The address of a server."""

    host: str
    port: int

    @classmethod
    def parse(cls, address: str) -> "Target":
        """Parse "host:port" or "[v6]:port". Raise `ValueError`."""
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError(f"{address!r} is not HOST:PORT")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        """Return the address as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether it is on this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One service under one or several addresses."""

    targets: tuple[Target, ...]
    """The addresses, over which connections are distributed."""
    token: str | None = None
    """Sent as `authorization: Bearer …`."""
    ca: bytes | None = None
    """Trusted certificates (PEM). With them connections use TLS; without, they are plain."""

    def __str__(self) -> str:
        """Return all addresses as text."""
        return ", ".join(map(str, self.targets))

    @property
    def scheme(self) -> str:
        """The value of `:scheme`."""
        return "http" if self.ca is None else "https"

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The metadata of calls by gRPC's own client."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context of HTTP/2 connections; None if they are plain."""
        if self.ca is None:
            return None
        context = ssl.create_default_context(cadata=self.ca.decode())
        context.set_alpn_protocols(["h2"])
        return context

    def channel(self, number: int = 0, options: Sequence[tuple[str, int]] = ()) -> grpc.aio.Channel:
        """Return a channel of gRPC's own client to the target with this number, modulo their count."""
        address = str(self.targets[number % len(self.targets)])
        if self.ca is None:
            return grpc.aio.insecure_channel(address, options=options)
        return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(self.ca), options=options)
