"""An installation with a ledger that was filled beforehand, and the books of its charges."""

import asyncio
import time
from dataclasses import dataclass

import psycopg

from benchmarks.http2.endpoint import Endpoint, Target
from benchmarks.isolated.filling import AMOUNT_MICROS, fill
from benchmarks.isolated.scenario import print_progress
from benchmarks.loadgen.books import Books
from benchmarks.loadgen.closed_loop import ClosedLoop
from benchmarks.loadgen.cpu import Processes
from benchmarks.loadgen.measurement import measure
from benchmarks.loadgen.templates import charge_request, fresh_keys
from benchmarks.loadgen.workloads import Charges
from devstack import Stack
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from wallet.domain.resource_names import COMPANY

IN_FLIGHT, CONNECTIONS = 64, 4
WARM_UP_SECONDS = 1.0
WARM_BATCH, WARM_AT_ONCE = 250, 4
WARM_CALL_SECONDS_MAX = 60.0


@dataclass(slots=True)
class Installation:
    """An installation under comparison."""

    title: str
    stack: Stack
    companies: int
    entries: int
    books: Books
    balances: dict[str, int]
    """The initial balances in micros, by company id."""

    @classmethod
    def start(cls, stack: Stack, *, companies: int, entries: int, seconds_max: float) -> "Installation":
        """Fill the ledger of a running stack. Raise `InsufficientSpace`."""
        title = f"{companies:,} companies, {entries:,} entries"
        began = time.monotonic()
        fill(stack.database_url, companies=companies, entries=entries, seconds_max=seconds_max)
        print_progress(f"{title}: filled in {time.monotonic() - began:.0f} s")
        balances = read_balances(stack.database_url)
        books = Books([COMPANY.name(company) for company in balances], AMOUNT_MICROS)
        return cls(title, stack, companies, entries, books, balances)

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of charging."""
        return Endpoint((Target.parse(self.stack.charging_address),), self.stack.token)

    async def warm(self) -> None:
        """Charge each company once, so that all wallets are in Redis."""
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
                    counts = self.books.acknowledged if result.HasField("charge") else self.books.unclear
                    counts[number] += 1

        async with self.endpoint.channel() as channel, asyncio.TaskGroup() as group:
            for _ in range(WARM_AT_ONCE):
                group.create_task(charge_some(charging_pb2_grpc.ChargingServiceStub(channel)))
        print_progress(
            f"{self.title}: {sum(self.books.acknowledged):,} wallets warm in {time.monotonic() - began:.0f} s"
        )

    async def charges_per_second(self, seconds: float) -> float:
        """Return the throughput of charges of random companies, 64 in flight."""
        loop = ClosedLoop(Charges(self.books), self.endpoint, in_flight=IN_FLIGHT, connections=CONNECTIONS)
        measurement = await measure(
            {"charge": loop}, warm_up_seconds=WARM_UP_SECONDS, seconds=seconds, processes=Processes()
        )
        if errors := measurement.tally.errors:
            print_progress(f"{self.title}: {dict(errors)}")
        return measurement.units_per_second

    def differences(self) -> list[str]:
        """Return a line for each wallet that differs from the books."""
        now = read_balances(self.stack.database_url)
        spent = [balance - now[company] for company, balance in self.balances.items()]
        found = (self.books.difference(company, micros) for company, micros in enumerate(spent))
        return [difference for difference in found if difference is not None]


def read_balances(database_url: str) -> dict[str, int]:
    """Return the balances of all wallets by company id, in order of ids."""
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute("SELECT company_id, balance FROM wallets ORDER BY company_id").fetchall())
