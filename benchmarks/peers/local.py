"""Start the peer on this machine, beside the service that it is compared with."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from benchmarks.http2.endpoint import Target
from benchmarks.peers.ledger import TABLES
from benchmarks.peers.naive import CONNECTIONS
from devstack.ports import LOOPBACK, free_port
from devstack.process import Child

READY_SECONDS_MAX = 20.0


def prepare(database_url: str) -> None:
    """Create a wallet of the peer for each company, with its current balance and floor.

    Existing wallets of the peer are not changed; a second call adds new companies only.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(TABLES)


@contextmanager
def naive_server(
    directory: Path, database_url: str, token: str, *, connections: int = CONNECTIONS
) -> Iterator[tuple[Target, int]]:
    """Run the peer; yield its address and its process id. Call `prepare` before the first request."""
    target = Target(LOOPBACK, free_port())
    token_file = directory / "naive-token"
    token_file.touch(mode=0o600)
    token_file.write_text(f"{token}\n")
    child = Child(
        name="naive",
        command=(
            *(sys.executable, "-m", "benchmarks.peers.naive", "--database-url", database_url),
            *("--port", str(target.port), "--token-file", str(token_file), "--connections", str(connections)),
        ),
        environment=os.environ,
        log_path=directory / "naive.log",
        working_directory=Path.cwd(),
    )

    def is_listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(target) == 0

    try:
        child.start()
        child.wait_ready(is_listening, READY_SECONDS_MAX)
        yield target, child.pid
    finally:
        child.stop()
