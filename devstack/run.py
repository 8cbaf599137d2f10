"""`make run`: serve from this directory until Ctrl-C, with the servers' logs on the terminal."""

import os
import signal
import sys
import sysconfig
import time
from collections.abc import Mapping
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
    """Somebody asked us to stop. Not an `Exception`: nothing on the way may handle it as one."""


def run(
    environment: Mapping[str, str],
    *,
    local_directory: Path,
    with_parent: bool = False,
    commands: Commands | None = None,
) -> int:
    """Serve until a signal (then 0) or until something fails (then 1, with what and why).

    With `with_parent` also until the process that started us ends: a killed `make` leaves nothing.
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
        say("starting; logs are in", _relative(stack.log_directory))
        with stack:
            say(banner(stack))
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
    """Where everything is, and four calls to begin with: README's, under its keys, so that either may come first."""
    ports = stack.ports
    grpcurl = _relative(Path(sysconfig.get_path("scripts")) / "grpcurl")
    token = _relative(stack.token_path)
    head = f'{grpcurl} -plaintext -H "authorization: Bearer $(cat {token})"'
    calls = (
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
    return "\n".join(
        [
            "",
            f"charging  {LOOPBACK}:{ports.charging}   {stack.charging_metrics_url}",
            f"admin     {LOOPBACK}:{ports.admin}   {stack.admin_metrics_url}",
            f"downloads {stack.admin_http_url}",
            f"token     {stack.token}   (kept in {token})",
            f"Postgres  {stack.database_url}",
            f"Redis     {stack.redis_url}",
            "\n# Each is for one time: the second time the company already exists, and the keys replay what they made.",
            *(f"\n# {title}\n{head} -d '{body}' {method}" for title, body, method in calls),
            "\nCtrl-C stops everything.\n",
        ]
    )


def say(*words: object) -> None:
    """Print, also when nobody reads any more: a closed terminal must not keep us from stopping."""
    try:
        print(*words, flush=True)
    except OSError:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 it stays open to the end


class LogFollower:
    """New lines of the servers' logs, each with its server's name before it."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        """Take each server's name and log."""
        self._paths = paths
        self._positions = dict.fromkeys(paths, 0)
        self._width = max(map(len, paths))

    def show_new(self) -> None:
        """Print what was written since the last time; a line is shown when it is whole."""
        for name, path in self._paths.items():
            for line in self._new_lines(name, path):
                say(f"{name:<{self._width}} | {line}")

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
    follower = LogFollower({name: child.log_path for name, child in children.items()})
    # A closed terminal tells only its first process, which may be a `make` that waits for us.
    while parent in (None, os.getppid()) and (os.isatty(STDOUT) or not on_terminal):
        follower.show_new()
        stack.check()
        time.sleep(POLL_SECONDS)


def _stop(number: int, _frame: FrameType | None) -> None:
    # The next one ends us at once; children then follow by their parent-death signal.
    for other in STOP_SIGNALS:
        signal.signal(other, signal.SIG_DFL)
    say("\nstopping")
    raise _Stopped(number)


def _relative(path: Path) -> Path:
    """As short as it can be typed from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
