"""`make run`: serve from this directory until Ctrl-C, with the servers' logs on the terminal."""

import os
import signal
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from devstack.errors import DevstackError
from devstack.ports import LOOPBACK
from devstack.stack import Commands, Ports, Stack

POLL_SECONDS = 0.2
STDOUT = 1
LOG_BYTES_PER_POLL_MAX = 65_536
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Stopped(BaseException):
    """A signal asked to stop. It is not an `Exception`, so that no handler of one catches it."""


def run(
    environment: Mapping[str, str],
    *,
    local_directory: Path,
    with_parent: bool = False,
    commands: Commands | None = None,
) -> int:
    """Serve until a signal, then return 0; or until a failure, then print it and return 1.

    With `with_parent` stop also when the parent process ends, so that a killed `make` leaves no process.
    """
    parent = os.getppid() if with_parent else None
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        stack = Stack(
            local_directory,
            ports=Ports.from_environment(environment),
            appendonly=True,
            database_url=environment.get("DATABASE_URL"),
            redis_url=environment.get("REDIS_URL"),
            commands=commands,
        )
        print_line("starting; logs are in", _relative(stack.log_directory))
        with stack:
            print_line(banner(stack))
            _serve(stack, parent)
    except _Stopped:
        return 0
    except DevstackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
    return 0


def banner(stack: Stack) -> str:
    """Return all addresses and four first calls: README's, under the same keys, so that either may be run first."""
    ports = stack.ports
    grpcurl = _relative(Path(sysconfig.get_path("scripts")) / "grpcurl")
    token = _relative(stack.token_path)
    head = f'{grpcurl} -plaintext -H "authorization: Bearer $(cat {token})"'
    return "\n".join(
        [
            "",
            f"charging  {LOOPBACK}:{ports.charging}   {stack.charging_metrics_url}",
            f"admin     {LOOPBACK}:{ports.admin}   {stack.admin_metrics_url}",
            f"downloads {stack.admin_http_url}",
            f"token     {stack.token}   (kept in {token})",
            f"Postgres  {stack.database_url}",
            f"Redis     {stack.redis_url}",
            "\n# Repeated, the first call fails since the company exists, and the keys replay their results.",
            *(f"\n# {title}\n{head} -d '{body}' {method}" for title, body, method in _first_calls(ports)),
            "\nCtrl-C stops everything.\n",
        ]
    )


def _first_calls(ports: Ports) -> Sequence[tuple[str, str, str]]:
    """Return the first calls: title, request and method with its address."""
    return (
        (
            "Create a company",
            (
                '{"company_id":"acme","company":{"display_name":"Acme","currency_code":"EUR",'
                '"billing_email":"billing@acme.example"}}'
            ),
            f"{LOOPBACK}:{ports.admin} veloconnect.admin.v1.CompanyService/CreateCompany",
        ),
        (
            "Top it up with 50 EUR",
            (
                '{"parent":"companies/acme","idempotency_key":"wire-1","top_up":{"amount_micros":'
                '"50000000","currency_code":"EUR","method":"METHOD_MANUAL","reference":"wire 1"}}'
            ),
            f"{LOOPBACK}:{ports.admin} veloconnect.admin.v1.TopUpService/CreateTopUp",
        ),
        (
            "Charge it for an SMS",
            (
                '{"company":"companies/acme","idempotency_key":"sms-1","usage":{"channel":'
                '"CHANNEL_SMS","destination":"+4915112345678"},"amount_micros":"75000"}'
            ),
            f"{LOOPBACK}:{ports.charging} veloconnect.charging.v1.ChargingService/Charge",
        ),
        (
            "Read the wallet",
            '{"name":"companies/acme/wallet"}',
            f"{LOOPBACK}:{ports.charging} veloconnect.charging.v1.ChargingService/GetWallet",
        ),
    )


def print_line(*parts: object) -> None:
    """Print and flush. A closed terminal is ignored, since it must not prevent stopping."""
    try:
        print(*parts, flush=True)
    except OSError:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 it stays open to the end


class LogTail:
    """Prints new lines of the servers' logs, each after its server's name."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        """Take the path of each log by the server's name."""
        self._paths = paths
        self._positions = dict.fromkeys(paths, 0)
        self._width = max(map(len, paths))

    def print_new(self) -> None:
        """Print the complete lines that were written since the last call."""
        for name, path in self._paths.items():
            for line in self._new_lines(name, path):
                print_line(f"{name:<{self._width}} | {line}")

    def _new_lines(self, name: str, path: Path) -> list[str]:
        with path.open("rb") as file:
            file.seek(self._positions[name])
            data = file.read(LOG_BYTES_PER_POLL_MAX)
        is_full = len(data) == LOG_BYTES_PER_POLL_MAX
        whole = data if is_full and b"\n" not in data else data[: data.rfind(b"\n") + 1]
        self._positions[name] += len(whole)
        return whole.decode(errors="replace").splitlines()


def _serve(stack: Stack, parent: int | None) -> None:
    on_terminal = sys.stdout.isatty()
    children = {"charging": stack.charging.child, "admin": stack.admin.child}
    tail = LogTail({name: child.log_path for name, child in children.items()})
    # A closed terminal signals only its first process, which may be a `make` that waits for this one.
    while parent in (None, os.getppid()) and (os.isatty(STDOUT) or not on_terminal):
        tail.print_new()
        stack.check()
        time.sleep(POLL_SECONDS)


def _stop(number: int, _frame: FrameType | None) -> None:
    # The next signal ends this process at once; its children then end by their parent-death signal.
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_DFL)
    print_line("\nstopping")
    raise _Stopped(number)


def _relative(path: Path) -> Path:
    """Return the path relative to the working directory, where possible."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
