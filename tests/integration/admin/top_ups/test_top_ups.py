"""Top-ups: a payment is credited once, wherever a process crashes, and in whatever order events arrive."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from admin.mail.render import render_message
from admin.notices.event_types import EventType
from admin.payments.port import Payment, PaymentChanged, PaymentState, ProviderRefused
from admin.top_ups.domain import BEGIN_SECONDS_MAX, FINISH_SECONDS_MAX, NewTopUp, TopUpMethod, TopUpState, credit
from admin.top_ups.services import TopUpServices
from admin.top_ups.worker import TopUpSweep
from tests.conftest import OpenWallets
from tests.support.builders import charge, fingerprint, make_company
from tests.support.payments import (
    AUTHENTICATION_REQUIRED,
    GOOD,
    INSUFFICIENT_FUNDS,
    REMOVED,
    CrashPoint,
    FakeProvider,
    ProcessCrashed,
    crashing_services,
    dispute,
    services_of,
)
from tests.support.wallets import Wallets
from wallet.domain.errors import (
    BalanceLimitReached,
    CompanyClosed,
    CompanyNotFound,
    CurrencyMismatch,
    IdempotencyKeyReused,
    PaymentProviderRefuses,
    PaymentProviderUnavailable,
    PaymentsNotConfigured,
    TopUpEnded,
    TopUpNotFound,
)
from wallet.domain.money import MICROS_MAX

AMOUNT = 20_000_000
MOMENTS_MAX = 60
pytestmark = pytest.mark.usefixtures("clean_afterwards")


def order(method: TopUpMethod, key: str = "t-1", **fields: Any) -> NewTopUp:
    values = {"amount": AMOUNT, "currency": "EUR", "card": GOOD if method is TopUpMethod.SAVED_CARD else "", **fields}
    return NewTopUp("acme", key, fingerprint(method, values), method, **values)


SAVED, CARD = order(TopUpMethod.SAVED_CARD), order(TopUpMethod.CARD)
TRANSFER, MANUAL = order(TopUpMethod.BANK_TRANSFER), order(TopUpMethod.MANUAL)


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """A company without money."""
    await make_company(database)
    await database.execute("UPDATE companies SET billing_email = 'people@acme.example'")
    return wallets


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def services(acme: Wallets, provider: FakeProvider) -> TopUpServices:
    return services_of(acme, provider)


async def balance(wallets: Wallets) -> int:
    return (await wallets.reader.wallet("acme")).balance


async def age(database: asyncpg.Connection, seconds: float) -> None:
    """Let time pass for all that is under way."""
    for table in ("top_ups", "top_up_refunds"):
        await database.execute(
            f"UPDATE {table} SET created_at = created_at - make_interval(secs => $1),"
            " look_at = look_at - make_interval(secs => $1)",
            seconds,
        )


async def sweep_all(wallets: Wallets, provider: FakeProvider, database: asyncpg.Connection) -> None:
    """Run the sweep of another process, soon after and long after."""
    for seconds in (100.0, BEGIN_SECONDS_MAX, FINISH_SECONDS_MAX):
        await age(database, seconds)
        await TopUpSweep(services_of(wallets, provider)).run_once()


async def event_types(database: asyncpg.Connection) -> list[str]:
    return [row["type"] for row in await database.fetch("SELECT type FROM events ORDER BY serial")]


async def test_a_manual_top_up_is_credited_once(
    acme: Wallets, services: TopUpServices, database: asyncpg.Connection
) -> None:
    first = await services.top_ups.start(MANUAL)
    assert (first.state, first.cleared, first.balance_after) == (TopUpState.SUCCEEDED, AMOUNT, AMOUNT)
    again = await asyncio.gather(*(services.top_ups.start(MANUAL) for _ in range(5)))
    assert {top_up.entry_number for top_up in again} == {1}
    assert await balance(acme) == AMOUNT
    with pytest.raises(IdempotencyKeyReused):
        await services.top_ups.start(order(TopUpMethod.MANUAL, amount=AMOUNT + 1))
    assert await event_types(database) == [EventType.TOP_UP_SUCCEEDED]


async def test_a_manual_top_up_that_was_declined_may_succeed_later(acme: Wallets, services: TopUpServices) -> None:
    much = order(TopUpMethod.MANUAL, "much", amount=MICROS_MAX)
    await services.top_ups.start(MANUAL)
    with pytest.raises(BalanceLimitReached):
        await services.top_ups.start(much)
    with pytest.raises(TopUpNotFound):
        await acme.top_ups.get("acme", "much")
    await acme.engine.submit(charge(AMOUNT))
    assert (await services.top_ups.start(much)).state is TopUpState.SUCCEEDED
    assert await balance(acme) == MICROS_MAX


async def test_a_withdrawal_of_a_decline_keeps_a_concurrent_credit(acme: Wallets, services: TopUpServices) -> None:
    """Two attempts of one manual top-up: one is declined and withdrawn while the other is credited."""
    begun, _ = await acme.top_ups.create(MANUAL)
    outcome = await acme.engine.submit(credit(begun, "", AMOUNT))
    await acme.top_ups.withdraw(begun)
    assert (await acme.top_ups.succeed(begun, outcome.entry)).state is TopUpState.SUCCEEDED
    await acme.top_ups.withdraw(begun)
    assert (await services.top_ups.start(MANUAL)).entry_number == 1
    assert await balance(acme) == AMOUNT


async def test_a_top_up_that_is_not_possible_raises(
    acme: Wallets, services: TopUpServices, database: asyncpg.Connection
) -> None:
    with pytest.raises(CurrencyMismatch):
        await services.top_ups.start(order(TopUpMethod.BANK_TRANSFER, currency="USD"))
    with pytest.raises(ProviderRefused):
        await services.top_ups.start(order(TopUpMethod.CARD, amount=1))
    with pytest.raises(PaymentsNotConfigured):
        await services_of(acme).top_ups.start(CARD)
    with pytest.raises(CompanyNotFound):
        await services.top_ups.start(NewTopUp("none", "t", b"", TopUpMethod.BANK_TRANSFER, 1, "EUR"))
    await acme.engine.submit(charge(0, key="used"))
    with pytest.raises(IdempotencyKeyReused):
        await services.top_ups.start(order(TopUpMethod.BANK_TRANSFER, "used"))
    await acme.companies.close("acme")
    with pytest.raises(CompanyClosed):
        await services.top_ups.start(TRANSFER)
    assert await database.fetchval("SELECT count(*) FROM top_ups") == 0
    with pytest.raises(TopUpNotFound):
        await acme.top_ups.get("acme", "t-1")


async def test_a_saved_card_is_credited_with_the_answer(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    top_up = await services.top_ups.start(SAVED)
    assert (top_up.state, top_up.cleared) == (TopUpState.SUCCEEDED, AMOUNT)
    assert top_up.paid_with is not None
    assert (top_up.paid_with.brand, top_up.paid_with.last4) == ("visa", "4242")
    assert (await services.top_ups.start(SAVED)).entry_number == top_up.entry_number
    assert await balance(acme) == provider.charged == AMOUNT


@pytest.mark.parametrize(
    ("card", "state", "code"),
    [
        (INSUFFICIENT_FUNDS, TopUpState.FAILED, "insufficient_funds"),
        (REMOVED, TopUpState.FAILED, "payment_method_not_found"),
        (AUTHENTICATION_REQUIRED, TopUpState.REQUIRES_ACTION, ""),
    ],
)
async def test_a_card_that_does_not_pay_credits_nothing(
    acme: Wallets, services: TopUpServices, card: str, state: TopUpState, code: str
) -> None:
    for _ in range(2):
        top_up = await services.top_ups.start(order(TopUpMethod.SAVED_CARD, card=card))
        assert (top_up.state, top_up.failure_code) == (state, code)
    assert await balance(acme) == 0


async def test_a_new_card_is_credited_once_its_holder_has_paid(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    begun = await services.top_ups.start(CARD)
    assert (begun.state, begun.client_secret) == (TopUpState.REQUIRES_ACTION, "secret_1")
    assert (await services.top_ups.start(CARD)).client_secret == "secret_1", "a retry may have lost it"
    assert (await acme.top_ups.get("acme", "t-1")).client_secret == ""
    assert await services.top_ups.sync_payment("pi_1") is not None
    assert await balance(acme) == 0
    provider.finish("pi_1")
    for _ in range(3):
        followed = await services.top_ups.sync_payment("pi_1")
        assert followed is not None
        assert followed.state is TopUpState.SUCCEEDED
    assert await balance(acme) == AMOUNT


async def test_a_customer_may_try_another_card_after_a_decline(services: TopUpServices, provider: FakeProvider) -> None:
    await services.top_ups.start(CARD)
    provider.payments["pi_1"] = Payment(
        "pi_1", PaymentState.FAILED, provider.payments["pi_1"].top_up, AMOUNT, "EUR", failure_code="card_declined"
    )
    tried = await services.top_ups.sync_payment("pi_1")
    assert tried is not None
    assert (tried.state, tried.failure_code) == (TopUpState.REQUIRES_ACTION, "card_declined")
    provider.finish("pi_1")
    paid = await services.top_ups.sync_payment("pi_1")
    assert paid is not None
    assert (paid.state, paid.failure_code) == (TopUpState.SUCCEEDED, "")


async def test_repeated_and_concurrent_events_credit_once(
    acme: Wallets, provider: FakeProvider, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    all_services = [services_of(acme, provider), services_of(await open_more(), provider)]
    await asyncio.gather(*(services.top_ups.start(CARD) for services in all_services))
    provider.finish("pi_1")
    await age(database, 100)
    await asyncio.gather(
        *(services.top_ups.sync_payment("pi_1") for services in all_services * 5),
        *(services.top_ups.start(CARD) for services in all_services * 3),
        *(TopUpSweep(services).run_once() for services in all_services),
    )
    assert await balance(acme) == provider.charged == AMOUNT
    assert (await event_types(database)).count(EventType.TOP_UP_SUCCEEDED) == 1


async def test_a_late_event_of_an_earlier_state_changes_nothing(
    services: TopUpServices, provider: FakeProvider
) -> None:
    begun = await services.top_ups.start(CARD)
    before = provider.payments["pi_1"]
    provider.finish("pi_1")
    await services.top_ups.sync_payment("pi_1")
    assert (await services.top_ups.apply_payment(begun, before)).state is TopUpState.SUCCEEDED


async def test_a_payment_after_a_cancellation_is_credited(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    await services.top_ups.start(CARD)
    assert (await services.top_ups.cancel("acme", "t-1")).state is TopUpState.CANCELED
    assert (await services.top_ups.cancel("acme", "t-1")).state is TopUpState.CANCELED
    provider.finish("pi_1")
    await services.top_ups.sync_payment("pi_1")
    assert await balance(acme) == AMOUNT
    with pytest.raises(TopUpEnded):
        await services.top_ups.cancel("acme", "t-1")


async def test_a_cancellation_after_the_payment_credits(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    await services.top_ups.start(CARD)
    provider.finish("pi_1")
    with pytest.raises(TopUpEnded):
        await services.top_ups.cancel("acme", "t-1")
    assert await balance(acme) == AMOUNT


async def test_two_payments_of_one_top_up_are_both_credited(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    await services.top_ups.start(CARD)
    first = provider.payments["pi_1"]
    provider.payments["pi_2"] = Payment("pi_2", PaymentState.SUCCEEDED, first.top_up, AMOUNT, "EUR")
    for payment in ("pi_2", "pi_1", "pi_2"):
        await services.top_ups.sync_payment(payment)
    provider.finish("pi_1")
    for payment in ("pi_1", "pi_2", "pi_1"):
        await services.top_ups.sync_payment(payment)
    assert await balance(acme) == provider.charged == 2 * AMOUNT


async def test_a_payment_of_no_top_up_changes_nothing(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    await services.top_ups.start(SAVED)
    first = provider.payments["pi_1"]
    for number, name in enumerate(("", "companies/acme/topUps/none", "companies/acme/wallet", "VC-NONE"), 7):
        provider.payments[f"pi_{number}"] = Payment(f"pi_{number}", PaymentState.SUCCEEDED, name, AMOUNT, "EUR")
        assert await services.top_ups.sync_payment(f"pi_{number}") is None
    other = Payment("pi_20", PaymentState.SUCCEEDED, first.top_up, AMOUNT, "USD")
    provider.payments["pi_20"] = other
    await services.top_ups.sync_payment("pi_20")
    assert await balance(acme) == AMOUNT


async def test_a_retry_after_an_outage_has_the_same_key(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    provider.away = True
    with pytest.raises(PaymentProviderUnavailable):
        await services.top_ups.start(SAVED)
    assert (await acme.top_ups.get("acme", "t-1")).state is TopUpState.PENDING
    provider.away = False
    assert (await services.top_ups.start(SAVED)).state is TopUpState.SUCCEEDED
    assert await balance(acme) == provider.charged == AMOUNT


async def test_a_provider_that_lost_its_payments_ends_no_top_up(
    acme: Wallets, services: TopUpServices, provider: FakeProvider, database: asyncpg.Connection
) -> None:
    """The key may be of another account: the caller gets an error, and the sweep continues when it is corrected."""
    await services.top_ups.start(CARD)
    provider.refuses_queries = True
    for call in (
        lambda: services.top_ups.start(CARD),
        lambda: services.top_ups.cancel("acme", "t-1"),
        lambda: services.top_ups.sync_payment("pi_1"),
        lambda: services.customers.cards("acme"),
    ):
        with pytest.raises(PaymentProviderRefuses) as refused:
            await call()
        assert refused.value.code == "resource_missing"
    await age(database, 100)
    await TopUpSweep(services).run_once()
    assert (await acme.top_ups.get("acme", "t-1")).state is TopUpState.REQUIRES_ACTION
    provider.refuses_queries = False
    provider.finish("pi_1")
    await age(database, FINISH_SECONDS_MAX)
    await TopUpSweep(services).run_once()
    assert await balance(acme) == provider.charged == AMOUNT


@pytest.mark.parametrize("method", [TopUpMethod.CARD, TopUpMethod.SAVED_CARD])
async def test_a_customer_that_the_provider_refuses_fails_the_top_up(
    acme: Wallets, services: TopUpServices, provider: FakeProvider, method: TopUpMethod
) -> None:
    """It is not the amount that is wrong."""
    provider.refuses_customers = True
    for _ in range(2):
        failed = await services.top_ups.start(order(method))
        assert (failed.state, failed.failure_code) == (TopUpState.FAILED, "email_invalid")
        assert "people@acme.example" in failed.failure_message
    provider.refuses_customers = False
    again = await services.top_ups.start(order(method, "t-2"))
    assert again.state is not TopUpState.FAILED


async def test_a_dispute_without_a_payment_is_ignored(services: TopUpServices, provider: FakeProvider) -> None:
    await services.top_ups.start(SAVED)
    assert await services.chargebacks.record_dispute(replace(dispute(provider.payments["pi_1"]), payment="")) is None


async def test_a_bank_transfer_is_credited_with_the_amount_received(
    acme: Wallets, services: TopUpServices, database: asyncpg.Connection
) -> None:
    begun = await services.top_ups.start(TRANSFER)
    assert begun.state is TopUpState.PENDING
    assert begun.payment_reference.startswith("VC-")
    assert await acme.top_ups.of_reference(begun.payment_reference) is not None
    less = AMOUNT - 5_000_000
    for _ in range(2):
        confirmed = await services.bank_transfers.confirm("acme", "t-1", less, reference="wire 77")
        assert (confirmed.state, confirmed.cleared, confirmed.amount) == (TopUpState.SUCCEEDED, less, AMOUNT)
    with pytest.raises(TopUpEnded):
        await services.bank_transfers.confirm("acme", "t-1", AMOUNT)
    with pytest.raises(TopUpEnded):
        await services.bank_transfers.fail("acme", "t-1", "too late")
    entry = await acme.reader.entry("acme", 1)
    assert (entry.amount, entry.reference) == (less, "wire 77")
    mails = await acme.mails.claim(10, 60)
    text = render_message(mails[0], "billing@example.com").as_string()
    assert "15.00 EUR" in text
    assert begun.payment_reference in text


async def test_of_concurrent_confirmations_one_amount_is_credited(acme: Wallets, services: TopUpServices) -> None:
    await services.top_ups.start(TRANSFER)
    results = await asyncio.gather(
        *(services.bank_transfers.confirm("acme", "t-1", AMOUNT + i) for i in range(5)), return_exceptions=True
    )
    (one,) = [result for result in results if not isinstance(result, BaseException)]
    assert all(isinstance(result, TopUpEnded) for result in results if result is not one)
    assert await balance(acme) == one.cleared


async def test_a_failed_transfer_may_still_be_confirmed(
    acme: Wallets, services: TopUpServices, database: asyncpg.Connection
) -> None:
    await services.top_ups.start(TRANSFER)
    for _ in range(2):
        assert (await services.bank_transfers.fail("acme", "t-1", "it did not come")).state is TopUpState.FAILED
    assert await event_types(database) == [EventType.TOP_UP_FAILED]
    assert (await services.bank_transfers.confirm("acme", "t-1", AMOUNT)).state is TopUpState.SUCCEEDED
    assert await balance(acme) == AMOUNT


async def test_a_transfer_reported_and_confirmed_is_credited_once(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    """The provider reports it before and after staff confirm it."""
    begun = await services.top_ups.start(TRANSFER)
    provider.payments["pi_9"] = Payment("pi_9", PaymentState.SUCCEEDED, begun.payment_reference, AMOUNT, "EUR")
    await services.top_ups.sync_payment("pi_9")
    assert (await services.bank_transfers.confirm("acme", "t-1", AMOUNT)).state is TopUpState.SUCCEEDED
    await services.top_ups.sync_payment("pi_9")
    assert await balance(acme) == AMOUNT


async def test_a_transfer_that_came_twice_is_credited_twice(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    begun = await services.top_ups.start(TRANSFER)
    for payment in ("pi_8", "pi_9", "pi_8", "pi_9"):
        provider.payments[payment] = Payment(payment, PaymentState.SUCCEEDED, begun.payment_reference, AMOUNT, "EUR")
        await services.top_ups.sync_payment(payment)
    assert await balance(acme) == provider.charged == 2 * AMOUNT


async def test_a_confirmed_transfer_is_its_first_payment(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    """Staff confirm a transfer before the provider reports it; a second payment is another transfer."""
    begun = await services.top_ups.start(TRANSFER)
    await services.bank_transfers.confirm("acme", "t-1", AMOUNT)
    for payment in ("pi_8", "pi_8", "pi_9", "pi_8", "pi_9"):
        provider.payments[payment] = Payment(payment, PaymentState.SUCCEEDED, begun.payment_reference, AMOUNT, "EUR")
        await services.top_ups.sync_payment(payment)
    assert await balance(acme) == provider.charged == 2 * AMOUNT


async def test_a_payment_that_was_never_begun_fails(
    acme: Wallets, services: TopUpServices, provider: FakeProvider, database: asyncpg.Connection
) -> None:
    await acme.top_ups.create(SAVED)
    await age(database, 100)
    await TopUpSweep(services).run_once()
    assert (await acme.top_ups.get("acme", "t-1")).state is TopUpState.PENDING
    await age(database, BEGIN_SECONDS_MAX)
    await TopUpSweep(services).run_once()
    ended = await services.top_ups.start(SAVED)
    assert (ended.state, ended.failure_code) == (TopUpState.FAILED, "not_begun")
    assert provider.charged == 0


async def test_a_payment_that_is_not_completed_is_canceled(
    acme: Wallets, services: TopUpServices, provider: FakeProvider, database: asyncpg.Connection
) -> None:
    await services.top_ups.start(CARD)
    await age(database, FINISH_SECONDS_MAX - 100)
    await TopUpSweep(services).run_once()
    assert (await acme.top_ups.get("acme", "t-1")).state is TopUpState.REQUIRES_ACTION
    await age(database, FINISH_SECONDS_MAX / 3)
    await TopUpSweep(services).run_once()
    assert (await acme.top_ups.get("acme", "t-1")).state is TopUpState.CANCELED
    assert provider.payments["pi_1"].state is PaymentState.CANCELED


async def saved_card(services: TopUpServices, _: FakeProvider, key: str) -> None:
    await services.top_ups.start(order(TopUpMethod.SAVED_CARD, key))


async def new_card(services: TopUpServices, provider: FakeProvider, key: str) -> None:
    begun = await services.top_ups.start(order(TopUpMethod.CARD, key))
    provider.finish(begun.payment)
    provider.events = [PaymentChanged(begun.payment)]
    await services.provider_events.receive(b"0", {})


async def transfer(services: TopUpServices, _: FakeProvider, key: str) -> None:
    await services.top_ups.start(order(TopUpMethod.BANK_TRANSFER, key))
    await services.bank_transfers.confirm("acme", key, AMOUNT)


async def manual(services: TopUpServices, _: FakeProvider, key: str) -> None:
    await services.top_ups.start(order(TopUpMethod.MANUAL, key))


Flow = Callable[[TopUpServices, FakeProvider, str], Awaitable[None]]


@pytest.mark.parametrize("forgetful", [True, False])
@pytest.mark.parametrize("retried", [True, False])
@pytest.mark.parametrize("flow", [saved_card, new_card, transfer, manual])
async def test_a_top_up_survives_a_crash_at_any_moment(
    acme: Wallets, database: asyncpg.Connection, flow: Flow, retried: bool, forgetful: bool
) -> None:
    """A payment is credited once: by a retry, by the webhook, or by the sweep alone."""
    ends = set()
    for moment in range(MOMENTS_MAX):
        provider, crash, key = FakeProvider(f"{moment}_", forgetful=forgetful), CrashPoint(moment), f"t-{moment}"
        before = await balance(acme)
        with suppress(ProcessCrashed):
            await flow(crashing_services(acme, provider, crash), provider, key)
        if retried:
            await flow(services_of(acme, provider), provider, key)
        await sweep_all(acme, provider, database)
        state = await database.fetchval("SELECT state FROM top_ups WHERE top_up_id = $1", key)
        succeeded = state == TopUpState.SUCCEEDED
        assert await balance(acme) - before == (AMOUNT if succeeded else 0), moment
        if flow in (saved_card, new_card):
            assert provider.charged == (AMOUNT if succeeded else 0), moment
        assert succeeded or not retried, moment
        ends.add(state)
        if crash.survived:
            break
    else:
        pytest.fail("there are more moments than that")
    assert TopUpState.SUCCEEDED in ends
    assert retried or len(ends) > 1, "some died before anything had come in"
