"""Automatic top-ups with real top-ups: one payment for each firing, wherever a process crashes."""

from itertools import count
from typing import Any

import asyncpg
import pytest

from admin.auto_top_ups.domain import AutoTopUpChange, Firing, PauseReason
from admin.auto_top_ups.servicer import AutoTopUpServicer
from admin.auto_top_ups.top_up_starter import FiringFailure, TopUpIdTaken, TopUpStarter, failure_of
from admin.auto_top_ups.worker import AutoTopUpWorker
from admin.payments.port import PaymentState, ProviderRefused
from admin.top_ups.domain import BEGIN_SECONDS_MAX, NewTopUp, TopUpMethod, TopUpState
from tests.support.builders import charge, make_company, top_up
from tests.support.payments import (
    AUTHENTICATION_REQUIRED,
    CARD,
    GOOD,
    INSUFFICIENT_FUNDS,
    REMOVED,
    CrashingProxy,
    CrashPoint,
    FakeProvider,
    ProcessCrashed,
    crashing_services,
    dispute,
    services_of,
)
from tests.support.wallets import Wallets
from veloconnect.admin.v1 import auto_top_up_pb2
from wallet.domain.errors import AutoTopUpNotFound, PaymentMethodNotFound, PaymentProviderUnavailable

THRESHOLD, AMOUNT = 20_000_000, 50_000_000
MOMENTS_MAX = 60
pytestmark = pytest.mark.usefixtures("clean_afterwards")


def firing(card: str = GOOD, number: int = 1, amount: int = AMOUNT) -> Firing:
    return Firing("acme", number, amount, "EUR", card)


@pytest.fixture
async def company(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    await make_company(database)
    return wallets


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def top_up_starter(company: Wallets, provider: FakeProvider) -> TopUpStarter:
    return TopUpStarter(services_of(company, provider).top_ups, company.top_ups)


@pytest.mark.parametrize(
    ("card", "state", "failure"),
    [
        (GOOD, TopUpState.SUCCEEDED, None),
        (INSUFFICIENT_FUNDS, TopUpState.FAILED, FiringFailure("insufficient_funds")),
        (REMOVED, TopUpState.FAILED, FiringFailure("payment_method_not_found")),
        (AUTHENTICATION_REQUIRED, TopUpState.REQUIRES_ACTION, None),
    ],
)
async def test_a_firing_has_one_top_up_however_often_it_starts(
    company: Wallets,
    top_up_starter: TopUpStarter,
    provider: FakeProvider,
    card: str,
    state: TopUpState,
    failure: FiringFailure | None,
) -> None:
    for _ in range(3):
        started = await top_up_starter.start(firing(card))
        assert (started.state, failure_of(started)) == (state, failure)
    made = await company.top_ups.get("acme", "auto-1")
    assert (made.method, made.automatic, made.amount) == (TopUpMethod.SAVED_CARD, True, AMOUNT)
    assert provider.charged == (AMOUNT if card == GOOD else 0)
    assert (await company.reader.wallet("acme")).balance == provider.charged


async def test_a_refused_amount_and_an_outage_of_the_provider(
    top_up_starter: TopUpStarter, provider: FakeProvider
) -> None:
    """An amount that no card can pay is refused for good; after an outage the same top-up is resumed."""
    with pytest.raises(ProviderRefused):
        await top_up_starter.start(firing(amount=AMOUNT + 1))
    provider.away = True
    for _ in range(2):
        with pytest.raises(PaymentProviderUnavailable):
            await top_up_starter.start(firing())
    provider.away = False
    assert (await top_up_starter.start(firing())).state is TopUpState.SUCCEEDED
    assert provider.charged == AMOUNT


async def test_an_authentication_may_succeed_or_be_canceled(
    company: Wallets, top_up_starter: TopUpStarter, provider: FakeProvider
) -> None:
    services = services_of(company, provider)
    for number in (1, 2):
        assert (await top_up_starter.start(firing(AUTHENTICATION_REQUIRED, number))).state is TopUpState.REQUIRES_ACTION
    first, second = provider.payments
    provider.finish(first)
    assert (await top_up_starter.start(firing(AUTHENTICATION_REQUIRED, 1))).state is TopUpState.SUCCEEDED
    await services.top_ups.cancel("acme", "auto-2")
    assert provider.payments[second].state is PaymentState.CANCELED
    assert failure_of(await top_up_starter.start(firing(AUTHENTICATION_REQUIRED, 2))) == FiringFailure("canceled")
    assert provider.charged == AMOUNT


@pytest.mark.parametrize("taken_by", ["a top-up", "a charge"])
async def test_an_id_that_is_taken_is_no_decline(
    company: Wallets, top_up_starter: TopUpStarter, provider: FakeProvider, taken_by: str
) -> None:
    """A request of the API has used the id of the firing's top-up as its idempotency key."""
    if taken_by == "a top-up":
        other = NewTopUp("acme", "auto-1", b"another one!", TopUpMethod.SAVED_CARD, AMOUNT, "EUR", card=GOOD)
        await services_of(company, provider).top_ups.start(other)
    else:
        await company.engine.submit(top_up(AMOUNT, key="auto-1"))
    before = provider.charged
    with pytest.raises(TopUpIdTaken):
        await top_up_starter.start(firing())
    assert provider.charged == before
    assert (await top_up_starter.start(firing(number=2))).state is TopUpState.SUCCEEDED


async def test_a_long_outage_of_the_provider_is_no_decline(
    company: Wallets, top_up_starter: TopUpStarter, provider: FakeProvider, database: asyncpg.Connection
) -> None:
    provider.away = True
    with pytest.raises(PaymentProviderUnavailable):
        await top_up_starter.start(firing())
    provider.away = False
    await database.execute(
        "UPDATE top_ups SET created_at = created_at - make_interval(secs => $1)", BEGIN_SECONDS_MAX + 1.0
    )
    assert failure_of(await top_up_starter.start(firing())) == FiringFailure("not_begun", is_decline=False)
    assert (await company.top_ups.get("acme", "auto-1")).state is TopUpState.FAILED
    assert provider.charged == 0


async def test_a_rule_needs_a_card_that_exists(company: Wallets, provider: FakeProvider) -> None:
    customers = services_of(company, provider).customers
    provider.saved[await customers.ensured("acme")] = [CARD]
    servicer = AutoTopUpServicer(company.auto_top_ups, company.reader, customers)
    context: Any = None
    rule = auto_top_up_pb2.AutoTopUp(
        name="companies/acme/autoTopUp",
        threshold_micros=THRESHOLD,
        amount_micros=AMOUNT,
        payment_method=f"companies/acme/paymentMethods/{REMOVED}",
    )
    with pytest.raises(PaymentMethodNotFound):
        await servicer.UpdateAutoTopUp(auto_top_up_pb2.UpdateAutoTopUpRequest(auto_top_up=rule), context)
    rule.payment_method = f"companies/acme/paymentMethods/{GOOD}"
    provider.away = True
    with pytest.raises(PaymentProviderUnavailable):
        await servicer.UpdateAutoTopUp(auto_top_up_pb2.UpdateAutoTopUpRequest(auto_top_up=rule), context)
    with pytest.raises(AutoTopUpNotFound):
        await company.auto_top_ups.get("acme")
    provider.away = False
    made = await servicer.UpdateAutoTopUp(auto_top_up_pb2.UpdateAutoTopUpRequest(auto_top_up=rule), context)
    assert made.payment_method == rule.payment_method


async def test_a_chargeback_pauses_the_rule(company: Wallets, provider: FakeProvider) -> None:
    await company.auto_top_ups.put("acme", AutoTopUpChange(THRESHOLD, AMOUNT, GOOD))
    services = services_of(company, provider, on_chargeback=company.auto_top_ups.pause_for_dispute)
    worker = AutoTopUpWorker(company.auto_top_up_firings, company.hot, TopUpStarter(services.top_ups, company.top_ups))
    assert await worker.run_once() == 1
    (payment,) = provider.payments.values()
    await services.chargebacks.record_dispute(dispute(payment))
    assert (await company.auto_top_ups.get("acme")).pause_reason is PauseReason.DISPUTE
    assert (await company.reader.wallet("acme")).balance == 0
    assert await worker.run_once() == 0
    assert provider.charged == AMOUNT


async def test_p2_a_crash_at_any_moment_leaves_one_payment_and_one_entry(
    wallets: Wallets, database: asyncpg.Connection, provider: FakeProvider
) -> None:
    """Between any two calls to Postgres, to the engine, and to the provider."""
    after = AutoTopUpWorker(
        wallets.auto_top_up_firings, wallets.hot, TopUpStarter(services_of(wallets, provider).top_ups, wallets.top_ups)
    )
    for moment in count():
        assert moment < MOMENTS_MAX
        company = f"company-{moment}"
        await make_company(database, company)
        await wallets.auto_top_ups.put(company, AutoTopUpChange(THRESHOLD, AMOUNT, GOOD))
        await wallets.engine.submit(top_up(THRESHOLD, company=company))
        await wallets.engine.submit(charge(1, company=company))
        crash = CrashPoint(moment)
        services = crashing_services(wallets, provider, crash)
        mortal: list[Any] = [
            CrashingProxy(each, crash) for each in (wallets.auto_top_up_firings, wallets.hot, wallets.top_ups)
        ]
        firings, hot, records = mortal
        dying = AutoTopUpWorker(firings, hot, TopUpStarter(services.top_ups, records))
        try:
            await dying.run_once()
        except ProcessCrashed:
            await database.execute("UPDATE auto_top_up_firings SET due_at = now() WHERE state = 1")
            await after.run_once()
        balance = await database.fetchval("SELECT balance FROM wallets WHERE company_id = $1", company)
        assert balance == THRESHOLD - 1 + AMOUNT, f"killed at moment {moment}"
        assert provider.charged == (moment + 1) * AMOUNT
        assert await database.fetchval("SELECT count(*) FROM auto_top_up_firings") == moment + 1
        if crash.survived:
            break
    assert moment > 15, "there are so many moments at least"
    assert await after.run_once() == 0
