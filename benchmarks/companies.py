"""The benchmark's own companies: made and funded before, checked against the books after."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

import grpc

from benchmarks.loadgen.books import Books
from veloconnect.admin.v1 import company_pb2, company_pb2_grpc, top_up_pb2, top_up_pb2_grpc

CURRENCY = "EUR"
FUNDS_MICROS = 1_000_000_000_000
"""A million a company: more than any run can spend."""
CONCURRENCY = 32
CALL_SECONDS_MAX = 30.0

Item = TypeVar("Item")
Result = TypeVar("Result")


class AdminFailed(Exception):
    """A company could not be made, funded or read."""


@dataclass(frozen=True, slots=True)
class Admin:
    """The back office's calls that a benchmark needs; `async with Admin.at(...)`."""

    channel: grpc.aio.Channel
    metadata: tuple[tuple[str, str], ...]

    @classmethod
    def at(cls, address: str, token: str | None) -> Self:
        """Connect to "host:port"."""
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        return cls(grpc.aio.insecure_channel(address), metadata)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.channel.close(None)

    async def make_companies(self, count: int) -> list[str]:
        """Make and fund `count` new companies; returns their names ("companies/bench-…")."""
        run = secrets.token_hex(4)
        return await _each((f"bench-{run}-{number:06d}" for number in range(count)), self._make)

    async def differences(self, books: Books) -> list[str]:
        """Compare each company's balance with what it must have paid; one line for each that is off."""
        spent = await _each(books.companies, self._spent_micros)
        found = (books.difference(company, micros) for company, micros in enumerate(spent))
        return [difference for difference in found if difference is not None]

    async def _make(self, company_id: str) -> str:
        companies = company_pb2_grpc.CompanyServiceStub(self.channel)
        top_ups = top_up_pb2_grpc.TopUpServiceStub(self.channel)
        company = await companies.CreateCompany(
            company_pb2.CreateCompanyRequest(
                company_id=company_id,
                company=company_pb2.Company(
                    display_name="Benchmark", currency_code=CURRENCY, billing_email="bench@example.com"
                ),
            ),
            metadata=self.metadata,
            timeout=CALL_SECONDS_MAX,
        )
        await top_ups.CreateTopUp(
            top_up_pb2.CreateTopUpRequest(
                parent=company.name,
                idempotency_key=f"{company_id}-funds",
                top_up=top_up_pb2.TopUp(
                    amount_micros=FUNDS_MICROS,
                    currency_code=CURRENCY,
                    method=top_up_pb2.TopUp.METHOD_MANUAL,
                    reference="benchmark",
                ),
            ),
            metadata=self.metadata,
            timeout=CALL_SECONDS_MAX,
        )
        return str(company.name)

    async def _spent_micros(self, company: str) -> int:
        companies = company_pb2_grpc.CompanyServiceStub(self.channel)
        wallet = await companies.GetWallet(
            company_pb2.GetWalletRequest(name=f"{company}/wallet"),
            metadata=self.metadata,
            timeout=CALL_SECONDS_MAX,
        )
        return FUNDS_MICROS - int(wallet.balance_micros)


async def _each(items: Iterable[Item], work: Callable[[Item], Awaitable[Result]]) -> list[Result]:
    """Do the work for all items, `CONCURRENCY` at a time; results in the items' order."""
    todo = iter(list(enumerate(items)))
    results: dict[int, Result] = {}

    async def worker() -> None:
        for place, item in todo:
            results[place] = await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(worker())
    except ExceptionGroup as errors:
        raise AdminFailed(f"the admin service: {errors.exceptions[0]}") from errors
    return [results[place] for place in sorted(results)]
