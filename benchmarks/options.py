"""The options of the command line."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from benchmarks.http2.endpoint import Target
from benchmarks.isolated.at_once import AtOnce
from benchmarks.isolated.growth import COMPANIES_SMALL, Growth
from benchmarks.isolated.rates import Rates
from benchmarks.isolated.refunds import Refunds
from benchmarks.scenarios import RATE_DEFAULT, scenarios

ISOLATED = (Growth.name, Refunds.name, Rates.name, AtOnce.name)
"""The isolated scenarios."""

NAME_PATTERN = "abcdefghijklmnopqrstuvwxyz0123456789-"


def _address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Target | None:
    """Parse HOST:PORT. Raise `click.BadParameter`."""
    try:
        return None if value is None else Target.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _addresses(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Target, ...]:
    """Parse several HOST:PORT. Raise `click.BadParameter`."""
    try:
        return tuple(map(Target.parse, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Check that the value can name a directory. Raise `click.BadParameter`."""
    if not value or not set(value) <= set(NAME_PATTERN):
        raise click.BadParameter("lower-case letters, digits and - only")
    return value


_OPTIONS = (
    click.option(
        "--target",
        "targets",
        metavar="HOST:PORT",
        multiple=True,
        callback=_addresses,
        help="A running charging service; repeat for several servers. Without it one is started here.",
    ),
    click.option("--admin-target", metavar="HOST:PORT", callback=_address, help="Its admin service."),
    click.option(
        "--token-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A token for both; the first line.",
    ),
    click.option(
        "--ca-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Speak TLS, and trust these certificates (PEM).",
    ),
    click.option("--insecure", is_flag=True, help="Send the token in clear text beyond loopback."),
    click.option("--full", is_flag=True, help="All scenarios and the ramp, with more and longer rounds."),
    click.option(
        "--only",
        type=click.Choice([*(scenario.name for scenario in scenarios()), *ISOLATED]),
        multiple=True,
        help="Only this scenario (repeatable); without memory and ramp.",
    ),
    click.option("--ramp", is_flag=True, help="Find the highest rate that holds, after the rounds."),
    click.option("--ramp-p99-ms", type=click.FloatRange(0.1), default=25.0, help="The bound that ends the ramp."),
    click.option("--rate", type=click.FloatRange(1, 100_000), default=RATE_DEFAULT, help="Calls/s of the open loop."),
    click.option("--companies", type=click.IntRange(1, 100_000), default=1_000, help="Charged uniformly."),
    click.option("--connections", type=click.IntRange(1, 64), default=4, help="At most; never more than in flight."),
    click.option("--workers", type=click.IntRange(1, 64), default=1, help="Processes of the service started here."),
    click.option(
        "--rounds", type=click.IntRange(1, 100), default=None, help="Metrics are medians; 3, or 5 with --full."
    ),
    click.option(
        "--seconds", type=click.FloatRange(0.1, 600), default=None, help="Measured in each run; 2, or 5 with --full."
    ),
    click.option(
        "--seconds-max",
        type=click.FloatRange(1),
        default=None,
        help="Begin no round that would end later; 215, or 900 with --full.",
    ),
    click.option(
        "--growth-companies",
        type=click.IntRange(COMPANIES_SMALL, 999_999),
        default=Growth.companies,
        help="Of the grown installations in growth.",
    ),
    click.option(
        "--growth-entries",
        type=click.IntRange(0, 100_000_000),
        default=Growth.entries,
        help="In the full ledger in growth.",
    ),
    click.option("--refunded-charges", type=click.IntRange(1, 10_000_000), default=Refunds.charges, help="In refunds."),
    click.option("--keep", is_flag=True, help="Write the report to benchmarks/results, not to .local/bench."),
    click.option("--name", default=f"{os.cpu_count()}-cores", callback=_name, help="Of the report, after its date."),
)


def all_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add all options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
