"""A real Valkey 9, or Redis 8, on a directory."""

import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devstack.binaries import Flavour, server_binary
from devstack.directory import DirectoryLock, SocketDirectory, keep_previous
from devstack.errors import PortTaken, StartFailed
from devstack.ports import LOOPBACK, free_port
from devstack.process import Child

START_SECONDS_MAX = 30.0
"""Includes loading its files."""
STOP_SECONDS_MAX = 10.0
COMMAND_SECONDS_MAX = 10.0
PROBE_SECONDS_MAX = 1.0
PORT_ATTEMPTS_MAX = 5
SNAPSHOT_NAME = "dump.rdb"


class Valkey:
    """A server on `data_directory`; `with` starts and stops it.

    With `appendonly`, data survive restarts except for the last second, as in production; without,
    a restart begins empty, and is quick because it loads no file. The port is a free one unless given,
    and stays the same over `kill` and `start`.

    Raises on start: `BinaryMissing`, `DirectoryInUse`, `StartFailed`.
    """

    def __init__(  # noqa: PLR0913 all but the first are choices with a default
        self,
        data_directory: Path,
        *,
        flavour: Flavour = "valkey",
        port: int | None = None,
        appendonly: bool = False,
        log_path: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Choose the options; start nothing. `settings` are the server's own, by name."""
        self.data_directory = data_directory.absolute()
        self.flavour = flavour
        self.port = port or 0
        self.appendonly = appendonly
        self.settings = dict(settings or {})
        self._port_is_given = port is not None
        self._log_path = (log_path or self.data_directory / "server.log").absolute()
        self._lock = DirectoryLock(self.data_directory)
        self._sockets: SocketDirectory | None = None
        self._child: Child | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The URL over TCP, database 0."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def unix_url(self) -> str:
        """The URL over the unix socket, database 0."""
        return f"unix://{self._socket_path}?db=0"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._started.pid

    @property
    def child(self) -> Child:
        """The process, with its state and its log."""
        return self._started

    def start(self) -> None:
        """Start, and wait until it answers and has loaded its files."""
        if self._child is None:
            self._child = self._prepare()
        if self._port_is_given:
            self._start_on_port(self._child)
        else:
            self._start_on_free_port(self._child)

    def stop(self) -> None:
        """Stop by SIGTERM; it writes its files first."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """Send SIGKILL, and wait until it has ended."""
        self._started.kill()

    def restart(self) -> None:
        """Stop, then start on the same port."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Send SIGSTOP: connections stay open and get no answer."""
        self._started.pause()

    def resume(self) -> None:
        """Resume after `pause`."""
        self._started.resume()

    def close(self) -> None:
        """Stop, and release the directory."""
        try:
            self.stop()
        finally:
            if self._sockets is not None:
                self._sockets.remove()
            self._sockets = self._child = None
            self._lock.release()

    def save_copy(self, path: Path) -> None:
        """Write its data to `path`, for `replace_with_copy`."""
        with self.connect() as client:
            client.save()
        shutil.copyfile(self.data_directory / SNAPSHOT_NAME, path)
        (self.data_directory / SNAPSHOT_NAME).unlink()

    def replace_with_copy(self, path: Path) -> None:
        """Kill it and start one with an older copy, as if a replica that lags had taken over."""
        if self.appendonly:
            raise StartFailed("with appendonly, a server does not load a copy")
        self.kill()
        shutil.copyfile(path, self.data_directory / SNAPSHOT_NAME)
        self.start()
        (self.data_directory / SNAPSHOT_NAME).unlink()

    def connect(self) -> "redis.Redis":
        """Return a client for a few commands; close it, or use it in a `with`."""
        return redis.Redis(
            host=LOOPBACK,
            port=self.port,
            socket_timeout=COMMAND_SECONDS_MAX,
            socket_connect_timeout=COMMAND_SECONDS_MAX,
        )

    @property
    def _started(self) -> Child:
        if self._child is None:
            raise StartFailed(f"{self.flavour} is not started")
        return self._child

    @property
    def _socket_path(self) -> Path:
        assert self._sockets is not None, "not started"
        return self._sockets.path / "server.sock"

    def _prepare(self) -> Child:
        self._lock.acquire()
        keep_previous(self._log_path)
        binary = server_binary(self.flavour)
        self._sockets = SocketDirectory(self.data_directory, "server.sock")
        return Child(
            name=self.flavour.capitalize(),
            command=[str(binary)],
            environment={"LC_ALL": "C", "HOME": str(self.data_directory), "TZ": "UTC"},
            log_path=self._log_path,
            working_directory=self.data_directory,
            stop_signals=((signal.SIGTERM, STOP_SECONDS_MAX),),
        )

    def _start_on_free_port(self, child: Child) -> None:
        """Start on a free port; choose another one if it is taken between the check and the start."""
        for attempt in range(PORT_ATTEMPTS_MAX):
            self.port = free_port()
            try:
                self._start_on_port(child)
            except PortTaken:
                if attempt == PORT_ATTEMPTS_MAX - 1:
                    raise
            else:
                self._port_is_given = True
                return

    def _start_on_port(self, child: Child) -> None:
        options = [part for name, value in self._options().items() for part in (f"--{name}", value)]
        child.command = [child.command[0], *options]
        child.start()
        child.wait_ready(lambda: self._answers(child.pid), START_SECONDS_MAX)

    def _options(self) -> dict[str, str]:
        durability = {"appendonly": "yes", "appendfsync": "everysec"} if self.appendonly else {"appendonly": "no"}
        return {
            "bind": LOOPBACK,
            "port": str(self.port),
            "protected-mode": "yes",
            "unixsocket": str(self._socket_path),
            "unixsocketperm": "700",
            "daemonize": "no",
            "dir": str(self.data_directory),
            "dbfilename": SNAPSHOT_NAME,
            # Files other than the append-only one are written on request.
            "save": "",
            # A wallet must never be evicted.
            "maxmemory-policy": "noeviction",
            # Tests cause failures by DEBUG commands.
            "enable-debug-command": "local",
            **durability,
            **self.settings,
        }

    def _answers(self, pid: int) -> bool:
        """Return whether it answers and has loaded its files.

        The probe uses the unix socket, since another program may listen on the port and be slow.
        """
        try:
            with redis.Redis(
                unix_socket_path=str(self._socket_path),
                socket_timeout=PROBE_SECONDS_MAX,
                retry=Retry(NoBackoff(), 0),
            ) as client:
                info = client.info()
        except (redis.ConnectionError, redis.TimeoutError):
            return False  # `BusyLoadingError`, while it loads its files, is a ConnectionError
        return bool(info["process_id"] == pid and not info["loading"])
