"""Start the process of a worker."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
WORKER_DEFAULTS = {
    # gRPC's older listener has one thread less between sockets and Python: a call costs a sixth less.
    "GRPC_EXPERIMENTS": "-event_engine_listener",
    # gRPC would log a line for what any stranger sends, such as a compression that it does not know.
    "GRPC_VERBOSITY": "NONE",
}
"""Variables of a worker's environment, unless ours sets them."""


class Assignment(NamedTuple):
    """What a supervisor gives to a worker."""

    ports: Mapping[str, int]
    """A settings' field → the port that the supervisor keeps for it."""
    slot: int
    tether: int
    """The file descriptor of the worker's end of the tether."""
    folder: Path
    """For the worker's metrics, and other files that end with the supervisor."""


class Program(NamedTuple):
    """What the process of a worker runs."""

    command: Sequence[str]
    environment: Mapping[str, str] = {}
    """Variables beside those of the supervisor, which they precede."""
    blocked: frozenset[signal.Signals] = frozenset()
    """Signals that are blocked in the process from its beginning."""


Prepare = Callable[[Assignment], Program]
"""Returns a worker's program. It may read and write files. Raises Misconfigured, OSError."""


class Spawner:
    """Starts the processes of workers, one at a time. On asyncio's own loop: uvloop unblocks signals in processes."""

    def __init__(self, prepare: Prepare) -> None:
        """Start what `prepare` returns."""
        self._prepare = prepare
        self._alone = asyncio.Lock()
        """Held while this thread has a program's signals blocked: processes inherit what is blocked."""

    async def spawn(self, assignment: Assignment) -> asyncio.subprocess.Process:
        """Start the process of a worker. Raises Misconfigured, and OSError if it cannot be started."""
        program = await asyncio.to_thread(self._prepare, assignment)
        folder = {METRICS_FOLDER: str(assignment.folder)}
        async with self._alone:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, program.blocked)
            try:
                return await asyncio.create_subprocess_exec(
                    *program.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=[assignment.tether],
                    env={**WORKER_DEFAULTS, **os.environ, **folder, **program.environment},
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
