"""Reserve a port for the workers; report one that another program uses."""

import socket

from server.settings import Misconfigured


def reserve(host: str, port: int, *, setting: str) -> socket.socket:
    """Return a socket bound to `host` and `port` (0: a free one) that accepts no connections itself.

    Workers bind the same port with SO_REUSEPORT, with which a second service could bind it as well, unnoticed; so the
    port is first tried without. Raises Misconfigured, naming `setting`.
    """
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        kept = socket.socket(family, kind, protocol)
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(address)
    except OSError as error:
        raise taken(setting, host, port, error) from error
    return kept


def taken(setting: str, host: str, port: int, error: OSError) -> Misconfigured:
    """Return the error for a port that cannot be bound."""
    return Misconfigured(
        f"{setting}: cannot listen on {host}:{port} ({error.strerror}). Stop what uses it, or choose another port."
    )
