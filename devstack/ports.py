"""Free TCP ports on the loopback interface."""

import atexit
import random
import socket
from collections import deque

LOOPBACK = "127.0.0.1"
FIRST_PORT, LAST_PORT = 20_000, 31_999
"""Below the range of ephemeral ports, so that the port of a server that is killed and started again
is still free."""
ATTEMPTS_MAX = 1_000

HELD_MAX = 256
"""The oldest are released: their servers listen by now, or have ended."""

_held: deque[socket.socket] = deque()
"""UDP ports with the numbers that this process returned, perhaps for a server that has not started yet. While one is
held, no other process here returns the same number; the system releases it at the latest when this process ends."""


def free_port() -> int:
    """Return a port that is free and that no other process here was given.

    Another program may take it first; the caller then tries again. Raise `OSError` after ATTEMPTS_MAX attempts.
    """
    for _ in range(ATTEMPTS_MAX):
        port = random.randint(FIRST_PORT, LAST_PORT)
        if is_free(port) and _hold(port):
            return port
    raise OSError(f"no free port between {FIRST_PORT} and {LAST_PORT} in {ATTEMPTS_MAX} attempts")


def is_free(port: int) -> bool:
    """Return whether the port is free now. Raise `PermissionError` if this user may not listen on it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            raise
        except OSError:
            return False
        return True


def _hold(port: int) -> bool:
    """Hold the number as a UDP port, which leaves the TCP port free; return False if it is held already."""
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        return False
    if len(_held) == HELD_MAX:
        _held.popleft().close()
    _held.append(holder)
    return True


@atexit.register
def _release_all() -> None:
    while _held:
        _held.pop().close()
