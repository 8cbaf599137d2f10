"""Low-balance alerts: each crossing is told once, whoever looks, however many at once, and wherever one dies."""

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
from tests.support.wallets import Wallets
from wallet.domain.errors import CompanyClosed, CompanyNotFound, LedgerUnavailable

POLICY = AlertPolicy(Threshold(amount=10_000), Threshold(amount=2_000))
EMAIL = "people@acme.example"
DAYS = 7
PER_DAY = 10_000
STEPS = {
    "begin": "$1::text",
    "lock": "$1::text",
    "standing": "$1::text",
    "spent_by_day": "$1::text, $2::date",
    "seen": "$1::text, $2::smallint, $3::bigint, $4::bigint, $5::bigint, $6::bigint",
    "mail": "$1::text, $2::text, $3::text, $4::text, $5::text",
    "event": "$1::text, $2::text, $3::text, $4::text",
}
"""What is asked of Postgres in a look, and with what."""


@pytest.fixture
async def acme(wallets: Wallets, database: asyncpg.Connection) -> Wallets:
    """A company with 20 000 micros that is told below 10 000, and below 2 000."""
    await make_company(database)
    await database.execute("UPDATE companies SET billing_email = $1", EMAIL)
    await wallets.alerts.set_policy("acme", POLICY)
    await wallets.engine.submit(top_up(20_000))
    assert await look(wallets) == 0
    return wallets


async def look(wallets: Wallets) -> int:
    return await AlertWorker(wallets.alerts, wallets.usage_days).run_once()


async def told(database: asyncpg.Connection) -> list[str]:
    return [row["template"] for row in await database.fetch("SELECT template FROM mails ORDER BY serial")]


async def history(database: asyncpg.Connection, company: str = "acme") -> None:
    """Let a company have spent PER_DAY on each of the last days."""
    today = datetime.now(UTC).date()
    for ago in range(1, DAYS + 1):
        await database.execute(
            "INSERT INTO usage_days VALUES ($1, $2, 1, 'DE', 1, 1, 1, $3, 0, 0)",
            company,
            today - timedelta(days=ago),
            PER_DAY,
        )


async def test_each_threshold_is_told_once_on_the_way_down(acme: Wallets, database: asyncpg.Connection) -> None:
    await acme.engine.submit(charge(10_000))
    assert await look(acme) == 0, "on the line is not below it"
    await acme.engine.submit(charge(1))
    assert await look(acme) == 1
    await acme.engine.submit(charge(1_000))
    assert await look(acme) == 0
    await acme.engine.submit(charge(7_000))
    assert await look(acme) == 1
    for _ in range(3):
        await acme.engine.submit(charge(300))
        assert await look(acme) == 0
    assert await told(database) == ["balance_warning", "balance_critical"]


async def test_a_fall_through_both_is_told_as_the_worse_one(acme: Wallets, database: asyncpg.Connection) -> None:
    await acme.engine.submit(charge(19_000))
    assert await look(acme) == 1
    assert await told(database) == ["balance_critical"]


async def test_a_balance_on_the_line_is_told_once(acme: Wallets, database: asyncpg.Connection) -> None:
    charged = (await acme.engine.submit(charge(10_001))).entry.number
    for turn in range(5):
        await look(acme)
        await acme.engine.submit(refund(500, charged))
        await acme.engine.submit(authorize(400, f"call-{turn}"))
        await look(acme)
        await acme.engine.submit(void(f"call-{turn}"))
        await look(acme)
        await acme.engine.submit(charge(500))
    assert await told(database) == ["balance_warning"]


async def test_a_top_up_arms_again(acme: Wallets, database: asyncpg.Connection) -> None:
    for _ in range(3):
        await acme.engine.submit(charge(11_000))
        assert await look(acme) == 1
        assert (await acme.alerts.outlook("acme")).state is AlertState.WARNING
        await acme.engine.submit(top_up(11_000))
        assert await look(acme) == 0
        assert (await acme.alerts.outlook("acme")).state is AlertState.OK
    assert await told(database) == ["balance_warning"] * 3


async def test_a_small_top_up_that_leads_above_the_line_arms_again(acme: Wallets, database: asyncpg.Connection) -> None:
    await acme.engine.submit(charge(10_001))
    assert await look(acme) == 1
    for key in ("t-1", "t-2"):
        await services_of(acme).top_ups.start(
            NewTopUp("acme", key, key.encode(), TopUpMethod.MANUAL, 100, "EUR", requested_by="desk 7")
        )
        assert (await acme.alerts.outlook("acme")).state is AlertState.OK
        assert await look(acme) == 0
        await acme.engine.submit(charge(100))
        assert await look(acme) == 1
    await services_of(acme).top_ups.start(NewTopUp("acme", "t-3", b"t-3", TopUpMethod.MANUAL, 1_000, "EUR"))
    await acme.engine.submit(charge(1_000))
    assert await look(acme) == 0, "it came and went between two looks"
    assert await told(database) == ["balance_warning"] * 3


async def test_a_top_up_out_of_the_worse_state_arms_that_one_only(acme: Wallets, database: asyncpg.Connection) -> None:
    await acme.engine.submit(charge(19_000))
    await look(acme)
    await acme.engine.submit(top_up(4_000))
    assert await look(acme) == 0, "better, and no reason to write"
    await acme.engine.submit(charge(3_500))
    assert await look(acme) == 1
    assert await told(database) == ["balance_critical", "balance_critical"]


async def test_by_default_a_week_and_a_day_are_told_of_at_the_recent_rate(
    wallets: Wallets, database: asyncpg.Connection
) -> None:
    await make_company(database)
    await database.execute("UPDATE companies SET billing_email = $1, display_name = 'Acme & Sons'", EMAIL)
    await history(database)
    for balance, state in ((80_000, AlertState.OK), (60_000, AlertState.WARNING), (8_000, AlertState.CRITICAL)):
        # Put there as it is, so that today's part of the rate stays nothing.
        await database.execute("UPDATE wallets SET balance = $1, last_number = last_number + 1", balance)
        await wallets.alerts.look("acme")
        outlook = await wallets.alerts.outlook("acme")
        assert outlook.state is state
        assert outlook.empty_at is not None
        days_left = (outlook.empty_at / 1e6 - datetime.now(UTC).timestamp()) / 86_400
        assert balance / PER_DAY * 0.99 < days_left < balance / PER_DAY * 8.01 / 7
    assert await told(database) == ["balance_warning", "balance_critical"]
    first, _ = await wallets.mails.claim(10, 60.0)
    written = render_message(first, "billing@charging.example")
    assert written["To"] == EMAIL
    assert written["Subject"] == "Acme & Sons: your balance is running low (0.06 EUR)"
    assert "UTC" in written.as_string()


async def test_without_any_usage_nobody_is_told(wallets: Wallets, database: asyncpg.Connection) -> None:
    await make_company(database)
    await database.execute("UPDATE companies SET billing_email = $1", EMAIL)
    assert await look(wallets) == 0
    await wallets.engine.submit(top_up(1))
    assert await look(wallets) == 0
    assert await wallets.alerts.outlook("acme") == (AlertState.OK, None)


async def test_what_was_looked_at_is_left_alone_until_it_moves(acme: Wallets, database: asyncpg.Connection) -> None:
    assert await acme.alerts.moved("", 10) == []
    await acme.engine.submit(charge(1))
    assert await acme.alerts.moved("", 10) == ["acme"]
    await look(acme)
    assert await acme.alerts.moved("", 10) == []
    await database.execute("UPDATE wallets SET floor = 15000, epoch = epoch + 1, last_seq = 0")
    assert await look(acme) == 1, "a floor that is raised leaves less"
    await acme.alerts.set_policy("acme", DEFAULT)
    assert await acme.alerts.moved("", 10) == ["acme"]


async def test_who_has_no_address_is_not_written_to(acme: Wallets, database: asyncpg.Connection) -> None:
    await database.execute("UPDATE companies SET billing_email = ''")
    await acme.engine.submit(charge(11_000))
    assert await look(acme) == 1
    assert await told(database) == []


@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_any_step_a_crossing_is_told_once(
    acme: Wallets, database: asyncpg.Connection, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await acme.engine.submit(charge(11_000))
    others = {"mail": (outbox._SQL, "insert"), "event": (notices._SQL, "insert")}
    statements, name = others.get(step, (adapter._SQL, step))
    with monkeypatch.context() as patch:
        patch.setitem(statements, name, f"SELECT pg_terminate_backend(pg_backend_pid()), {STEPS[step]}")
        with pytest.raises(LedgerUnavailable):
            await look(acme)
    assert await told(database) == []
    assert await database.fetchval("SELECT count(*) FROM events") == 0
    assert await look(acme) == 1
    assert await look(acme) == 0
    assert await told(database) == ["balance_warning"]
    assert await database.fetchval("SELECT count(*) FROM events") == 1


async def test_two_workers_at_once_tell_of_a_crossing_once(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    beside = await open_more()
    for turn in range(1, 6):
        await acme.engine.submit(charge(11_000))
        crossed = await asyncio.gather(*(look(each) for each in (acme, beside, acme, beside)))
        assert sum(crossed) == 1
        assert len(await told(database)) == turn
        await acme.engine.submit(top_up(11_000))
        await look(acme)


async def test_a_policy_is_the_default_until_it_is_set_and_a_closed_companys_stays(
    wallets: Wallets, database: asyncpg.Connection
) -> None:
    await make_company(database)
    assert await wallets.alerts.policy("acme") == DEFAULT
    await wallets.alerts.set_policy("acme", POLICY)
    assert await wallets.alerts.policy("acme") == POLICY
    for ask in (
        wallets.alerts.policy("none"),
        wallets.alerts.outlook("none"),
        wallets.alerts.set_policy("none", POLICY),
    ):
        with pytest.raises(CompanyNotFound):
            await ask
    await database.execute("UPDATE wallets SET state = 3, floor = 5, last_number = 1")
    with pytest.raises(CompanyClosed):
        await wallets.alerts.set_policy("acme", DEFAULT)
    assert await look(wallets) == 0
