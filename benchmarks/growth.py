"""Does it stay fast? `python -m benchmarks.growth` charges a small installation and grown ones in turn.

Three installations run side by side, each with stores of its own: few companies with an empty ledger, many companies
with an empty ledger, many companies with a full one. In each round all are measured, so that a machine whose speed
drifts does not look like growth; what counts are the ratios of a round.

Exit status: 0; 1 where a wallet is not what was acknowledged; 2 where nothing could be measured.
"""

import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
import psycopg
import uvloop

from benchmarks.filling import AMOUNT_MICROS, BYTES_PER_ENTRY, NoRoom, fill
from benchmarks.http2.client import TargetUnreachable
from benchmarks.http2.endpoint import Endpoint, Target
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.closed_loop import ClosedLoop
from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.measuring import measure
from benchmarks.loadgen.templates import charge_request, fresh_keys
from benchmarks.loadgen.workloads import Charges
from devstack import DevstackError, Ports, Stack
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc

LOCAL_DIRECTORY = Path(".local")
"""Not /tmp, which may be memory."""
COMPANIES_SMALL = 10
IN_FLIGHT, CONNECTIONS = 64, 4
WARM_UP_SECONDS = 1.0
WARM_BATCH, WARM_AT_ONCE = 250, 4
WARM_CALL_SECONDS_MAX = 60.0


@dataclass(slots=True)
class Installation:
    """One of those that are compared."""

    title: str
    stack: Stack
    companies: int
    entries: int
    books: Books
    balances: dict[str, int]
    """At the start, by company id."""

    @classmethod
    def start(cls, stack: Stack, *, companies: int, entries: int, seconds_max: float) -> "Installation":
        """Fill the ledger of a running stack."""
        title = f"{companies:,} companies, {entries:,} entries"
        began = time.monotonic()
        fill(stack.database_url, companies=companies, entries=entries, seconds_max=seconds_max)
        _say(f"{title}: filled in {time.monotonic() - began:.0f} s")
        balances = read_balances(stack.database_url)
        books = Books([f"companies/{company}" for company in balances], AMOUNT_MICROS)
        return cls(title, stack, companies, entries, books, balances)

    @property
    def endpoint(self) -> Endpoint:
        """Where gateways call."""
        return Endpoint((Target.parse(self.stack.charging_address),), self.stack.token)

    async def warm(self) -> None:
        """Charge each company once: then all wallets are in Redis."""
        began = time.monotonic()
        keys = fresh_keys()
        numbers = iter(range(0, self.companies, WARM_BATCH))

        async def charge_some(stub: charging_pb2_grpc.ChargingServiceStub) -> None:
            for first in numbers:
                batch = charging_pb2.BatchChargeRequest()
                for company in self.books.companies[first : first + WARM_BATCH]:
                    request = batch.requests.add()
                    request.CopyFrom(charge_request(company, AMOUNT_MICROS))
                    request.idempotency_key = next(keys).decode()
                response = await stub.BatchCharge(batch, metadata=self.endpoint.metadata, timeout=WARM_CALL_SECONDS_MAX)
                for number, result in enumerate(response.results, first):
                    taken = self.books.acknowledged if result.HasField("charge") else self.books.unclear
                    taken[number] += 1

        async with self.endpoint.channel() as channel, asyncio.TaskGroup() as group:
            for _ in range(WARM_AT_ONCE):
                group.create_task(charge_some(charging_pb2_grpc.ChargingServiceStub(channel)))
        _say(f"{self.title}: {sum(self.books.acknowledged):,} wallets warm in {time.monotonic() - began:.0f} s")

    async def charges_per_second(self, seconds: float) -> float:
        """Charge companies at random, 64 at a time."""
        loop = ClosedLoop(Charges(self.books), self.endpoint, in_flight=IN_FLIGHT, connections=CONNECTIONS)
        measurement = await measure(
            {"charge": loop}, warm_up_seconds=WARM_UP_SECONDS, seconds=seconds, processes=Processes()
        )
        if errors := measurement.tally.errors:
            _say(f"{self.title}: {dict(errors)}")
        return measurement.units_per_second

    def differences(self) -> list[str]:
        """Compare each wallet with what was acknowledged; one line for each that is off."""
        now = read_balances(self.stack.database_url)
        spent = [balance - now[company] for company, balance in self.balances.items()]
        found = (self.books.difference(company, micros) for company, micros in enumerate(spent))
        return [difference for difference in found if difference is not None]


def read_balances(database_url: str) -> dict[str, int]:
    """Read all wallets' balances, in the order of companies."""
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute("SELECT company_id, balance FROM wallets ORDER BY company_id").fetchall())


@click.command(context_settings={"show_default": True})
@click.option("--companies", type=click.IntRange(COMPANIES_SMALL, 999_999), default=10_000, help="When grown.")
@click.option("--entries", type=click.IntRange(0, 100_000_000), default=500_000, help="In the full ledger.")
@click.option("--rounds", type=click.IntRange(1, 100), default=5, help="The figure is their median.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=3.0, help="Measured in each run.")
@click.option("--fill-seconds-max", type=click.FloatRange(1), default=1800.0, help="Give up filling after that.")
def main(*, companies: int, entries: int, rounds: int, seconds: float, fill_seconds_max: float) -> None:
    """Compare installations that differ in size. Works under .local, and removes what it made."""
    LOCAL_DIRECTORY.mkdir(exist_ok=True)
    sizes = [(COMPANIES_SMALL, 0), (companies, 0), (companies, entries)]
    try:
        with tempfile.TemporaryDirectory(prefix="growth-", dir=LOCAL_DIRECTORY) as name, ExitStack() as running:
            _check_room(Path(name), entries)
            installations = []
            for number, (size, filled) in enumerate(sizes):
                stack = running.enter_context(Stack(Path(name) / str(number), ports=Ports.free()))
                installations.append(
                    Installation.start(stack, companies=size, entries=filled, seconds_max=fill_seconds_max)
                )
            figures = uvloop.run(_compare(installations, rounds, seconds))
            differences = [difference for each in installations for difference in each.differences()]
    except (DevstackError, TargetUnreachable, NoRoom) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    for difference in differences[:COMPANIES_SMALL]:
        print(difference)
    _print(installations, figures)
    sys.exit(1 if differences else 0)


def _check_room(directory: Path, entries: int) -> None:
    needed = entries * BYTES_PER_ENTRY
    if shutil.disk_usage(directory).free < needed:
        raise NoRoom(f"{entries:,} entries need some {needed / 1e9:.0f} GB under {LOCAL_DIRECTORY}")


async def _compare(installations: Sequence[Installation], rounds: int, seconds: float) -> list[list[float]]:
    """Measure all in turn; returns charges a second, a row for each round."""
    for installation in installations:
        await installation.warm()
        await installation.charges_per_second(WARM_UP_SECONDS)
    figures = []
    for number in range(1, rounds + 1):
        figures.append([await installation.charges_per_second(seconds) for installation in installations])
        _say(f"round {number}: " + ", ".join(f"{figure:,.0f}/s" for figure in figures[-1]))
    return figures


def _print(installations: Sequence[Installation], figures: Sequence[Sequence[float]]) -> None:
    for installation, column in zip(installations, zip(*figures, strict=True), strict=True):
        print(f"{statistics.median(column):10,.0f}/s  {installation.title}")
    by_companies = statistics.median(many / small for small, many, _ in figures)
    by_entries = statistics.median(full / many for _, many, full in figures)
    print(f"more companies: × {by_companies:.2f}; more entries: × {by_entries:.2f} (each should be 0.90 or more)")
    print(json.dumps({"growth_companies": round(by_companies, 3), "growth_entries": round(by_entries, 3)}))


def _say(text: str) -> None:
    """Show progress; figures go to stdout."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
