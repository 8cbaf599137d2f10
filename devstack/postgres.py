"""A real Postgres 18 on a directory, as durable as in production."""

import os
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from devstack import process_tree
from devstack.account import Account, choose_account
from devstack.binaries import PostgresBinaries, postgres_binaries
from devstack.directory import DirectoryLock, SocketDirectory, directory_outside, keep_previous
from devstack.errors import DirectoryInUse, DirectoryUnusable, PortTaken, StartFailed
from devstack.ports import LOOPBACK, free_port
from devstack.process import Child

DATABASE = "veloconnect"
USER = "postgres"
MAJOR_VERSION = "18"
INITDB_SECONDS_MAX = 60.0
START_SECONDS_MAX = 60.0
"""Includes replaying the log after a crash."""
STOP_SECONDS_MAX = 15.0
QUIT_SECONDS_MAX = 5.0
PREDECESSOR_SECONDS_MAX = 5.0
"""For a server that is still stopping because its parent was killed."""
CONNECT_SECONDS_MAX = 10
PORT_ATTEMPTS_MAX = 5

SETTINGS = {
    # Durable as in production: an acknowledged charge is on disk.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Compiling a query costs more than these short ones take.
    "jit": "off",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "listen_addresses": LOOPBACK,
    "unix_socket_permissions": "0700",
}


class Postgres:
    """A server on `data_directory`, whose data are kept; `with` starts and stops it.

    The port is a free one unless given, and stays the same over `kill` and `start`. Any user of
    this machine may connect as superuser: for development and tests only. `settings` override `SETTINGS`.

    Raises on start: `BinaryMissing`, `DirectoryInUse`, `DirectoryUnusable`, `StartFailed`.
    """

    def __init__(
        self,
        data_directory: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        log_path: Path | None = None,
    ) -> None:
        """Choose the options; start nothing."""
        self.data_directory = data_directory.absolute()
        self.port = port or 0
        self._port_is_given = port is not None
        self._settings = SETTINGS | dict(settings or {})
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
    def dsn(self) -> str:
        """The URL of the database `veloconnect`, over TCP."""
        return self.database_dsn(DATABASE)

    @property
    def unix_dsn(self) -> str:
        """The URL of the database `veloconnect`, over the unix socket."""
        assert self._sockets is not None, "not started"
        return f"postgresql://{USER}@/{DATABASE}?host={self._sockets.path}&port={self.port}"

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        return self._started.pid

    @property
    def child(self) -> Child:
        """The process, with its state and its log."""
        return self._started

    def database_dsn(self, name: str) -> str:
        """Return the URL of any database of this server, over TCP."""
        return f"postgresql://{USER}@{LOOPBACK}:{self.port}/{name}"

    def start(self) -> None:
        """Start, wait until it answers, and create the database `veloconnect` if it is missing."""
        if self._child is None:
            self._child = self._prepare()
        if self._port_is_given:
            self._start_on_port(self._child)
        else:
            self._start_on_free_port(self._child)
        self.create_database(DATABASE, missing_ok=True)

    def stop(self) -> None:
        """Stop by a fast shutdown: clients are disconnected, a checkpoint is written."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """Send SIGKILL to all its processes, as if the machine lost power, and wait until they have ended."""
        self._started.kill()

    def restart(self) -> None:
        """Stop, then start on the same port."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Send SIGSTOP to all its processes: connections stay open and get no answer."""
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

    def create_database(self, name: str, *, missing_ok: bool = False) -> str:
        """Create an empty database and return its URL; with `missing_ok`, an existing one is kept."""
        if not (missing_ok and self._has_database(name)):
            self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.database_dsn(name)

    def drop_database(self, name: str) -> None:
        """Drop a database and disconnect its clients; do nothing if it does not exist."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._execute(statement.format(sql.Identifier(name)))

    @property
    def _started(self) -> Child:
        if self._child is None:
            raise StartFailed("Postgres is not started")
        return self._child

    def _prepare(self) -> Child:
        """Prepare the lock, the user, the data and the sockets, once."""
        self._lock.acquire()
        keep_previous(self._log_path)
        account = choose_account()
        home = self.data_directory
        binaries = postgres_binaries()
        if account.owner is not None:
            home = directory_outside(self.data_directory, account.owner)
            (self.data_directory / "DATA-IS-IN").write_text(f"{home}\n")
            binaries = _reachable_binaries(binaries, account, account.owner)
        environment = _environment(binaries, home)
        data = home / "data"
        _initialize(data, binaries, account, environment)
        _check_version(data)
        _check_predecessor(data)
        self._sockets = SocketDirectory(home, ".s.PGSQL.00000", account.owner)
        return Child(
            name="Postgres",
            command=[str(binaries.postgres), "-D", str(data)],
            environment=environment,
            log_path=self._log_path,
            working_directory=data,
            stop_signals=((signal.SIGINT, STOP_SECONDS_MAX), (signal.SIGQUIT, QUIT_SECONDS_MAX)),
            # Not SIGKILL, so that the postmaster ends its busy backends and removes its lock files.
            parent_death_signal=signal.SIGQUIT,
            launch_options=account.launch_options,
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
        assert self._sockets is not None
        data = Path(child.command[2])
        settings = self._settings | {
            "port": str(self.port),
            "unix_socket_directories": str(self._sockets.path),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        child.command = [*child.command[:3], *options]
        child.start()
        child.wait_ready(lambda: _is_ready(data, child.pid), START_SECONDS_MAX)

    def _has_database(self, name: str) -> bool:
        with self._connect() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            return found.fetchone() is not None

    def _execute(self, statement: sql.Composed) -> None:
        with self._connect() as connection:
            connection.execute(statement)

    def _connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.database_dsn("postgres"), autocommit=True, connect_timeout=CONNECT_SECONDS_MAX)


def _environment(binaries: PostgresBinaries, home: Path) -> dict[str, str]:
    """Return an environment without this process's variables: PGDATA, PGOPTIONS or a locale would change the server."""
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "LC_ALL": "C",
        "TZ": "UTC",
        "LD_LIBRARY_PATH": binaries.library_path,
        "DYLD_LIBRARY_PATH": binaries.library_path,
    }


def _initialize(data: Path, binaries: PostgresBinaries, account: Account, environment: dict[str, str]) -> None:
    """Create the data directory unless it exists; a crash in the middle leaves `data.partial`."""
    if data.exists():
        return
    partial = data.with_name("data.partial")
    shutil.rmtree(partial, ignore_errors=True)
    log_path = data.with_name("initdb.log")
    initdb = Child(
        name="initdb",
        command=[
            str(binaries.initdb),
            *("-D", str(partial), "--username", USER, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C", "--no-instructions"),
        ],
        environment=environment,
        log_path=log_path,
        working_directory=data.parent,
        parent_death_signal=signal.SIGTERM,
        launch_options=account.launch_options,
    )
    log_path.unlink(missing_ok=True)
    try:
        initdb.run(INITDB_SECONDS_MAX)
    finally:
        initdb.kill()
    partial.rename(data)


def _check_version(data: Path) -> None:
    try:
        version = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        version = "something else than Postgres"
    if version != MAJOR_VERSION:
        raise DirectoryUnusable(
            f"{data} was made by version {version}, and Postgres {MAJOR_VERSION} cannot open it. "
            f"Move it away, or delete it with its data: rm -r {data}"
        )


def _check_predecessor(data: Path) -> None:
    """Check `postmaster.pid`: the server of a killed parent may still run. Raise `DirectoryInUse` if it does.

    Postgres detects a stale file itself, unless its number is still in the process table: of another
    program, or of a dead postmaster whose exit status was never read, as in a container without an
    init. Such a file is removed. (Postgres finds living backends by their shared memory.)
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    is_ours = str(data) in process_tree.command_line(pid)
    if is_ours and process_tree.wait_gone([pid], PREDECESSOR_SECONDS_MAX):
        raise DirectoryInUse(
            f"a Postgres of an earlier run, process {pid}, still uses {data}. Stop it first: kill -INT {pid}"
        )
    if process_tree.exists(pid):
        pid_file.unlink(missing_ok=True)


def _is_ready(data: Path, pid: int) -> bool:
    """Return whether line 8 of `postmaster.pid` has the state `ready`; `pg_ctl` reads the same line."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _reachable_binaries(binaries: PostgresBinaries, account: Account, owner: tuple[int, int]) -> PostgresBinaries:
    """Return the binaries, or a copy of them if the other user cannot reach this environment."""
    if account.can_run([str(binaries.postgres), "--version"]):
        return binaries
    size = binaries.postgres.stat()
    home = directory_outside(binaries.tree, owner)
    copy = home / f"program-{size.st_size}-{int(size.st_mtime)}"
    if not copy.exists():
        partial = Path(tempfile.mkdtemp(dir=home))
        for part in ("bin", "lib", "share"):
            shutil.copytree(binaries.tree / part, partial / "tree" / part)
        if binaries.libraries.exists():
            shutil.copytree(binaries.libraries, partial / "libraries")
        partial.chmod(0o755)
        try:
            partial.rename(copy)
        except OSError:  # another process has made the copy
            shutil.rmtree(partial)
    return PostgresBinaries(tree=copy / "tree", libraries=copy / "libraries")
