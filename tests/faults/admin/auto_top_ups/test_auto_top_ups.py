"""Automatic top-ups of a whole service, whose back office is killed in the middle of them, with kill -9: once each.

The cards are a Stripe server's on this machine; devstack/local_stripe_server.py says what it can show.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import psutil
import psycopg
import pytest

from devstack import Stack
from devstack.local_stripe import API_KEY, GOOD_CARD, LocalStripe
from tests.acceptance.bad_requests.makers import charge, create, top_up
from tests.support.clients import Clients
from tests.support.polling import CALL_POLL_SECONDS, until
from veloconnect.admin.v1 import auto_top_up_pb2, ledger_pb2, top_up_pb2

UNIT = 1_000_000
THRESHOLD, AMOUNT, FIRST = 20 * UNIT, 50 * UNIT, 100 * UNIT
KILLS = 8
SECONDS_MAX = 60.0
LATER_SECONDS = 0.008
"""After a firing was recorded, each kill comes so much later than the one before: somewhere in its work."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, local_stripe: LocalStripe) -> Iterator[Stack]:
    stripe = {
        "STRIPE_API_KEY": API_KEY,
        "STRIPE_WEBHOOK_SECRETS": "whsec_of_tests",
        "STRIPE_API_BASE": local_stripe.api_base,
    }
    with Stack(tmp_path_factory.mktemp("stack"), environment=stripe) as running:
        yield running


@pytest.fixture
def clients(stack: Stack) -> Iterator[Clients]:
    with Clients.of(stack) as opened:
        yield opened


@pytest.fixture
def database(stack: Stack) -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        yield connection


class Company:
    """A company with FIRST, a saved card, and a rule."""

    def __init__(self, name: str, clients: Clients, database: "psycopg.Connection[Any]", stripe: LocalStripe) -> None:
        self.name = f"companies/{name}"
        self._clients = clients
        self._database = database
        self._stripe = stripe
        self._charges = 0
        self.charged = 0
        clients.call(clients.companies.CreateCompany, create(name))
        clients.call(clients.top_ups.CreateTopUp, top_up(parent=self.name, key="first", amount_micros=FIRST))
        # It is to be entered by a customer, who never does; but now the provider knows the company.
        by_card = top_up(parent=self.name, key="card", amount_micros=UNIT, method=top_up_pb2.TopUp.METHOD_CARD)
        clients.call(clients.top_ups.CreateTopUp, by_card)
        self.customer = str(self.value("SELECT customer FROM payment_customers WHERE company_id = %s", name))
        rule = auto_top_up_pb2.AutoTopUp(
            name=f"{self.name}/autoTopUp",
            threshold_micros=THRESHOLD,
            amount_micros=AMOUNT,
            payment_method=f"{self.name}/paymentMethods/{stripe.attach_card(self.customer, GOOD_CARD)}",
            max_day_count=1_000,
        )
        clients.call(clients.auto_top_ups.UpdateAutoTopUp, auto_top_up_pb2.UpdateAutoTopUpRequest(auto_top_up=rule))

    def value(self, query: str, *parameters: Any) -> Any:
        """Return the one value of a query."""
        row = self._database.execute(query.encode(), parameters).fetchone()
        assert row is not None
        return row[0]

    @property
    def balance(self) -> int:
        """The balance of the ledger, in micros."""
        return int(
            self.value("SELECT balance FROM wallets WHERE company_id = %s", self.name.removeprefix("companies/"))
        )

    @property
    def taken(self) -> int:
        """The amount that the provider took from its card, in micros."""
        path = f"/v1/payment_intents?customer={self.customer}&limit=100"
        payments = self._stripe._call("GET", path, {})["data"]
        return sum(int(each["amount"]) for each in payments if each["status"] == "succeeded") * 10_000

    def charge(self, amount: int) -> None:
        """Charge, and wait for the answer."""
        self._charges += 1
        self.charged += amount
        request = charge(company=self.name, idempotency_key=f"sms-{self._charges}", amount_micros=amount)
        self._clients.call(self._clients.charging.Charge, request)

    def fall(self) -> None:
        """Charge until less than the threshold is left."""
        self.charge(self.balance - THRESHOLD + 1)

    async def until_fired(self, times: int) -> None:
        """Wait until so many firings are recorded."""
        fired = "SELECT count(*) FROM auto_top_up_firings WHERE company_id = %s"
        company = self.name.removeprefix("companies/")
        await until(lambda: self.value(fired, company) >= times, seconds_max=SECONDS_MAX)

    async def until_topped_up(self) -> None:
        """Wait until it has enough, and nothing is in flight."""
        in_flight = "SELECT count(*) FROM auto_top_up_firings WHERE state = 1 AND company_id = %s"
        company = self.name.removeprefix("companies/")
        await until(
            lambda: self.balance >= THRESHOLD and not self.value(in_flight, company),
            seconds_max=SECONDS_MAX,
            poll_seconds=CALL_POLL_SECONDS,
        )


async def test_p2_a_firing_is_charged_once_although_processes_are_killed(
    stack: Stack, clients: Clients, database: "psycopg.Connection[Any]", local_stripe: LocalStripe
) -> None:
    """The back office is killed KILLS times, each time a little later after a firing was recorded."""
    company = Company("killed", clients, database, local_stripe)
    in_the_middle = 0
    for number in range(KILLS):
        company.fall()
        await company.until_fired(number + 1)
        await asyncio.sleep(number * LATER_SECONDS)  # To be killed at another place each time; no test waits for it.
        for worker in psutil.Process(stack.admin.pid).children():
            worker.kill()
        in_the_middle += company.value("SELECT count(*) FROM auto_top_up_firings WHERE state = 1")
        # End its lease and its claim, so that the test need not wait for half a minute.
        database.execute("DELETE FROM leases")
        database.execute("UPDATE auto_top_up_firings SET due_at = now() WHERE state = 1")
        await company.until_topped_up()
    assert in_the_middle, "no firing was under way at any kill"
    firings = company.value("SELECT count(*) FROM auto_top_up_firings WHERE company_id = 'killed' AND state = 2")
    assert firings == company.value("SELECT max(number) FROM auto_top_up_firings WHERE company_id = 'killed'")
    assert firings == KILLS
    assert company.balance == FIRST + KILLS * AMOUNT - company.charged
    assert company.taken == KILLS * AMOUNT
    entries = "SELECT count(*) FROM entries WHERE company_id = 'killed' AND kind = 2"
    assert company.value(entries) == 1 + KILLS
    # The last kill may be a moment ago.
    ready = ledger_pb2.VerifyLedgerRequest()
    clients.ledger.VerifyLedger(ready, metadata=clients.metadata, timeout=SECONDS_MAX, wait_for_ready=True)
    clients.assert_ledger_clean()
