"""Calls of the back office: create and fund the benchmark's companies, reconcile and close them."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

import grpc

from benchmarks.decks import chunks
from benchmarks.http2.endpoint import Endpoint
from benchmarks.loadgen.books import Books
from veloconnect.admin.v1 import (
    company_pb2,
    company_pb2_grpc,
    rate_pb2,
    rate_pb2_grpc,
    top_up_pb2,
    top_up_pb2_grpc,
)
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import COMPANY

CURRENCY = "EUR"
FUNDS_MICROS = 1_000_000_000_000
"""A million for each company: more than any run can spend, and the default of MANUAL_MICROS_MAX."""
CONCURRENCY = 32
CALL_SECONDS_MAX = 30.0

Item = TypeVar("Item")
Result = TypeVar("Result")


class AdminFailed(Exception):
    """A company could not be created, funded or read."""


@dataclass(frozen=True, slots=True)
class Admin:
    """The back office's calls that a benchmark needs; `async with Admin.at(...)`."""

    channel: grpc.aio.Channel
    metadata: tuple[tuple[str, str], ...]
    begun: list[str] = field(default_factory=list)
    """Companies that may have been created, even if the answer was lost to an error or Ctrl-C."""

    @classmethod
    def at(cls, endpoint: Endpoint) -> Self:
        """Connect to the first of its addresses."""
        return cls(endpoint.channel(), endpoint.metadata)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.channel.close(None)

    async def make_companies(self, count: int, *, funds_micros: int = FUNDS_MICROS, rate_card: str = "") -> list[str]:
        """Create `count` companies with `funds_micros` each; return their names ("companies/bench-…")."""
        run = secrets.token_hex(4)

        async def make(company_id: str) -> str:
            return await self._make(company_id, funds_micros, rate_card)

        return await each((f"bench-{run}-{number:06d}" for number in range(count)), make)

    async def make_rate_card(self, rates: Sequence[rate_pb2.Rate] = (), *, parent: str = "") -> str:
        """Create a rate card and return its name. Cards cannot be deleted, so use this on temporary services only.

        Raise `grpc.RpcError`.
        """
        cards = rate_pb2_grpc.RateServiceStub(self.channel)
        card = await cards.CreateRateCard(
            rate_pb2.CreateRateCardRequest(
                rate_card_id=f"bench-{secrets.token_hex(4)}",
                rate_card=rate_pb2.RateCard(currency_code=CURRENCY, parent=parent),
            ),
            metadata=self.metadata,
            timeout=CALL_SECONDS_MAX,
        )
        if rates:
            await cards.BatchUpdateRates(
                rate_pb2.BatchUpdateRatesRequest(parent=card.name, rates=rates),
                metadata=self.metadata,
                timeout=CALL_SECONDS_MAX,
            )
        return str(card.name)

    async def import_deck(self, card: str, csv: bytes) -> None:
        """Import a voice deck into a card. Raise `grpc.RpcError`."""
        cards = rate_pb2_grpc.RateServiceStub(self.channel)
        settings = rate_pb2.ImportRatesSettings(parent=card, channel=wallet_pb2.CHANNEL_VOICE, currency_code=CURRENCY)
        requests = [
            rate_pb2.ImportRatesRequest(settings=settings),
            *(rate_pb2.ImportRatesRequest(chunk=chunk) for chunk in chunks(csv)),
        ]
        await cards.ImportRates(iter(requests), metadata=self.metadata, timeout=CALL_SECONDS_MAX)

    async def differences(self, books: Books, *, initial_micros: int) -> list[str]:
        """Return a line for each company whose balance differs from the books."""
        wallets = await each(books.companies, self.wallet)
        found = (
            books.difference(company, initial_micros - wallet.balance_micros) for company, wallet in enumerate(wallets)
        )
        return [difference for difference in found if difference is not None]

    async def wallet(self, company: str) -> wallet_pb2.Wallet:
        """Return a company's wallet."""
        companies = company_pb2_grpc.CompanyServiceStub(self.channel)
        wallet: wallet_pb2.Wallet = await companies.GetWallet(
            company_pb2.GetWalletRequest(name=f"{company}/wallet"), metadata=self.metadata, timeout=CALL_SECONDS_MAX
        )
        return wallet

    async def close(self, company: str) -> None:
        """Close a company. Raise `grpc.RpcError` if its wallet is not empty."""
        companies = company_pb2_grpc.CompanyServiceStub(self.channel)
        await companies.CloseCompany(
            company_pb2.CloseCompanyRequest(name=company), metadata=self.metadata, timeout=CALL_SECONDS_MAX
        )

    async def _make(self, company_id: str, funds_micros: int, rate_card: str) -> str:
        companies = company_pb2_grpc.CompanyServiceStub(self.channel)
        self.begun.append(COMPANY.name(company_id))
        company = await companies.CreateCompany(
            company_pb2.CreateCompanyRequest(
                company_id=company_id,
                company=company_pb2.Company(
                    display_name="Benchmark",
                    currency_code=CURRENCY,
                    billing_email="bench@example.com",
                    rate_card=rate_card,
                ),
            ),
            metadata=self.metadata,
            timeout=CALL_SECONDS_MAX,
        )
        if funds_micros:
            await self._fund(company.name, f"{company_id}-funds", funds_micros)
        return str(company.name)

    async def _fund(self, company: str, key: str, funds_micros: int) -> None:
        top_ups = top_up_pb2_grpc.TopUpServiceStub(self.channel)
        await top_ups.CreateTopUp(
            top_up_pb2.CreateTopUpRequest(
                parent=company,
                idempotency_key=key,
                top_up=top_up_pb2.TopUp(
                    amount_micros=funds_micros,
                    currency_code=CURRENCY,
                    method=top_up_pb2.TopUp.METHOD_MANUAL,
                    reference="benchmark",
                ),
            ),
            metadata=self.metadata,
            timeout=CALL_SECONDS_MAX,
        )


async def each(items: Iterable[Item], work: Callable[[Item], Awaitable[Result]]) -> list[Result]:
    """Call `work` for all items, `CONCURRENCY` at a time; return the results in the items' order.

    Raise `AdminFailed`.
    """
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
