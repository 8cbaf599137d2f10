"""Gateways that never give up: every request is repeated under its key until the answer is definite.

They keep books, which the ledger must match in the end: each acknowledged request has exactly one entry, under the name
that every answer gave, and a declined request has none.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import asyncpg
import grpc

from devstack import Server, Stack
from veloconnect.admin.v1 import (
    company_pb2,
    company_pb2_grpc,
    ledger_pb2,
    ledger_pb2_grpc,
    rate_pb2,
    rate_pb2_grpc,
    rule_pb2,
    rule_pb2_grpc,
    top_up_pb2,
    top_up_pb2_grpc,
)
from veloconnect.charging.v1 import charging_pb2, charging_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2

DEADLINE_SECONDS = 2.0
DEFINITE_SECONDS_MAX = 60.0
"""The test fails if a request has no definite answer after so long."""
REPLAY_SHARE = 0.1
"""The share of acknowledged requests that are sent once more, as gateways with at-least-once delivery do."""

INDEFINITE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNKNOWN,  # A connection that broke while the answer came.
}
DECLINED = {
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.NOT_FOUND,  # No rate yet: a new rate card is in force in all processes within two seconds.
}
UNPRICED_SHARE = 0.3
"""The share of charges without an amount, which the rate card prices."""
PRICE_MICROS = 700
HOURLY_LIMIT_MICROS = 150_000
"""Reached in the middle of a fault."""
USAGE = wallet_pb2.Usage(channel=wallet_pb2.CHANNEL_SMS, destination="DE")


@dataclass
class Books:
    """The definite answers that the gateways got."""

    acknowledged: dict[tuple[str, str], str] = field(default_factory=dict)
    """(company, key) → name of the transaction."""
    declined: set[tuple[str, str]] = field(default_factory=set)
    """(company, key) of declined requests."""
    indefinite: int = 0
    """How many answers were not definite, so that the request was repeated."""
    contradictions: list[str] = field(default_factory=list)
    """A line for each answer that contradicts an earlier one to the same request."""


class Gateways:
    """Clients of one running service."""

    def __init__(self, stack: Stack, charging: Server, *, seed: int = 1) -> None:
        """Open channels to `charging` and the stack's back office; use as an async context manager."""
        self.charging = charging
        # Several connections, so that they spread over the workers, with a short back-off.
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 50),
            ("grpc.max_reconnect_backoff_ms", 200),
        ]
        self._metadata = [("authorization", f"Bearer {stack.token}")]
        self._channels = [grpc.aio.insecure_channel(charging.address, options=options) for _ in range(4)]
        self._stubs = [charging_pb2_grpc.ChargingServiceStub(channel) for channel in self._channels]
        self._admin = grpc.aio.insecure_channel(stack.admin_address, options=options)
        self._random = random.Random(seed)
        self.books = Books()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for channel in (*self._channels, self._admin):
            await channel.close(None)

    async def definite(self, call: Any, request: Any) -> Any:
        """Repeat a call until the answer is definite; return it, or the RpcError of a decline."""
        async with asyncio.timeout(DEFINITE_SECONDS_MAX):
            while True:
                try:
                    return await call(request, metadata=self._metadata, timeout=DEADLINE_SECONDS)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in INDEFINITE:
                        return error
                    self.books.indefinite += 1
                    await asyncio.sleep(0.02)

    async def price(self) -> None:
        """Create the rate card of all companies, unless it exists."""
        rates = rate_pb2_grpc.RateServiceStub(self._admin)
        card = rate_pb2.CreateRateCardRequest(rate_card_id="standard", rate_card=rate_pb2.RateCard(currency_code="EUR"))
        await self.definite(rates.CreateRateCard, card)
        rate = rate_pb2.Rate(channel=USAGE.channel, destination="DE", unit_price_micros=PRICE_MICROS)
        put = rate_pb2.BatchUpdateRatesRequest(parent="rateCards/standard", rates=[rate])
        assert not isinstance(await self.definite(rates.BatchUpdateRates, put), grpc.aio.AioRpcError)

    async def limit(self, company: str) -> None:
        """Limit a company's hourly spending on this channel and country to HOURLY_LIMIT_MICROS."""
        rules = rule_pb2_grpc.RuleServiceStub(self._admin)
        limit = rule_pb2.SpendLimit(
            window=rule_pb2.SpendLimit.WINDOW_HOUR,
            channel=USAGE.channel,
            country_code="DE",
            amount_micros=HOURLY_LIMIT_MICROS,
        )
        request = rule_pb2.CreateSpendLimitRequest(
            parent=f"companies/{company}", spend_limit_id="hourly", spend_limit=limit
        )
        made = await self.definite(rules.CreateSpendLimit, request)
        assert not isinstance(made, grpc.aio.AioRpcError) or made.code() is grpc.StatusCode.ALREADY_EXISTS, made

    async def fund(self, company: str, amount: int, key: str) -> None:
        """Create the company, unless it exists, and top it up by `amount` micros."""
        await self.price()
        companies = company_pb2_grpc.CompanyServiceStub(self._admin)
        created = await self.definite(
            companies.CreateCompany,
            company_pb2.CreateCompanyRequest(
                company_id=company,
                company=company_pb2.Company(display_name=company, currency_code="EUR", rate_card="rateCards/standard"),
            ),
        )
        if isinstance(created, grpc.aio.AioRpcError):
            assert created.code() is grpc.StatusCode.ALREADY_EXISTS, created
        await self.top_up(company, amount, key)

    async def top_up(self, company: str, amount: int, key: str) -> None:
        """Top a company up by `amount` micros."""
        top_ups = top_up_pb2_grpc.TopUpServiceStub(self._admin)
        answer = await self.definite(
            top_ups.CreateTopUp,
            top_up_pb2.CreateTopUpRequest(
                parent=f"companies/{company}",
                idempotency_key=key,
                top_up=top_up_pb2.TopUp(
                    amount_micros=amount, currency_code="EUR", method=top_up_pb2.TopUp.METHOD_MANUAL
                ),
            ),
        )
        assert not isinstance(answer, grpc.aio.AioRpcError), answer
        self._book(company, key, answer.transaction)

    async def charge(self, company: str, key: str, amount: int) -> None:
        """Charge until the answer is definite; repeat some acknowledged charges."""
        stub = self._random.choice(self._stubs)
        priced = self._random.random() < UNPRICED_SHARE
        request = charging_pb2.ChargeRequest(
            company=f"companies/{company}",
            idempotency_key=key,
            usage=USAGE,
            amount_micros=None if priced else amount,
        )
        answer = await self.definite(stub.Charge, request)
        if isinstance(answer, grpc.aio.AioRpcError):
            assert answer.code() in DECLINED, answer
            self.books.declined.add((company, key))
            return
        self._book(company, key, answer.transaction.name)
        if self._random.random() < REPLAY_SHARE:
            again = await self.definite(self._random.choice(self._stubs).Charge, request)
            if isinstance(again, grpc.aio.AioRpcError):
                self.books.contradictions.append(f"{company} {key}: acknowledged, then {again.code()}")
            else:
                self._book(company, key, again.transaction.name)

    async def call(self, company: str, key: str, amount: int) -> None:
        """Authorize, increment and capture, as for a phone call; repeat each step until its answer is definite."""
        stub = self._random.choice(self._stubs)
        authorized = await self.definite(
            stub.Authorize,
            charging_pb2.AuthorizeRequest(
                company=f"companies/{company}", idempotency_key=key, usage=USAGE, amount_micros=amount
            ),
        )
        if isinstance(authorized, grpc.aio.AioRpcError):
            assert authorized.code() is grpc.StatusCode.FAILED_PRECONDITION, authorized
            self.books.declined.add((company, key))
            return
        self._book(company, key, authorized.transaction)
        incremented = await self.definite(
            stub.IncrementAuthorization,
            charging_pb2.IncrementAuthorizationRequest(
                authorization=authorized.name, idempotency_key=f"{key}-more", amount_micros=2 * amount
            ),
        )
        enough = not isinstance(incremented, grpc.aio.AioRpcError)
        captured = await self.definite(
            self._random.choice(self._stubs).Capture,
            charging_pb2.CaptureRequest(
                authorization=authorized.name,
                idempotency_key=f"{key}-end",
                amount_micros=2 * amount if enough else amount,
            ),
        )
        # The amount held can always be captured.
        assert not isinstance(captured, grpc.aio.AioRpcError), captured
        self._book(company, f"{key}-end", captured.transaction.name)

    def _book(self, company: str, key: str, transaction: str) -> None:
        known = self.books.acknowledged.setdefault((company, key), transaction)
        if known != transaction:
            self.books.contradictions.append(f"{company} {key}: {known}, then {transaction}")

    async def run(self, tag: str, companies: list[str], until: asyncio.Event, *, clients: int = 24) -> None:
        """Charge from `clients` tasks until the event is set, and until every answer is definite."""

        async def client(number: int) -> None:
            turn = 0
            while not until.is_set():
                turn += 1
                company = companies[(number + turn) % len(companies)]
                operation = self.call if turn % 5 == 0 else self.charge
                await operation(company, f"{tag}-{number}-{turn}", self._random.randint(1, 2_000))
                if turn % 50 == 0:
                    await self.top_up(company, 10_000, f"{tag}-top-{number}-{turn}")

        async with asyncio.TaskGroup() as tasks:
            for number in range(clients):
                tasks.create_task(client(number))

    async def verified(self) -> ledger_pb2.VerifyLedgerResponse:
        """Return the response of VerifyLedger."""
        ledger = ledger_pb2_grpc.LedgerServiceStub(self._admin)
        request = ledger_pb2.VerifyLedgerRequest()
        verdict: ledger_pb2.VerifyLedgerResponse
        verdict = await ledger.VerifyLedger(request, metadata=self._metadata, timeout=60)
        return verdict


async def assert_books_match(gateways: Gateways, database_url: str, companies: Sequence[str]) -> None:
    """P2, P3, P5: acknowledged = ledger of these companies, once, under the same names; declined = not there."""
    books = gateways.books
    assert not books.contradictions, books.contradictions[:5]
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch(
            "SELECT company_id, idempotency_key, number FROM entries WHERE kind IN (1, 2, 5, 7)"
            " AND company_id = ANY ($1)",
            companies,
        )
    finally:
        await connection.close()
    recorded = {
        (row["company_id"], row["idempotency_key"]): f"companies/{row['company_id']}/transactions/{row['number']}"
        for row in rows
    }
    assert len(recorded) == len(rows)
    assert books.acknowledged == recorded
    assert not books.declined & recorded.keys()
