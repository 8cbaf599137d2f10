"""Kill -9 of the admin's processes while cards pay and are refunded: what the provider took is credited, once.

Clients send every request under its key until the answer is definite. The Stripe server beside the service keeps the
answers to idempotency keys and loses no payment, but sends its events once: one that comes while no server listens is
lost, and the sweep has to find the payment. It does not show what Stripe does a day later, when it has forgotten a key;
that is in tests/integration/admin/top_ups/test_top_ups.py ("forgetful").
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import psutil
import psycopg
import pytest

from devstack import Stack
from devstack.local_stripe import LocalStripe
from tests.support import card_payments
from tests.support.card_payments import (
    TopUp,
    at_stripe,
    make_company,
    order,
    settled,
)
from tests.support.clients import Clients
from tests.support.polling import until
from tests.support.traffic import INDEFINITE
from veloconnect.admin.v1 import top_up_pb2, top_up_pb2_grpc

COMPANIES = ["companies/quick", "companies/calm", "companies/late"]
CLIENTS = 6
KILLS, DONE_BETWEEN, AT_WORK_SECONDS_MAX = 6, 10, 0.3
CALL_SECONDS_MAX = 5.0
DEFINITE_SECONDS_MAX = 30.0
ENDED_SECONDS_MAX = 40.0
CENT = 10_000


@pytest.fixture(scope="module")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStripe]:
    with LocalStripe(tmp_path_factory.mktemp("stripe")) as server:
        yield server


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, stripe: LocalStripe) -> Iterator[Stack]:
    with card_payments.paying_stack(tmp_path_factory.mktemp("stack"), stripe) as running:
        card_payments.send_webhooks(running, stripe)
        yield running


class Customers:
    """Companies' people, who never give up, and their browsers."""

    def __init__(self, stack: Stack, stripe: LocalStripe, cards: dict[str, str]) -> None:
        """`cards`: the saved card of each company."""
        options = [("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]
        self._channel = grpc.aio.insecure_channel(stack.admin_address, options=options)
        self._metadata = [("authorization", f"Bearer {stack.token}")]
        self._stub = top_up_pb2_grpc.TopUpServiceStub(self._channel)
        self._stripe = stripe
        self._cards = cards
        self._random = random.Random(7)
        self.asked_again = 0
        self.done: Counter[str] = Counter()
        self.paid: list[str] = []

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close(None)

    async def run(self, client: int, stop: asyncio.Event) -> None:
        """Pay, and want some of it back, until it is time to stop."""
        turn = 0
        while not stop.is_set():
            turn += 1
            await self._turn(COMPANIES[(client + turn) % len(COMPANIES)], f"{client}-{turn}", turn)

    async def at_work(self) -> None:
        """Wait until the service is back and in the middle of something."""
        enough = self.done.total() + DONE_BETWEEN
        await until(lambda: self.done.total() >= enough, seconds_max=DEFINITE_SECONDS_MAX)
        await asyncio.sleep(self._random.uniform(0, AT_WORK_SECONDS_MAX))  # To be killed at any place.

    async def _turn(self, parent: str, key: str, turn: int) -> None:
        amount = self._random.randrange(2_000, 5_000) * CENT  # Many refunds of at most 99 cents stay below it.
        if turn % 3 == 0 and self.paid:
            await self._refund(self._random.choice(self.paid), key)
        elif turn % 3 == 1:
            words = {"method": TopUp.METHOD_SAVED_CARD, "payment_method": self._cards[parent]}
            paid = await self._definite(self._stub.CreateTopUp, order(parent, key, amount, **words))
            assert paid.state == TopUp.STATE_SUCCEEDED, paid
            self.done["saved card"] += 1
            self.paid.append(paid.name)
        else:
            begun = await self._definite(self._stub.CreateTopUp, order(parent, key, amount))
            assert begun.client_secret, begun
            await asyncio.to_thread(self._stripe.enter_card, begun.client_secret)
            self.done["card"] += 1

    async def _refund(self, top_up: str, key: str) -> None:
        request = top_up_pb2.RefundTopUpRequest(
            name=top_up,
            idempotency_key=key,
            amount_micros=self._random.randrange(1, 100) * CENT,
            reason="too much",
            requested_by="ann",
        )
        refund = await self._definite(self._stub.RefundTopUp, request)
        assert refund.state == top_up_pb2.TopUpRefund.STATE_SUCCEEDED, refund
        self.done["refund"] += 1

    async def _definite(self, call: Any, request: Any) -> Any:
        async with asyncio.timeout(DEFINITE_SECONDS_MAX):
            while True:
                try:
                    return await call(request, metadata=self._metadata, timeout=CALL_SECONDS_MAX)
                except grpc.aio.AioRpcError as error:
                    if error.code() not in INDEFINITE:
                        raise
                    self.asked_again += 1
                    await asyncio.sleep(0.05)


def saved_card(clients: Clients, stripe: LocalStripe, parent: str) -> str:
    """Make a company, pay once by a card that is saved, and return its name."""
    make_company(clients, parent.rpartition("/")[2])
    first = clients.call(clients.top_ups.CreateTopUp, order(parent, "first", 10**8, save_payment_method=True))
    stripe.enter_card(first.client_secret)
    settled(clients, first.name)
    request = top_up_pb2.ListPaymentMethodsRequest(parent=parent)
    return str(clients.call(clients.top_ups.ListPaymentMethods, request).payment_methods[0].name)


def everything(stripe: LocalStripe, path: str) -> list[dict[str, Any]]:
    """Return a whole list of the Stripe server's."""
    found: list[dict[str, Any]] = []
    while True:
        after = f"&starting_after={found[-1]['id']}" if found else ""
        page = at_stripe(stripe, f"{path}?limit=100{after}")
        found += page["data"]
        if not page["has_more"]:
            return found


async def ended(database: "psycopg.Connection[Any]") -> None:
    """Let time pass for what is under way, until nothing is."""

    def nothing_left() -> bool:
        left = database.execute(
            "WITH a AS (UPDATE top_ups SET look_at = now() WHERE state IN (1, 2) RETURNING 1),"
            " b AS (UPDATE top_up_refunds SET look_at = now() WHERE state = 1 RETURNING 1)"
            " SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b)"
        ).fetchone()
        return left is not None and left[0] == 0

    await until(nothing_left, seconds_max=ENDED_SECONDS_MAX, poll_seconds=0.5)


async def test_payments_are_credited_once_although_processes_are_killed(stack: Stack, stripe: LocalStripe) -> None:
    """Card payments and refunds go on while the admin's processes are killed KILLS times."""
    with Clients.of(stack) as clients, psycopg.connect(stack.database_url, autocommit=True) as database:
        cards = {parent: saved_card(clients, stripe, parent) for parent in COMPANIES}
        customers, stop, killed = Customers(stack, stripe, cards), asyncio.Event(), 0
        try:
            async with asyncio.TaskGroup() as group:
                for client in range(CLIENTS):
                    group.create_task(customers.run(client, stop))
                for _ in range(KILLS):
                    await customers.at_work()
                    for worker in psutil.Process(stack.admin.pid).children():
                        worker.kill()
                        killed += 1
                    # End its lease, so that the test need not wait for half a minute.
                    database.execute("DELETE FROM leases")
                await customers.at_work()
                stop.set()
        finally:
            await customers.close()
        await ended(database)

        sums = database.execute("SELECT company_id, sum(amount)::bigint FROM entries GROUP BY 1").fetchall()
        credited: dict[str, int] = dict(sums)
        states = database.execute("SELECT method, state, count(*) FROM top_ups GROUP BY 1, 2").fetchall()
        refunds = database.execute("SELECT state, count(*) FROM top_up_refunds GROUP BY 1").fetchall()
        seconds = database.execute("SELECT count(*) FROM entries WHERE idempotency_key LIKE '~second-%'").fetchone()
        clients.assert_ledger_clean()

    taken: Counter[str] = Counter()
    of_payment = {}
    for intent in everything(stripe, "/v1/payment_intents"):
        of_payment[intent["id"]] = company = intent["metadata"]["top_up"].split("/")[1]
        taken[company] += intent["amount_received"] * CENT
    for refund in everything(stripe, "/v1/refunds"):
        taken[of_payment[refund["payment_intent"]]] -= refund["amount"] * CENT
    print(f"{killed} killed, {dict(customers.done)}, {customers.asked_again} asked again, {states=}, {refunds=}")
    assert credited == taken
    assert {state for _, state, _ in states} == {TopUp.STATE_SUCCEEDED}
    assert {state for state, _ in refunds} == {top_up_pb2.TopUpRefund.STATE_SUCCEEDED}
    assert sum(count for _, _, count in states) == customers.done["card"] + customers.done["saved card"] + len(
        COMPANIES
    )
    assert seconds == (0,), "the provider's keys prevent a second payment"
    assert killed >= KILLS
    assert customers.asked_again > 0, "no process was killed at work"
    assert min(customers.done[kind] for kind in ("card", "saved card", "refund")) > 10
