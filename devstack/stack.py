"""The whole service with its stores on this machine, for `make run`, demos, benchmarks and tests."""

import os
import secrets
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from devstack.binaries import Flavour
from devstack.directory import DirectoryLock, keep_previous
from devstack.errors import ChildDied, DevstackError, PortTaken
from devstack.ports import LOOPBACK, free_port, is_free
from devstack.postgres import Postgres
from devstack.process import Child, describe_status
from devstack.server import READY_SECONDS_MAX, Server
from devstack.valkey import Valkey

MIGRATE_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 15.0
"""A server first finishes its requests."""
TOKEN_BYTES = 32

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the two servers, on loopback."""

    charging: int = 50051
    admin: int = 50052
    charging_metrics: int = 9464
    admin_metrics: int = 9465
    admin_http: int = 8081

    @classmethod
    def free(cls) -> Self:
        """Return free ports, so that stacks can run side by side."""
        return cls(*(free_port() for _ in fields(cls)))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Return the ports of the environment, or the default ones. Raise `DevstackError` for a bad value."""
        chosen: dict[str, int] = {}
        for name, setting in cls.settings().items():
            text = environment.get(setting, "")
            if text and not (text.isdecimal() and 0 < int(text) < 65_536):
                raise DevstackError(f"{setting} is {text!r}, and should be a port number")
            if text:
                chosen[name] = int(text)
        return cls(**chosen)

    @classmethod
    def settings(cls) -> dict[str, str]:
        """Return the environment variable of each field: `CHARGING_PORT`, `ADMIN_METRICS_PORT`."""
        return {field.name: f"{field.name.upper()}_PORT" for field in fields(cls)}

    def environment(self) -> dict[str, str]:
        """Return the environment variables that the servers read."""
        return {setting: str(getattr(self, name)) for name, setting in self.settings().items()}

    def check_free(self) -> None:
        """Raise `PortTaken`, with the setting that changes it, if a port is taken."""
        for setting, port in self.environment().items():
            choose = f"choose another port: {setting}={free_port()} make run"
            try:
                free = is_free(int(port))
            except PermissionError:
                raise PortTaken(f"port {port} is for root alone: {choose}") from None
            if not free:
                raise PortTaken(f"port {port} is taken by another program. Stop that one, or {choose}")


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of the servers. Only tests of this package change them."""

    migrate: Sequence[str] = (sys.executable, "-m", "admin", "migrate")
    admin: Sequence[str] = (sys.executable, "-m", "admin", "serve")
    charging: Sequence[str] = (sys.executable, "-m", "charging", "serve")


class Stack:
    """Everything that serves, under one directory; `with` starts it, ready to use, and stops it.

    Data, logs and the development token stay in `local_directory` between runs. With a
    `database_url` or `redis_url`, that store is used and none is started. `workers` are charging's
    processes. `environment` is added to that of both servers.

    Raises on start a `DevstackError` that says what happened and what to do next; nothing is left
    running then.
    """

    def __init__(  # noqa: PLR0913 all but the first are choices with a default
        self,
        local_directory: Path,
        *,
        ports: Ports | None = None,
        workers: int = 1,
        appendonly: bool = False,
        flavour: Flavour = "valkey",
        database_url: str | None = None,
        redis_url: str | None = None,
        environment: Mapping[str, str] | None = None,
        commands: Commands | None = None,
    ) -> None:
        """Choose; nothing is started yet."""
        self.local_directory = local_directory.absolute()
        self.ports = ports or Ports.free()
        self.log_directory = self.local_directory / "log"
        self.token_path = self.local_directory / "token"
        self._commands = commands or Commands()
        self._workers = workers
        self._lock = DirectoryLock(self.local_directory)
        self._exit = ExitStack()
        self._extra = dict(environment or {})
        self._database_url = database_url
        self._redis_url = redis_url
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None
        if not database_url:
            self._postgres = Postgres(self.local_directory / "postgres", log_path=self.log_directory / "postgres.log")
        if not redis_url:
            self._valkey = Valkey(
                self.local_directory / "valkey",
                flavour=flavour,
                appendonly=appendonly,
                log_path=self.log_directory / "valkey.log",
            )
        self._admin: Server | None = None
        self._charging: Server | None = None

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
    def postgres(self) -> Postgres:
        """The Postgres that this stack has started."""
        return _started(self._postgres, "Postgres")

    @property
    def valkey(self) -> Valkey:
        """The Valkey (or Redis) that this stack has started."""
        return _started(self._valkey, "Valkey")

    @property
    def admin(self) -> Server:
        """The back office's server."""
        return _started(self._admin, "admin")

    @property
    def charging(self) -> Server:
        """The gateways' server."""
        return _started(self._charging, "charging")

    @property
    def database_url(self) -> str:
        """The URL of the Postgres in use; its own over the unix socket, which costs half of TCP."""
        return self._database_url or self.postgres.unix_dsn

    @property
    def redis_url(self) -> str:
        """The URL of the Redis or Valkey in use; its own over the unix socket."""
        return self._redis_url or self.valkey.unix_url

    @property
    def token(self) -> str:
        """The development token, for `authorization: Bearer …`."""
        return self.token_path.read_text().strip()

    @property
    def charging_address(self) -> str:
        """The address of charging for a gRPC channel."""
        return self.charging.address

    @property
    def admin_address(self) -> str:
        """The address of admin for a gRPC channel."""
        return self.admin.address

    @property
    def charging_metrics_url(self) -> str:
        """The URL of charging's metrics."""
        return self.charging.metrics_url

    @property
    def admin_metrics_url(self) -> str:
        """The URL of admin's metrics."""
        return self.admin.metrics_url

    @property
    def admin_http_url(self) -> str:
        """The URL of admin's HTTP port, without a path."""
        return f"http://{LOOPBACK}:{self.ports.admin_http}"

    def start(self) -> None:
        """Start the stores, migrate the schema, start both servers, in this order."""
        self._lock.acquire()
        self._exit.callback(self._lock.release)
        self.ports.check_free()
        make_token(self.token_path)
        for store in (self._postgres, self._valkey):
            if store is not None:
                self._exit.enter_context(store)
        self._child("migrate", self._commands.migrate).run(MIGRATE_SECONDS_MAX)
        ports = self.ports
        self._admin = Server(self._child("admin", self._commands.admin), ports.admin, ports.admin_metrics)
        workers = ("--workers", str(self._workers))
        self._charging = Server(
            self._child("charging", [*self._commands.charging, *workers]),
            ports.charging,
            ports.charging_metrics,
        )
        # Both at once: each takes about a second to import its modules.
        for server in (self._admin, self._charging):
            server.child.start()
        for server in (self._admin, self._charging):
            server.child.wait_ready(partial(self._is_healthy, server), READY_SECONDS_MAX)

    def check(self) -> None:
        """Raise `ChildDied` if a store or a server has ended by itself."""
        owners = (self._postgres, self._valkey, self._admin, self._charging)
        for child in (owner.child for owner in owners if owner is not None):
            if not child.is_running:
                status = describe_status(child.exit_status)
                raise ChildDied(child.describe(f"has ended by itself with {status}"))

    def close(self) -> None:
        """Stop everything, the servers first."""
        self._exit.close()
        self._admin = self._charging = None

    def environment(self) -> dict[str, str]:
        """Return the servers' environment: this process's, with the stores, the token and the ports."""
        return {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "TOKEN_FILE": str(self.token_path),
            "PYTHONUNBUFFERED": "1",
            **self.ports.environment(),
            **self._extra,
        }

    def _is_healthy(self, server: Server) -> bool:
        self.check()  # the other server may have ended meanwhile
        return server.is_healthy()

    def _child(self, name: str, command: Sequence[str]) -> Child:
        log_path = self.log_directory / f"{name}.log"
        keep_previous(log_path)
        child = Child(
            name=name,
            command=command,
            environment=self.environment(),
            log_path=log_path,
            working_directory=Path.cwd(),
            stop_signals=((signal.SIGTERM, STOP_SECONDS_MAX),),
        )
        self._exit.callback(child.stop)
        return child


def make_token(path: Path) -> None:
    """Create a token that only this user can read, unless it exists."""
    if path.exists() and path.read_text().strip():
        path.chmod(0o600)
        return
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{secrets.token_urlsafe(TOKEN_BYTES)}\n")


def _started(part: Part | None, name: str) -> Part:
    if part is None:
        raise DevstackError(f"no {name} was started here")
    return part
