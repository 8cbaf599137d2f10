"""The bare handler behind Envoy, as a baseline of that front: `python -m benchmarks.echo_envoy PORT FOLDER`.

Envoy's configuration and the socket of its administration lie in FOLDER.

One process; the answer is that of `echo_server`, and nothing is decoded.
"""

import os
import signal
import socket
import sys
from pathlib import Path

import grpc

from benchmarks.echo_server import answer
from server.boundary import Boundary, Found
from server.envoy.application import Application
from server.envoy.front import EnvoyFront
from server.envoy.launch import Arguments, find_programs, worker_program
from server.lifetime import Lifetime
from server.settings import FrontChoice, ServerSettings
from server.tokens import Metadata, Tokens


class _Bare(Boundary):
    """A boundary that admits everybody, and has one handler for every method."""

    def __init__(self) -> None:
        super().__init__(Tokens([]), ours=frozenset(), open_services=frozenset())
        body = answer()

        async def echo(_request: bytes, _context: object) -> bytes:
            return body

        self._bare = Found(grpc.unary_unary_rpc_method_handler(echo, None, bytes), admitted=True)

    def find(self, path: str, metadata: Metadata, *, begun: int | None = None) -> Found:  # noqa: ARG002  They are the base class's.
        """Return the handler."""
        return self._bare


async def _serve(_arguments: Arguments, front: EnvoyFront, lifetime: Lifetime) -> int:
    await front.start(_Bare())
    await lifetime.stopping.wait()
    await front.stop()
    return 0


app = Application(_serve)


def main(port: int, folder: Path) -> None:
    """Serve on loopback until SIGTERM."""
    programs = find_programs(FrontChoice.ENVOY)
    assert programs is not None
    kept, tether = socket.socketpair()
    for end in kept, tether:  # Both stay open as long as the process lives: nobody supervises it.
        end.set_inheritable(True)
    arguments = Arguments(ports={}, slot=0, tether=tether.fileno(), insecure=False, folder=folder)
    settings = ServerSettings.model_construct(port=port)
    program = worker_program(programs, settings, "benchmarks.echo_envoy:app", arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, program.blocked)
    os.execve(program.command[0], [*program.command], {**os.environ, **program.environment})


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
