"""Free TCP ports on the loopback interface."""

import random
import socket

LOOPBACK = "127.0.0.1"
FIRST_PORT, LAST_PORT = 20_000, 31_999
"""Below the range from which systems take the ports of outgoing connections: a server that is
killed and started again finds its port still free."""
ATTEMPTS_MAX = 1_000

_given_out: set[int] = set()
"""By this process, perhaps to a server that has not started yet: not again."""


def free_port() -> int:
    """Find a port on which nothing listens now. Another process may be quicker: then try again."""
    for _ in range(ATTEMPTS_MAX):
        port = random.randint(FIRST_PORT, LAST_PORT)
        if port not in _given_out and is_free(port):
            _given_out.add(port)
            return port
    raise OSError(f"no free port between {FIRST_PORT} and {LAST_PORT} in {ATTEMPTS_MAX} attempts")


def is_free(port: int) -> bool:
    """Whether nobody listens on the port now. Raises PermissionError for one that this user may not have."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            raise
        except OSError:
            return False
        return True
