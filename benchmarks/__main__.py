"""`python -m benchmarks`: measure the service, print a table, and end with one line of JSON.

Exit status: 0; 1 where the ledger is not what was acknowledged; 2 where nothing could be measured.
"""

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import click
import uvloop

from benchmarks import machine
from benchmarks.companies import AdminFailed
from benchmarks.loadgen.client import Target, TargetUnreachable
from benchmarks.loadgen.cpu import Processes
from benchmarks.local import echo_server, service_pids
from benchmarks.report import json_line, rows, table
from benchmarks.scenarios import SCENARIOS
from benchmarks.suite import Plan, Results, Service, Suite
from devstack import DevstackError, Ports, Stack

LOCAL_DIRECTORY = Path(".local")
"""Not /tmp, which may be memory: then no write would be durable."""


def _address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Target | None:
    """Read HOST:PORT, or say what is wrong."""
    try:
        return None if value is None else Target.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command(context_settings={"show_default": True})
@click.option(
    "--target",
    metavar="HOST:PORT",
    callback=_address,
    help="A charging service that runs already; else one is started here.",
)
@click.option("--admin-target", metavar="HOST:PORT", callback=_address, help="Its admin service.")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A token for both.")
@click.option("--insecure", is_flag=True, help="Send the token in clear text beyond loopback.")
@click.option("--only", type=click.Choice([each.name for each in SCENARIOS]), multiple=True, help="Not all scenarios.")
@click.option("--companies", type=click.IntRange(1, 100_000), default=1_000, help="Charged uniformly.")
@click.option("--connections", type=click.IntRange(1, 64), default=4, help="At most; never more than in flight.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes of the service started here.")
@click.option("--rounds", type=click.IntRange(1, 100), default=3, help="Figures are medians over rounds.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=4.0, help="Measured in each run.")
@click.option("--seconds-max", type=click.FloatRange(1), default=260.0, help="Begin no round that would end later.")
def main(  # noqa: PLR0913 one for each option
    *,
    target: Target | None,
    admin_target: Target | None,
    token_file: Path | None,
    insecure: bool,
    only: tuple[str, ...],
    companies: int,
    connections: int,
    workers: int,
    rounds: int,
    seconds: float,
    seconds_max: float,
) -> None:
    """Measure throughput, latency and CPU of the charging service; everything acknowledged is durable.

    Without --target, starts Postgres, Valkey and the service for the time of the run.
    """
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    plan = Plan(
        scenarios=[scenario for scenario in SCENARIOS if not only or scenario.name in only],
        companies=companies,
        connections=connections,
        rounds=rounds,
        seconds=seconds,
        seconds_max=seconds_max,
    )
    LOCAL_DIRECTORY.mkdir(exist_ok=True)
    print(machine.description())
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=LOCAL_DIRECTORY) as name:
            directory = Path(name)
            fsync_ms = None
            if target is None:
                if admin_target or token_file:
                    raise click.UsageError("--admin-target and --token-file go with --target")
                fsync_ms = machine.fsync_ms(directory)
                print(f"a durable write takes {fsync_ms:.2f} ms")
                service = _started_here(directory, workers)
            else:
                service = _running_already(directory, target, admin_target, token_file, insecure=insecure)
            with service as reachable:
                results = uvloop.run(Suite(reachable, plan).run())
    except (DevstackError, TargetUnreachable, AdminFailed) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    _print(results, fsync_ms)
    sys.exit(1 if results.differences else 0)


@contextmanager
def _started_here(directory: Path, workers: int) -> Iterator[Service]:
    """Start the service with stores of its own, everything durable."""
    stack = Stack(directory, ports=Ports.free(), workers=workers, appendonly=True)
    with stack, echo_server(directory) as (echo, echo_pid):
        yield Service(
            charging=Target.parse(stack.charging_address),
            admin_address=stack.admin_address,
            echo=echo,
            token=stack.token,
            processes=Processes(service_pids(stack)),
            echo_processes=Processes({"echo": echo_pid}),
        )


@contextmanager
def _running_already(
    directory: Path, charging: Target, admin: Target | None, token_file: Path | None, *, insecure: bool
) -> Iterator[Service]:
    """Use a service that somebody else has started; only the bare handler is ours."""
    if admin is None or token_file is None:
        raise click.UsageError("--target needs --admin-target and --token-file")
    for target in (charging, admin):
        if not insecure and not _is_loopback(target.host):
            raise click.UsageError(
                f"{target} is not on this machine: the token would go there in clear text (--insecure)"
            )
    with echo_server(directory) as (echo, echo_pid):
        yield Service(
            charging=charging,
            admin_address=str(admin),
            echo=echo,
            token=token_file.read_text().strip(),
            processes=Processes(),
            echo_processes=Processes({"echo": echo_pid}),
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _print(results: Results, fsync_ms: float | None) -> None:
    found = rows(results)
    print()
    print(table(found))
    if results.differences:
        print(f"THE LEDGER DIFFERS from what was acknowledged: {results.differences} times")
    else:
        print("after every run the ledger had what was acknowledged, company by company")
    print(json_line(results, found, fsync_ms=fsync_ms), flush=True)


if __name__ == "__main__":
    main()
