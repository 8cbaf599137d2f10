"""Low-balance alerts: one notice for each crossing, also with several workers at once, or one that is killed."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

import admin.alerts.store as adapter
import admin.mail.store as outbox
from admin.alerts.domain import DEFAULT, AlertPolicy, AlertState, Threshold
from admin.alerts.worker import AlertWorker
from admin.mail.render import render_message
from admin.notices import store as notices
from admin.top_ups.domain import NewTopUp, TopUpMethod
from tests.conftest import OpenWallets
from tests.support.builders import (
    authorize,
    charge,
    make_company,
    refund,
    top_up,
    void,
)
from tests.support.payments import services_of
from tests.support.statements import kill_connection_at
from tests.support.wallets import Wallets
from wallet.domain.errors import CompanyClosed, CompanyNotFound, LedgerUnavailable

POLICY = AlertPolicy(Threshold(amount=10_000), Threshold(amount=2_000))
EMAIL = "people@acme.example"
DAYS = 7
PER_DAY = 10_000
STEPS = {
    "insert": "$1::text",
    "lock": "$1::text",
    "balance_status": "$1::text",
    "spent_by_day": "$1::text, $2::date",
    "record_evaluation": "$1::text, $2::smallint, $3::bigint, $4::bigint, $5::bigint, $6::bigint",
    "mail": "$1::text, $2::text, $3::text, $4::text, $5::text",
    "event": "$1::text, $2::text, $3::text, $4::text",
}
"""The statements of an evaluation, and the types of their arguments."""


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """A company with 20 000 micros and thresholds of 10 000 and 2 000."""
    await make_company(database)
    await database.execute("UPDATE companies SET billing_email = $1", EMAIL)
    await wallets.alerts.set_policy("acme", POLICY)
    await wallets.engine.submit(top_up(20_000))
    assert await run_worker(wallets) == 0
    return wallets


async def run_worker(wallets: Wallets) -> int:
    return await AlertWorker(wallets.alerts, wallets.usage_days).run_once()


async def mail_templates(database: asyncpg.Connection) -> list[str]:
    return [row["template"] for row in await database.fetch("SELECT template FROM mails ORDER BY serial")]


async def spend_each_day(database: asyncpg.Connection, company: str = "acme") -> None:
    """Record that a company spent PER_DAY on each of the last DAYS days."""
    today = datetime.now(UTC).date()
    for ago in range(1, DAYS + 1):
        await database.execute(
            "INSERT INTO usage_days VALUES ($1, $2, 1, 'DE', 1, 1, 1, $3, 0, 0)",
            company,
            today - timedelta(days=ago),
            PER_DAY,
        )


async def test_each_threshold_alerts_once_on_the_way_down(acme: Wallets, database: asyncpg.Connection) -> None:
    await acme.engine.submit(charge(10_000))
    assert await run_worker(acme) == 0, "at the threshold is not below it"
    await acme.engine.submit(charge(1))
    assert await run_worker(acme) == 1
    await acme.engine.submit(charge(1_000))
    assert await run_worker(acme) == 0
    await acme.engine.submit(charge(7_000))
    assert await run_worker(acme) == 1
    for _ in range(3):
        await acme.engine.submit(charge(300))
        assert await run_worker(acme) == 0
    assert await mail_templates(database) == ["balance_warning", "balance_critical"]


async def test_a_fall_through_both_thresholds_alerts_as_critical(acme: Wallets, database: asyncpg.Connection) -> None:
    await acme.engine.submit(charge(19_000))
    assert await run_worker(acme) == 1
    assert await mail_templates(database) == ["balance_critical"]


async def test_a_balance_around_its_threshold_alerts_once(acme: Wallets, database: asyncpg.Connection) -> None:
    charged = (await acme.engine.submit(charge(10_001))).entry.number
    for turn in range(5):
        await run_worker(acme)
        await acme.engine.submit(refund(500, charged))
        await acme.engine.submit(authorize(400, f"call-{turn}"))
        await run_worker(acme)
        await acme.engine.submit(void(f"call-{turn}"))
        await run_worker(acme)
        await acme.engine.submit(charge(500))
    assert await mail_templates(database) == ["balance_warning"]


async def test_a_top_up_rearms_the_alert(acme: Wallets, database: asyncpg.Connection) -> None:
    for _ in range(3):
        await acme.engine.submit(charge(11_000))
        assert await run_worker(acme) == 1
        assert (await acme.alerts.forecast("acme")).state is AlertState.WARNING
        await acme.engine.submit(top_up(11_000))
        assert await run_worker(acme) == 0
        assert (await acme.alerts.forecast("acme")).state is AlertState.OK
    assert await mail_templates(database) == ["balance_warning"] * 3


async def test_a_small_top_up_above_the_threshold_rearms_the_alert(acme: Wallets, database: asyncpg.Connection) -> None:
    await acme.engine.submit(charge(10_001))
    assert await run_worker(acme) == 1
    for key in ("t-1", "t-2"):
        await services_of(acme).top_ups.start(
            NewTopUp("acme", key, key.encode(), TopUpMethod.MANUAL, 100, "EUR", requested_by="ann")
        )
        assert (await acme.alerts.forecast("acme")).state is AlertState.OK
        assert await run_worker(acme) == 0
        await acme.engine.submit(charge(100))
        assert await run_worker(acme) == 1
    await services_of(acme).top_ups.start(NewTopUp("acme", "t-3", b"t-3", TopUpMethod.MANUAL, 1_000, "EUR"))
    await acme.engine.submit(charge(1_000))
    assert await run_worker(acme) == 0, "the top-up came and went between two evaluations"
    assert await mail_templates(database) == ["balance_warning"] * 3


async def test_a_top_up_from_critical_to_warning_rearms_critical_only(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await acme.engine.submit(charge(19_000))
    await run_worker(acme)
    await acme.engine.submit(top_up(4_000))
    assert await run_worker(acme) == 0, "an improvement makes no mail"
    await acme.engine.submit(charge(3_500))
    assert await run_worker(acme) == 1
    assert await mail_templates(database) == ["balance_critical", "balance_critical"]


async def test_the_default_thresholds_are_a_week_and_a_day_at_the_burn_rate(
    wallets: Wallets, database: asyncpg.Connection
) -> None:
    await make_company(database)
    await database.execute("UPDATE companies SET billing_email = $1, display_name = 'Acme & Sons'", EMAIL)
    await spend_each_day(database)
    for balance, state in ((80_000, AlertState.OK), (60_000, AlertState.WARNING), (8_000, AlertState.CRITICAL)):
        # Set directly, without a charge, so that today's spending stays zero.
        await database.execute("UPDATE wallets SET balance = $1, last_number = last_number + 1", balance)
        await wallets.alerts.evaluate("acme")
        forecast = await wallets.alerts.forecast("acme")
        assert forecast.state is state
        assert forecast.empty_at is not None
        days_left = (forecast.empty_at / 1e6 - datetime.now(UTC).timestamp()) / 86_400
        assert balance / PER_DAY * 0.99 < days_left < balance / PER_DAY * 8.01 / 7
    assert await mail_templates(database) == ["balance_warning", "balance_critical"]
    first, _ = await wallets.mails.claim(10, 60.0)
    message = render_message(first, "billing@charging.example")
    assert message["To"] == EMAIL
    assert message["Subject"] == "Acme & Sons: your balance is running low (0.06 EUR)"
    assert "UTC" in message.as_string()


async def test_without_usage_there_is_no_alert(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    await database.execute("UPDATE companies SET billing_email = $1", EMAIL)
    assert await run_worker(wallets) == 0
    await wallets.engine.submit(top_up(1))
    assert await run_worker(wallets) == 0
    assert await wallets.alerts.forecast("acme") == (AlertState.OK, None)


async def test_a_company_is_evaluated_again_only_after_a_change(acme: Wallets, database: asyncpg.Connection) -> None:
    assert await acme.alerts.companies_to_evaluate("", 10) == []
    await acme.engine.submit(charge(1))
    assert await acme.alerts.companies_to_evaluate("", 10) == ["acme"]
    await run_worker(acme)
    assert await acme.alerts.companies_to_evaluate("", 10) == []
    await database.execute("UPDATE wallets SET floor = 15000, epoch = epoch + 1, last_seq = 0")
    assert await run_worker(acme) == 1, "a higher floor leaves less available"
    await acme.alerts.set_policy("acme", DEFAULT)
    assert await acme.alerts.companies_to_evaluate("", 10) == ["acme"]


async def test_without_a_billing_address_there_is_no_mail(acme: Wallets, database: asyncpg.Connection) -> None:
    await database.execute("UPDATE companies SET billing_email = ''")
    await acme.engine.submit(charge(11_000))
    assert await run_worker(acme) == 1
    assert await mail_templates(database) == []


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_a_crossing_alerts_once(
    acme: Wallets, database: asyncpg.Connection, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await acme.engine.submit(charge(11_000))
    others = {"mail": (outbox._SQL, "insert"), "event": (notices._SQL, "insert")}
    statements, name = others.get(step, (adapter._SQL, step))
    with monkeypatch.context() as patch:
        kill_connection_at(patch, statements, name, STEPS[step])
        with pytest.raises(LedgerUnavailable):
            await run_worker(acme)
    assert await mail_templates(database) == []
    assert await database.fetchval("SELECT count(*) FROM events") == 0
    assert await run_worker(acme) == 1
    assert await run_worker(acme) == 0
    assert await mail_templates(database) == ["balance_warning"]
    assert await database.fetchval("SELECT count(*) FROM events") == 1


async def test_two_workers_at_once_alert_once(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    beside = await open_more()
    for turn in range(1, 6):
        await acme.engine.submit(charge(11_000))
        crossed = await asyncio.gather(*(run_worker(each) for each in (acme, beside, acme, beside)))
        assert sum(crossed) == 1
        assert len(await mail_templates(database)) == turn
        await acme.engine.submit(top_up(11_000))
        await run_worker(acme)


async def test_a_policy_is_the_default_until_it_is_set(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    assert await wallets.alerts.policy("acme") == DEFAULT
    await wallets.alerts.set_policy("acme", POLICY)
    assert await wallets.alerts.policy("acme") == POLICY
    for call in (
        wallets.alerts.policy("none"),
        wallets.alerts.forecast("none"),
        wallets.alerts.set_policy("none", POLICY),
    ):
        with pytest.raises(CompanyNotFound):
            await call
    await database.execute("UPDATE wallets SET state = 3, floor = 5, last_number = 1")
    with pytest.raises(CompanyClosed):
        await wallets.alerts.set_policy("acme", DEFAULT)
    assert await run_worker(wallets) == 0
