"""A client of the back office: create companies, top wallets up, read statements, verify the ledger."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Self, TypeVar

import grpc

from demos.half_minute.companies import Company
from demos.half_minute.gateways.answers import DemoFailed, Retryable, from_error
from veloconnect.admin.v1 import company_pb2, ledger_pb2, top_up_pb2, transaction_pb2
from veloconnect.admin.v1.company_pb2_grpc import CompanyServiceStub
from veloconnect.admin.v1.ledger_pb2_grpc import LedgerServiceStub
from veloconnect.admin.v1.top_up_pb2_grpc import TopUpServiceStub
from veloconnect.admin.v1.transaction_pb2_grpc import TransactionServiceStub
from veloconnect.wallet.v1 import wallet_pb2

PAGE_SIZE = 1_000
ANSWER_SECONDS_MAX = 10.0
VERIFY_SECONDS_MAX = 300.0
"""VerifyLedger scans the whole database, which may be large on a service that other companies use."""

RETRY_SECONDS_MAX = 10.0
PAUSE_SECONDS = 0.2

Answer = TypeVar("Answer")


class BackOffice:
    """A connection to the admin service; `async with` closes it."""

    def __init__(self, target: str, token: str) -> None:
        """Connect when first used."""
        self._channel = grpc.aio.insecure_channel(target)
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._companies = CompanyServiceStub(self._channel)
        self._ledger = LedgerServiceStub(self._channel)
        self._top_ups = TopUpServiceStub(self._channel)
        self._transactions = TransactionServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        """Send nothing: the channel connects at the first call."""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close the connection."""
        await self._channel.close(grace=None)

    async def create(self, company: Company) -> None:
        """Create the company with its empty wallet."""
        request = company_pb2.CreateCompanyRequest(
            company_id=company.id,
            company=company_pb2.Company(display_name=company.display_name, currency_code=company.currency),
        )
        await self._call(self._companies.CreateCompany, request)

    async def top_up(self, company: Company, key: str) -> top_up_pb2.TopUp:
        """Top up the company's wallet with its credit, once for each key."""
        top_up = top_up_pb2.TopUp(
            amount_micros=company.credit_micros,
            currency_code=company.currency,
            method=top_up_pb2.TopUp.METHOD_MANUAL,
            reference=f"demo {key}",
        )
        request = top_up_pb2.CreateTopUpRequest(parent=company.name, idempotency_key=key, top_up=top_up)
        answer: top_up_pb2.TopUp = await self._call(self._top_ups.CreateTopUp, request)
        return answer

    async def read_wallet(self, company: Company) -> wallet_pb2.Wallet:
        """Return the wallet."""
        request = company_pb2.GetWalletRequest(name=f"{company.name}/wallet")
        answer: wallet_pb2.Wallet = await self._call(self._companies.GetWallet, request)
        return answer

    async def list_transactions(self, company: Company) -> list[wallet_pb2.Transaction]:
        """Return all transactions of the company, newest first."""
        rows: list[wallet_pb2.Transaction] = []
        token = ""
        while True:
            request = transaction_pb2.ListTransactionsRequest(
                parent=company.name, page_size=PAGE_SIZE, page_token=token
            )
            page = await self._call(self._transactions.ListTransactions, request)
            rows += page.transactions
            token = page.next_page_token
            if not token:
                return rows

    async def verify(self) -> ledger_pb2.VerifyLedgerResponse:
        """Return the result of VerifyLedger over the whole database."""
        answer: ledger_pb2.VerifyLedgerResponse = await self._call(
            self._ledger.VerifyLedger, ledger_pb2.VerifyLedgerRequest(), seconds_max=VERIFY_SECONDS_MAX
        )
        return answer

    async def _call(
        self, method: Callable[..., Awaitable[Any]], request: Any, seconds_max: float = ANSWER_SECONDS_MAX
    ) -> Any:
        """Return the answer, with retries: all calls are idempotent. Raise `DemoFailed` after RETRY_SECONDS_MAX."""
        until = time.monotonic() + RETRY_SECONDS_MAX
        while True:
            try:
                return await method(request, timeout=seconds_max, metadata=self._metadata)
            except grpc.aio.AioRpcError as error:
                meaning = from_error(error, type(request).__name__)
                if not isinstance(meaning, Retryable):
                    raise meaning from error
                if time.monotonic() > until:
                    raise DemoFailed(f"no answer in {RETRY_SECONDS_MAX:g} s: {meaning}") from error
                await asyncio.sleep(max(meaning.seconds, PAUSE_SECONDS))
