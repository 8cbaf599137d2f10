"""The process that starts N workers, replaces crashed ones, stops them all, and serves their metrics and health.

A worker is a new program, never a fork. Supervisor and worker each hold one end of a socket pair, the tether:
over it the worker reports four times a second whether it serves, and when it closes, each side knows that the other is
gone, even by SIGKILL.
"""

import asyncio
import os
import signal
import socket
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import structlog
from prometheus_client.multiprocess import mark_process_dead

from server.envoy.metrics import EnvoyMetrics
from server.lifetime import SERVING
from server.monitoring import WorkerMetrics, serve_monitoring
from server.ports import reserve, taken
from server.settings import Misconfigured, ServerSettings
from server.spawning import Assignment, Prepare, Spawner
from server.transport_limits import raise_descriptor_limit

BEAT_SECONDS_MAX = 3.0
"""A worker that has been silent for this long does not serve."""
RESTART_SECONDS_MIN = 0.05
RESTART_SECONDS_MAX = 10.0
"""The wait before a worker that never served is started again doubles up to this."""
STOP_SECONDS_MAX = 14.0
"""How long workers may take to end, first their calls, then the engine; after that they are killed."""

log = structlog.get_logger(__name__)


class Slot:
    """The slot of one worker, and its present process."""

    def __init__(self, number: int, spawner: Spawner, ports: Mapping[str, int], folder: Path) -> None:
        """Have `spawner` start workers, which serve on `ports`; their metric files are in `folder`."""
        self.number = number
        self.restarts = 0
        self._spawner = spawner
        self._ports = ports
        self._folder = folder
        self._beaten_at = 0.0
        self._serving = False
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None

    @property
    def serving(self) -> bool:
        """Whether the worker's last beat, at most BEAT_SECONDS_MAX ago, says that it serves."""
        return self._serving and time.monotonic() - self._beaten_at < BEAT_SECONDS_MAX

    def stop(self) -> None:
        """Terminate the worker, including one that is about to start."""
        self._stopping = True
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()

    async def run_once(self) -> tuple[int, bool]:
        """Start a worker and wait for its end; return its exit status and whether it ever served."""
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            log.error("worker_not_started", slot=self.number, error=str(error))  # noqa: TRY400  The text suffices.
            return os.EX_OSERR, False
        with ours:
            with theirs:
                assignment = Assignment(self._ports, self.number, theirs.fileno(), self._folder)
                try:
                    self._process = process = await self._spawner.spawn(assignment)
                except (OSError, Misconfigured) as error:
                    # Other workers serve on, and this one is started again, as if it had ended.
                    log.error("worker_not_started", slot=self.number, error=str(error))  # noqa: TRY400  The text suffices.
                    return os.EX_CONFIG if isinstance(error, Misconfigured) else os.EX_OSERR, False
            log.info("worker_started", slot=self.number, pid=process.pid)
            if self._stopping:
                process.terminate()
            try:
                served = await self._listen(ours)
                status = await process.wait()
            finally:
                self._serving = False
                if process.returncode is None:
                    process.kill()
                    await process.wait()
                mark_process_dead(self.number, str(self._folder))  # type: ignore[no-untyped-call]  # prometheus_client has no types there
        return status, served

    async def _listen(self, ours: socket.socket) -> bool:
        """Read the worker's beats until the tether closes; return whether it ever served."""
        loop = asyncio.get_running_loop()
        ours.setblocking(False)
        served = False
        while beats := await self._beats(loop, ours):
            self._beaten_at = time.monotonic()
            self._serving = beats.endswith(SERVING)
            served |= self._serving
        return served

    async def _beats(self, loop: asyncio.AbstractEventLoop, ours: socket.socket) -> bytes:
        try:
            return await loop.sock_recv(ours, 4096)
        except ConnectionError:
            return b""


class Supervisor:
    """Keeps the workers of one service running."""

    def __init__(self, prepare: Prepare, workers: int, ports: Mapping[str, int], folder: Path) -> None:
        """Start `workers` workers, which serve on `ports`, by `prepare`; `folder` is for their metric files."""
        spawner = Spawner(prepare)
        self.slots = [Slot(number, spawner, ports, folder) for number in range(workers)]
        self._stopping = asyncio.Event()
        self._hopeless = 0
        self._has_served = False

    def healthy(self) -> bool:
        """Return whether every worker serves."""
        return all(slot.serving for slot in self.slots)

    def serving(self) -> int:
        """Return how many workers serve."""
        return sum(slot.serving for slot in self.slots)

    def restarts(self) -> int:
        """Return how many workers ended and were replaced."""
        return sum(slot.restarts for slot in self.slots)

    async def run(self) -> int:
        """Keep the workers running until a signal; return the exit status, not 0 if none could ever start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        async with asyncio.TaskGroup() as kept:
            keepers = [kept.create_task(self._keep(slot), name=f"slot {slot.number}") for slot in self.slots]
            await self._stopping.wait()
            log.info("stopping")
            for slot in self.slots:
                slot.stop()
            _, late = await asyncio.wait(keepers, timeout=STOP_SECONDS_MAX)
            for keeper in late:
                log.warning("worker_killed", keeper=keeper.get_name())
                keeper.cancel()
        return self._hopeless

    async def _keep(self, slot: Slot) -> None:
        wait = RESTART_SECONDS_MIN
        while not self._stopping.is_set():
            status, served = await slot.run_once()
            if self._stopping.is_set():
                return
            self._has_served |= served or self.serving() > 0
            if status == os.EX_CONFIG and not self._has_served:
                # It has logged the reason. Another start would end the same way. (Where workers have served, what is
                # wrong now was right before, such as a certificate that is being replaced.)
                self._hopeless = status
                self._stopping.set()
                return
            wait = RESTART_SECONDS_MIN if served else wait
            log.warning("worker_ended", slot=slot.number, status=status, restart_seconds=wait)
            slot.restarts += 1
            try:
                await asyncio.wait_for(self._stopping.wait(), wait)
            except TimeoutError:
                wait = min(wait * 2, RESTART_SECONDS_MAX)


def supervise(prepare: Prepare, settings: ServerSettings, *, name: str) -> int:
    """Run a service until a signal; return its exit status.

    `prepare` returns the program of a worker. `name` is the service's, as in CHARGING_METRICS_PORT.
    Raises Misconfigured if a port is taken.
    """
    raise_descriptor_limit()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{name.lower()}-metrics-")))
        ports: dict[str, int] = {}
        for listener in settings.listeners():
            kept = stack.enter_context(reserve(listener.host, listener.port, setting=listener.port_variable))
            ports[listener.field] = kept.getsockname()[1]

        async def run() -> int:
            supervisor = Supervisor(prepare, settings.workers, ports, folder)
            metrics = WorkerMetrics(settings.workers, supervisor.serving, supervisor.restarts)
            try:
                metrics_port = stack.enter_context(
                    serve_monitoring(
                        settings.metrics_host,
                        settings.metrics_port,
                        folder=folder,
                        healthy=supervisor.healthy,
                        collectors=(metrics, EnvoyMetrics(folder)),
                    )
                )
            except OSError as error:
                raise taken(f"{name}_METRICS_PORT", settings.metrics_host, settings.metrics_port, error) from error
            log.info("starting", **ports, metrics_port=metrics_port, workers=settings.workers)
            return await supervisor.run()

        return asyncio.run(run())
