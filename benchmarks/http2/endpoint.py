"""Where a service listens, and how to get in."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

import grpc


class Target(NamedTuple):
    """Where a server listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, address: str) -> "Target":
        """Read "host:port" or "[v6]:port"."""
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError(f"{address!r} is not HOST:PORT")
        return cls(host.strip("[]"), int(port))

    def __str__(self) -> str:
        """As in a URL."""
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
    """Connections are spread over them."""
    token: str | None = None
    """Sent as `authorization: Bearer …`."""
    ca: bytes | None = None
    """Whom to trust, PEM. With it, connections are TLS; without, plain."""

    def __str__(self) -> str:
        """All addresses."""
        return ", ".join(map(str, self.targets))

    @property
    def scheme(self) -> str:
        """For `:scheme`."""
        return "http" if self.ca is None else "https"

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """For gRPC's own client."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    def tls(self) -> ssl.SSLContext | None:
        """Make what the load generator's connections need to speak HTTP/2 over TLS; None where they are plain."""
        if self.ca is None:
            return None
        context = ssl.create_default_context(cadata=self.ca.decode())
        context.set_alpn_protocols(["h2"])
        return context

    def channel(self, number: int = 0, options: Sequence[tuple[str, int]] = ()) -> grpc.aio.Channel:
        """Open gRPC's own client to the target whose turn is `number`."""
        address = str(self.targets[number % len(self.targets)])
        if self.ca is None:
            return grpc.aio.insecure_channel(address, options=options)
        return grpc.aio.secure_channel(address, grpc.ssl_channel_credentials(self.ca), options=options)
