"""Refunds and chargebacks: the wallet and the cards agree after a crash, and events arrive in any order."""

import asyncio
import time
from contextlib import suppress

import asyncpg
import msgspec
import pytest

from admin.mail.render import render_message
from admin.notices.event_types import EventType
from admin.payments.port import (
    DisputeChanged,
    DisputeState,
    PaymentRefund,
    RefundChanged,
    RefundState,
)
from admin.top_ups.chargeback_domain import ChargebackState, NewChargeback
from admin.top_ups.domain import DECLINED_RECONCILE_SECONDS, TopUpMethod
from admin.top_ups.refund_domain import NewTopUpRefund, TopUpRefundState, refund_debit
from admin.top_ups.services import TopUpServices
from admin.top_ups.worker import TopUpSweep
from tests.integration.admin.top_ups.test_top_ups import (
    AMOUNT,
    SAVED,
    age,
    balance,
    event_types,
    order,
    sweep_all,
)
from tests.support.builders import charge, fingerprint, make_company
from tests.support.payments import (
    CrashPoint,
    FakeProvider,
    ProcessCrashed,
    crashing_services,
    dispute,
    services_of,
)
from tests.support.wallets import Wallets
from wallet.domain.errors import (
    CompanyClosed,
    IdempotencyKeyReused,
    InsufficientFunds,
    PaymentProviderRefuses,
    PaymentProviderUnavailable,
    PaymentsNotConfigured,
    TopUpNotFound,
    TopUpNotRefundable,
    TopUpRefundNotFound,
)
from wallet.ledger.reader import NUMBER_MAX

MOMENTS_MAX = 60
pytestmark = pytest.mark.usefixtures("clean_afterwards")


def back(amount: int | None = None, key: str = "r-1", top_up: str = "t-1") -> NewTopUpRefund:
    return NewTopUpRefund("acme", key, fingerprint(amount, top_up), top_up, amount, "left us", "desk 7")


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection, provider: FakeProvider) -> Wallets:
    """A company that has topped up by a saved card."""
    await make_company(database)
    await database.execute("UPDATE companies SET billing_email = 'people@acme.example'")
    await services_of(wallets, provider).top_ups.start(SAVED)
    return wallets


@pytest.fixture
def services(acme: Wallets, provider: FakeProvider) -> TopUpServices:
    return services_of(acme, provider)


async def test_a_refund_leaves_the_wallet_and_reaches_the_card_once(
    acme: Wallets, services: TopUpServices, provider: FakeProvider, database: asyncpg.Connection
) -> None:
    results = await asyncio.gather(*(services.refunds.start(back(5_000_000)) for _ in range(4)))
    assert {result.state for result in results} == {TopUpRefundState.SUCCEEDED}
    assert await balance(acme) == AMOUNT - 5_000_000
    assert provider.refunded == 5_000_000
    entry = await acme.reader.entry("acme", 2)
    assert (entry.amount, entry.reason, entry.requested_by) == (-5_000_000, "TOP_UP_REFUND", "desk 7")
    assert (await event_types(database)).count(EventType.TOP_UP_REFUNDED) == 1
    rest = await services.refunds.start(back(key="r-2"))
    assert rest.amount == AMOUNT - 5_000_000
    assert (await acme.top_ups.get("acme", "t-1")).refundable == 0
    assert await balance(acme) == 0
    with pytest.raises(TopUpNotRefundable):
        await services.refunds.start(back(10_000, key="r-3"))


async def test_refunds_never_add_up_to_more_than_came_in(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    part = 7_000_000
    results = await asyncio.gather(
        *(services.refunds.start(back(part, key=f"r-{i}")) for i in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, TopUpNotRefundable) for result in results) == 3
    assert provider.refunded == 2 * part
    assert await balance(acme) == AMOUNT - 2 * part


async def test_spent_money_cannot_be_refunded(acme: Wallets, services: TopUpServices, provider: FakeProvider) -> None:
    spent = (await acme.engine.submit(charge(AMOUNT - 10_000))).entry
    with pytest.raises(InsufficientFunds):
        await services.refunds.start(back())
    assert (await acme.top_up_refunds.get("acme", "r-1")).state is TopUpRefundState.FAILED
    assert (await acme.top_ups.get("acme", "t-1")).refunded == 0, "nothing is reserved"
    assert provider.refunded == 0
    await services.top_ups.start(order(TopUpMethod.MANUAL, "m-1", amount=-spent.amount))
    assert (await services.refunds.start(back())).state is TopUpRefundState.SUCCEEDED, "the same order, later"
    assert await balance(acme) == 0


async def test_a_refund_that_is_not_possible_raises(acme: Wallets, services: TopUpServices) -> None:
    await services.top_ups.start(order(TopUpMethod.BANK_TRANSFER, "t-2"))
    await services.bank_transfers.confirm("acme", "t-2", AMOUNT)
    with pytest.raises(TopUpNotRefundable):
        await services.refunds.start(back(top_up="t-2"))
    with pytest.raises(TopUpNotFound):
        await services.refunds.start(back(top_up="none"))
    with pytest.raises(TopUpRefundNotFound):
        await acme.top_up_refunds.get("acme", "none")
    await services.refunds.start(back(10_000))
    with pytest.raises(IdempotencyKeyReused):
        await services.refunds.start(back(20_000))


async def test_without_a_provider_a_refund_says_why(acme: Wallets, services: TopUpServices) -> None:
    """A top-up by card needs a provider; another one is not refundable with or without it."""
    await services.top_ups.start(order(TopUpMethod.MANUAL, "m-1"))
    without = services_of(acme).refunds
    with pytest.raises(PaymentsNotConfigured):
        await without.start(back())
    with pytest.raises(TopUpNotRefundable):
        await without.start(back(top_up="m-1"))
    with pytest.raises(TopUpNotFound):
        await without.start(back(top_up="none"))


async def test_a_refund_that_the_provider_refuses_is_credited_again(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    provider.refuses_refunds = True
    refused = await services.refunds.start(back(10_000))
    assert (refused.state, refused.failure_code) == (TopUpRefundState.FAILED, "charge_disputed")
    assert refused.return_number is not None
    assert await balance(acme) == AMOUNT
    assert (await acme.top_ups.get("acme", "t-1")).refunded == 0
    again = await services.refunds.start(back(10_000))
    assert (again.state, again.return_number) == (refused.state, refused.return_number)


async def test_a_refund_that_fails_later_is_credited_again_once(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    """Events of it arrive twice and out of order."""
    done = await services.refunds.start(back(10_000))
    sent = provider.refunds[done.provider_refund]
    failed = PaymentRefund(
        sent.id, RefundState.FAILED, sent.refund, sent.payment, sent.amount, sent.currency, "expired_or_canceled_card"
    )
    provider.events = [RefundChanged(failed), RefundChanged(sent)]
    for which in (b"0", b"0", b"1", b"0"):
        await services.provider_events.receive(which, {})
    ended = await acme.top_up_refunds.get("acme", "r-1")
    assert (ended.state, ended.failure_code) == (TopUpRefundState.FAILED, "expired_or_canceled_card")
    assert await balance(acme) == AMOUNT
    assert (await acme.top_ups.get("acme", "t-1")).refundable == AMOUNT


async def test_a_refund_is_resumed_after_an_outage_of_the_provider(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    provider.away = True
    with pytest.raises(PaymentProviderUnavailable):
        await services.refunds.start(back(10_000))
    assert await balance(acme) == AMOUNT - 10_000, "it is on its way"
    provider.away = False
    assert (await services.refunds.start(back(10_000))).state is TopUpRefundState.SUCCEEDED
    assert provider.refunded == 10_000


async def test_a_failed_lookup_does_not_fail_the_refund(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    """The refund may have been sent: it is said of it only that it is not found."""
    provider.away = True
    with pytest.raises(PaymentProviderUnavailable):
        await services.refunds.start(back(10_000))
    provider.away, provider.refuses_queries = False, True
    with pytest.raises(PaymentProviderRefuses):
        await services.refunds.start(back(10_000))
    assert (await acme.top_up_refunds.get("acme", "r-1")).state is TopUpRefundState.PENDING
    assert await balance(acme) == AMOUNT - 10_000
    provider.refuses_queries = False
    assert (await services.refunds.start(back(10_000))).state is TopUpRefundState.SUCCEEDED
    assert provider.refunded == 10_000


async def test_a_refund_of_no_top_up_is_ignored(acme: Wallets, services: TopUpServices, provider: FakeProvider) -> None:
    for name in ("", "companies/acme/topUpRefunds/none", "companies/nobody/topUpRefunds/r-1", "something"):
        unknown = PaymentRefund("re_x", RefundState.SUCCEEDED, name, "pi_1", 10_000, "EUR")
        assert await services.refunds.apply_refund(unknown) is None
    assert await balance(acme) == AMOUNT


async def test_a_debit_beside_a_decline_is_credited_again(
    acme: Wallets, database: asyncpg.Connection, services: TopUpServices, provider: FakeProvider
) -> None:
    """Two ask for the same: one is declined, the other is debited a moment later and dies before it records that."""
    await acme.engine.submit(charge(AMOUNT))
    with pytest.raises(InsufficientFunds):
        await services.refunds.start(back())
    await services.top_ups.start(order(TopUpMethod.MANUAL, "m-1"))
    await acme.engine.submit(refund_debit(await acme.top_up_refunds.get("acme", "r-1")))
    await sweep_all(acme, provider, database)
    assert await balance(acme) == AMOUNT
    ended = await acme.top_up_refunds.get("acme", "r-1")
    assert ended.state is TopUpRefundState.FAILED
    assert (ended.debit_number, ended.return_number) == (4, 5)
    assert (await acme.top_ups.get("acme", "t-1")).refunded == provider.refunded == 0


async def test_a_declined_refund_is_reconciled_once_more(
    acme: Wallets, database: asyncpg.Connection, services: TopUpServices
) -> None:
    await acme.engine.submit(charge(AMOUNT))
    with pytest.raises(InsufficientFunds):
        await services.refunds.start(back())
    assert await TopUpSweep(services).run_once() == 0, "who is about to be debited has its time"
    await age(database, DECLINED_RECONCILE_SECONDS)
    assert await TopUpSweep(services).run_once() == 1
    await age(database, 100_000)
    assert await TopUpSweep(services).run_once() == 0


async def test_a_closed_refund_is_read_in_every_time_zone(
    acme: Wallets, database: asyncpg.Connection, services: TopUpServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger has it due at infinity, which is a time of no time zone east of Greenwich."""
    await acme.engine.submit(charge(AMOUNT))
    with pytest.raises(InsufficientFunds):
        await services.refunds.start(back())
    await age(database, DECLINED_RECONCILE_SECONDS)
    assert await TopUpSweep(services).run_once() == 1
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        try:
            closed = await services.stores.refunds.get("acme", "r-1")
            listed = await services.stores.refunds.page("acme", "", before=NUMBER_MAX, limit=2)
        finally:
            patch.undo()
            time.tzset()
    assert [refund.id for refund in listed] == [closed.id] == ["r-1"]


@pytest.mark.parametrize("refused", [True, False])
@pytest.mark.parametrize("retried", [True, False])
async def test_a_refund_survives_a_crash_at_any_moment(
    acme: Wallets, database: asyncpg.Connection, provider: FakeProvider, retried: bool, refused: bool
) -> None:
    """The wallet and the card agree, after a retry or after the sweep alone."""
    part = 100_000
    for moment in range(MOMENTS_MAX):
        crash, order_of = CrashPoint(moment), back(part, key=f"r-{moment}")
        before, given = await balance(acme), provider.refunded
        provider.refuses_refunds = refused
        with suppress(ProcessCrashed):
            await crashing_services(acme, provider, crash).refunds.start(order_of)
        if retried:
            await services_of(acme, provider).refunds.start(order_of)
        await sweep_all(acme, provider, database)
        assert before - await balance(acme) == provider.refunded - given, moment
        found = await acme.top_up_refunds.page("acme", "t-1", before=10**18, limit=100)
        assert all(refund.state is not TopUpRefundState.PENDING for refund in found), moment
        assert (await acme.top_ups.get("acme", "t-1")).refunded == provider.refunded, moment
        if crash.survived:
            break
    else:
        pytest.fail("there are more moments than that")
    assert (provider.refunded > 0) is not refused


async def test_a_chargeback_takes_the_money_below_the_floor(
    acme: Wallets, services: TopUpServices, provider: FakeProvider, database: asyncpg.Connection
) -> None:
    await acme.engine.submit(charge(AMOUNT))
    opened = dispute(provider.payments["pi_1"])
    provider.events = [DisputeChanged(opened)]
    for _ in range(3):
        await services.provider_events.receive(b"0", {})
    assert await balance(acme) == -AMOUNT
    assert (await event_types(database)).count(EventType.TOP_UP_DISPUTED) == 1
    (chargeback,) = await acme.chargebacks.page("acme", before=10**18, limit=9)
    assert (chargeback.state, chargeback.top_up) == (ChargebackState.OPEN, "t-1")
    entry = await acme.reader.entry("acme", chargeback.debit_number or 0)
    assert (entry.amount, entry.reason) == (-AMOUNT, "CHARGEBACK")
    (mail,) = [mail for mail in await acme.mails.claim(9, 60) if mail.template == "chargeback"]
    assert "20.00 EUR" in render_message(mail, "billing@example.com").as_string()
    with pytest.raises(TopUpNotRefundable):
        await services.refunds.start(back(10_000))


@pytest.mark.parametrize(
    "states",
    [
        [DisputeState.INQUIRY],
        [DisputeState.OPEN, DisputeState.WON],
        [DisputeState.WON, DisputeState.OPEN],
        [DisputeState.WON, DisputeState.INQUIRY, DisputeState.WON],
        [DisputeState.INQUIRY, DisputeState.OPEN, DisputeState.LOST],
        [DisputeState.LOST, DisputeState.OPEN, DisputeState.LOST],
    ],
)
async def test_events_of_a_chargeback_may_come_in_any_order(
    acme: Wallets,
    services: TopUpServices,
    provider: FakeProvider,
    database: asyncpg.Connection,
    states: list[DisputeState],
) -> None:
    for state in states:
        await asyncio.gather(
            *(services.chargebacks.record_dispute(dispute(provider.payments["pi_1"], state)) for _ in range(3))
        )
    lost = DisputeState.LOST in states
    assert await balance(acme) == (0 if lost else AMOUNT)
    closed = lost or DisputeState.WON in states
    assert (await event_types(database)).count(EventType.DISPUTE_CLOSED) == closed


async def test_a_chargeback_before_its_payment_is_known_credits_first(
    acme: Wallets, services: TopUpServices, provider: FakeProvider
) -> None:
    begun = await services.top_ups.start(order(TopUpMethod.CARD, "late"))
    provider.finish(begun.payment)
    await services.chargebacks.record_dispute(dispute(provider.payments[begun.payment]))
    assert await balance(acme) == AMOUNT, "credited and taken back"
    assert await services.chargebacks.record_dispute(dispute(provider.payments[begun.payment], name="dp_2")) is not None


async def test_a_chargeback_survives_a_crash_at_any_moment(
    acme: Wallets, database: asyncpg.Connection, provider: FakeProvider
) -> None:
    won = 0
    for moment in range(MOMENTS_MAX):
        crash, name = CrashPoint(moment), f"dp_{moment}"
        before = await balance(acme)
        small = dispute(provider.payments["pi_1"], DisputeState.WON, name=name)
        with suppress(ProcessCrashed):
            await crashing_services(acme, provider, crash).chargebacks.record_dispute(small)
        # The provider sends again what was not answered.
        await services_of(acme, provider).chargebacks.record_dispute(small)
        await sweep_all(acme, provider, database)
        assert await balance(acme) == before, moment
        missing = "SELECT count(*) FROM chargebacks WHERE debit_number IS NULL OR credit_number IS NULL"
        assert await database.fetchval(missing) == 0, moment
        won += 1
        if crash.survived:
            break
    else:
        pytest.fail("there are more moments than that")
    entries = await database.fetchval("SELECT count(*) FROM entries WHERE reason LIKE 'CHARGEBACK%'")
    assert entries == 2 * won


async def test_chargebacks_that_cannot_be_finished_delay_no_others(
    acme: Wallets,
    services: TopUpServices,
    provider: FakeProvider,
    database: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A company that pays by stolen cards is closed before the banks take the money back."""
    monkeypatch.setattr("admin.top_ups.worker.AT_ONCE_MAX", 1)
    await acme.engine.submit(charge(AMOUNT))
    await acme.companies.close("acme")
    opened = dispute(provider.payments["pi_1"])
    with pytest.raises(CompanyClosed):
        await services.chargebacks.record_dispute(opened)
    await make_company(database, "brick")
    theirs = await services.top_ups.start(msgspec.structs.replace(SAVED, company="brick"))
    # As one whose process died then.
    await acme.chargebacks.record(
        NewChargeback("brick", "dp_2", theirs.id, theirs.payment, ChargebackState.OPEN, AMOUNT, "EUR", "fraudulent")
    )
    for _ in range(2):
        await TopUpSweep(services).run_once()
    (done,) = await database.fetch("SELECT debit_number FROM chargebacks WHERE company_id = 'brick'")
    assert done["debit_number"] is not None
    claimed = [await acme.chargebacks.claim_due(9) for _ in range(2)]
    assert claimed == [[], []], "it rests"
    hour = "interval '1 hour'"
    await database.execute(f"UPDATE chargebacks SET updated_at = updated_at - {hour}, created_at = created_at - {hour}")
    assert [[each.company for each in await acme.chargebacks.claim_due(9)] for _ in range(2)] == [["acme"], []]


async def test_a_pending_refund_is_reconciled_less_and_less_often(
    acme: Wallets, services: TopUpServices, provider: FakeProvider, database: asyncpg.Connection
) -> None:
    """It may be pending for days."""
    provider.refund_state = RefundState.PENDING
    begun = await services.refunds.start(back(10_000))
    assert begun.state is TopUpRefundState.PENDING
    day = "interval '1 day'"
    await database.execute(f"UPDATE top_up_refunds SET created_at = created_at - {day}, look_at = look_at - {day}")
    await TopUpSweep(services).run_once()
    rests = await database.fetchval("SELECT extract(epoch FROM look_at - now())::int FROM top_up_refunds")
    assert rests > 3000
    sent = provider.refunds[begun.provider_refund]
    await services.refunds.apply_refund(
        msgspec.structs.replace(sent, state=RefundState.FAILED, failure_code="lost_or_stolen_card")
    )
    assert await balance(acme) == AMOUNT


async def test_on_chargeback_is_called_before_the_debit(acme: Wallets, provider: FakeProvider) -> None:
    """So automatic top-ups are paused before the balance falls."""
    heard: list[tuple[str, int]] = []

    async def opened(company: str) -> None:
        heard.append((company, await balance(acme)))

    services = services_of(acme, provider, on_chargeback=opened)
    await services.chargebacks.record_dispute(dispute(provider.payments["pi_1"], DisputeState.INQUIRY))
    assert heard == []
    await services.chargebacks.record_dispute(dispute(provider.payments["pi_1"]))
    assert heard == [("acme", AMOUNT)]
