"""Automatic top-ups: one at a time, once each, within their bounds, with several workers and after crashes."""

import asyncio
from typing import Any

import asyncpg
import pytest
import redis

import admin.auto_top_ups.firing_store as firings_adapter
import admin.auto_top_ups.store as rules_adapter
import admin.notices.store as notices_adapter
from admin.auto_top_ups.domain import (
    AutoTopUp,
    AutoTopUpChange,
    Firing,
    PauseReason,
    RuleState,
)
from admin.auto_top_ups.worker import AutoTopUpWorker
from admin.mail.render import render_message
from admin.payments.port import ProviderRefused
from tests.conftest import OpenWallets
from tests.support.auto_top_ups import (
    AUTHENTICATION_FAILED,
    DECLINED,
    ID_TAKEN,
    PENDING,
    REQUIRES_ACTION,
    SUCCEEDED,
    FakeTopUps,
)
from tests.support.builders import authorize, charge, make_company, top_up
from tests.support.engine_steps import crash_after_redis, settled
from tests.support.polling import until
from tests.support.statements import kill_connection_at
from tests.support.wallets import Wallets
from wallet.domain.errors import Applied, AutoTopUpNotFound, CompanyClosed, CompanyNotFound, WalletUnavailable
from wallet.ledger.append import Appender
from wallet.recovery import Recovery

THRESHOLD, AMOUNT = 500, 2_000
AWAY = WalletUnavailable("no answer", applied=Applied.UNKNOWN)
pytestmark = pytest.mark.usefixtures("clean_afterwards")


@pytest.fixture
async def ruled(acme: Wallets, database: asyncpg.Connection) -> Wallets:
    """A company with 1 000 micros and a rule: below 500, 2 000 more."""
    await database.execute("UPDATE companies SET billing_email = 'people@acme.example'")
    await acme.auto_top_ups.put("acme", AutoTopUpChange(THRESHOLD, AMOUNT, "pm_1"))
    return acme


@pytest.fixture
def top_ups(ruled: Wallets) -> FakeTopUps:
    return FakeTopUps(ruled.engine)


@pytest.fixture
def worker(ruled: Wallets, top_ups: FakeTopUps) -> AutoTopUpWorker:
    return AutoTopUpWorker(ruled.auto_top_up_firings, ruled.hot, top_ups)


async def balance(database: asyncpg.Connection) -> int:
    return int(await database.fetchval("SELECT balance FROM wallets WHERE company_id = 'acme'"))


async def mail_templates(database: asyncpg.Connection) -> list[str]:
    return [row["template"] for row in await database.fetch("SELECT template FROM mails ORDER BY serial")]


async def event_types(database: asyncpg.Connection) -> list[str]:
    rows = await database.fetch("SELECT type FROM events ORDER BY serial")
    return [row["type"].removeprefix("auto_top_up.") for row in rows]


async def rule(wallets: Wallets) -> AutoTopUp:
    return await wallets.auto_top_ups.get("acme")


async def expire_waits(database: asyncpg.Connection) -> None:
    """End the waits of a rule and the claim of a firing."""
    await database.execute("UPDATE auto_top_ups SET wait_until = now() WHERE wait_until IS NOT NULL")
    await database.execute("UPDATE auto_top_up_firings SET due_at = now()")


async def charge_down(wallets: Wallets, database: asyncpg.Connection, to: int = THRESHOLD - 1) -> None:
    """Charge until so much is left."""
    await wallets.engine.submit(charge(await balance(database) - to))


async def test_a_company_below_its_threshold_is_topped_up_once(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    assert await worker.run_once() == 0
    await charge_down(ruled, database, THRESHOLD)
    assert await worker.run_once() == 0, "on the line is not below it"
    await ruled.engine.submit(charge(1))
    assert await worker.run_once() == 1
    assert await worker.run_once() == 0
    assert top_ups.paid() == [AMOUNT]
    assert await balance(database) == THRESHOLD - 1 + AMOUNT
    (firing,) = top_ups.started
    assert firing == Firing("acme", 1, AMOUNT, "EUR", "pm_1")
    assert firing.top_up == "auto-1"


async def test_a_signal_is_enough_and_a_sweep_is_enough(
    ruled: Wallets, top_ups: FakeTopUps, database: asyncpg.Connection, hot: redis.Redis
) -> None:
    first, worker = (AutoTopUpWorker(ruled.auto_top_up_firings, ruled.hot, top_ups) for _ in range(2))
    await charge_down(ruled, database)
    assert await first.run_once(sweep=False) == 1
    await charge_down(ruled, database)
    await settled(ruled)
    hot.flushall()
    assert await worker.run_once(sweep=False) == 0, "the signal is lost"
    assert await worker.run_once() == 1


async def test_a_hold_below_the_threshold_is_topped_up_too(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    await ruled.engine.submit(authorize(501, "call"))
    assert await worker.run_once(sweep=False) == 1
    assert await balance(database) == 1_000 + AMOUNT


async def test_a_signal_before_its_entry_is_not_lost(
    ruled: Wallets, top_ups: FakeTopUps, database: asyncpg.Connection, appender: Appender
) -> None:
    """Redis signals before the ledger has the charge."""
    now = 0.0
    worker = AutoTopUpWorker(ruled.auto_top_up_firings, ruled.hot, top_ups, clock=lambda: now)
    await ruled.engine.submit(charge(1))  # So that Redis has loaded the rule.
    await crash_after_redis(ruled, charge(600))
    assert await worker.run_once(sweep=False) == 0
    await Recovery(ruled.hot, appender).run_once(age_seconds_min=0)
    now = 1.9
    assert await worker.run_once(sweep=False) == 1
    assert await worker.run_once(sweep=False) == 0
    await charge_down(ruled, database)
    await ruled.engine.submit(top_up(1))
    now = 10.0
    assert await worker.run_once(sweep=False) == 0
    now = 12.1
    assert await worker.run_once(sweep=False) == 0, "the last check"
    await ruled.engine.submit(charge(1))
    assert await ruled.hot.take_signals(10) == ["acme"], "read by a process that is killed"
    assert await worker.run_once(sweep=False) == 0, "a company is not checked long after its signal"


async def test_one_charge_covers_the_whole_gap(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    await database.execute("UPDATE wallets SET floor = -100000, epoch = epoch + 1, last_seq = 0")
    await ruled.auto_top_ups.put("acme", AutoTopUpChange(threshold=100_500))
    await ruled.engine.submit(charge(6_500))  # 94 500 are available.
    assert await worker.run_once() == 1
    assert top_ups.paid() == [3 * AMOUNT], "the least that brings it back to the threshold"


async def test_a_burst_during_the_charge_causes_another_top_up(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    """It is below before, and below afterwards: nothing is crossed any more."""

    async def burst(firing: Firing) -> None:
        if firing.number == 1:
            await ruled.engine.submit(charge(999))

    await ruled.auto_top_ups.put("acme", AutoTopUpChange(threshold=2_400))
    await ruled.engine.submit(charge(1))
    top_ups.before = burst
    assert await worker.run_once(sweep=False) == 2
    assert top_ups.paid() == [AMOUNT, AMOUNT]
    assert await balance(database) == 2 * AMOUNT


async def test_only_the_first_top_up_has_a_mail(
    ruled: Wallets, worker: AutoTopUpWorker, database: asyncpg.Connection
) -> None:
    for _ in range(3):
        await charge_down(ruled, database)
        assert await worker.run_once() == 1
    assert await mail_templates(database) == ["auto_top_up_first"]
    assert await event_types(database) == ["started", "succeeded"] * 3
    (mail,) = await ruled.mails.claim(10, 60.0)
    written = render_message(mail, "billing@charging.example")
    assert written["Subject"] == "acme: your first automatic top-up (0.002 EUR)"
    assert "0.0005 EUR" in written.as_string()


# Two at once


async def test_two_workers_at_once_top_up_once(
    ruled: Wallets, top_ups: FakeTopUps, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    beside = await open_more()
    workers = [
        AutoTopUpWorker(each.auto_top_up_firings, each.hot, top_ups) for each in (ruled, beside) for _ in range(2)
    ]
    for turn in range(1, 6):
        await charge_down(ruled, database)
        assert sum(await asyncio.gather(*(each.run_once() for each in workers))) == 1
        assert top_ups.paid() == [AMOUNT] * turn
    assert await mail_templates(database) == ["auto_top_up_first"]


async def test_two_workers_on_one_firing_record_its_end_once(
    ruled: Wallets, top_ups: FakeTopUps, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    """The first is held up for longer than its claim lasts."""
    beside = await open_more()
    first, second = (AutoTopUpWorker(each.auto_top_up_firings, each.hot, top_ups) for each in (ruled, beside))
    goes_on = asyncio.Event()
    held_up = asyncio.Event()

    async def hold_up(_: Firing) -> None:
        if not held_up.is_set():
            held_up.set()
            await goes_on.wait()

    top_ups.answer, top_ups.before = DECLINED, hold_up
    await charge_down(ruled, database)
    running = asyncio.create_task(first.run_once())
    await held_up.wait()
    assert await second.run_once() == 0, "it is in flight, and claimed by another worker"
    await expire_waits(database)
    assert await second.run_once() == 1
    goes_on.set()
    assert await running == 0
    assert (await rule(ruled)).declines == 1
    assert await mail_templates(database) == ["auto_top_up_failed"]


async def test_a_charge_that_hangs_delays_no_other_company(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    await make_company(database, "other")
    await ruled.auto_top_ups.put("other", AutoTopUpChange(THRESHOLD, AMOUNT, "pm_2"))
    goes_on = asyncio.Event()

    async def hang(firing: Firing) -> None:
        if firing.company == "acme":
            await goes_on.wait()

    top_ups.before = hang
    await charge_down(ruled, database)
    running = asyncio.create_task(worker.run_once())
    await until(lambda: top_ups.started)
    await ruled.engine.submit(top_up(501, company="other"))
    await ruled.engine.submit(charge(2, company="other"))
    await until(lambda: top_ups.paid("other"))
    assert not top_ups.paid()
    goes_on.set()
    await running
    assert top_ups.paid() == [AMOUNT]


async def test_another_worker_resumes_after_a_stop(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    async def hang(_: Firing) -> None:
        await asyncio.Event().wait()

    top_ups.after = hang
    await charge_down(ruled, database)
    running = asyncio.create_task(worker.run_once())
    await until(lambda: top_ups.ended)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    async def go_on(_: Firing) -> None:
        pass

    top_ups.after = go_on
    await expire_waits(database)
    assert await worker.run_once() == 1
    assert top_ups.paid() == [AMOUNT]
    assert await balance(database) == THRESHOLD - 1 + AMOUNT


# ProcessCrashed at any step

STEPS: dict[str, tuple[Any, str]] = {
    "begin: lock": (rules_adapter, "lock: $1::text"),
    "begin: standing": (firings_adapter, "standing: $1::text"),
    "begin: begin": (firings_adapter, "begin: $1::text, $2::bigint, $3::text, $4::text, $5::float8"),
    "begin: publish": (notices_adapter, "insert: $1::text, $2::text, $3::text, $4::text"),
    "end: lock": (firings_adapter, "lock: $1::text, $2::bigint"),
    "end: end": (firings_adapter, "end: $1::text, $2::bigint, $3::smallint, $4::text, $5::boolean"),
    "end: paid": (firings_adapter, "paid: $1::text"),
    "end: declined": (firings_adapter, "declined: $1::text, $2::integer, $3::float8"),
}
"""Each statement of a firing, with its parameters."""


@pytest.mark.parametrize(
    ("step", "answer"),
    [(step, SUCCEEDED) for step in STEPS if step != "end: declined"]
    + [(step, DECLINED) for step in STEPS if step != "end: paid"],
)
async def test_a_crash_at_any_step_leaves_one_top_up_and_one_mail(
    ruled: Wallets,
    worker: AutoTopUpWorker,
    top_ups: FakeTopUps,
    database: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    answer: Any,
) -> None:
    top_ups.answer = answer
    await charge_down(ruled, database)
    module, statement = STEPS[step]
    name, _, parameters = statement.partition(": ")
    with monkeypatch.context() as patch:
        kill_connection_at(patch, module._SQL, name, parameters)
        assert await worker.run_once() == 0
    assert await mail_templates(database) == []
    asked = [firing.top_up for firing in top_ups.started]
    assert asked == ([] if step.startswith("begin") else ["auto-1"])
    await expire_waits(database)
    assert await worker.run_once() == 1
    assert await worker.run_once() == 0
    assert {firing.top_up for firing in top_ups.started} == {"auto-1"}
    assert top_ups.paid() == ([AMOUNT] if answer == SUCCEEDED else [])
    assert await mail_templates(database) == ["auto_top_up_first" if answer == SUCCEEDED else "auto_top_up_failed"]
    assert (await rule(ruled)).declines == (answer == DECLINED)


async def test_a_top_up_without_an_answer_is_resumed_ever_later(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    """It is not made twice."""

    async def lose(_: Firing) -> None:
        raise AWAY

    await charge_down(ruled, database)
    top_ups.after = lose
    assert await worker.run_once() == 0
    assert (await rule(ruled)).in_flight == "auto-1"
    await charge_down(ruled, database)
    assert await worker.run_once() == 0
    assert len(top_ups.started) == 1, "there is no hurry"
    for asked, seconds in ((2, 4), (3, 8), (4, 16)):
        await expire_waits(database)
        assert await worker.run_once() == 0
        assert len(top_ups.started) == asked
        due = await database.fetchval("SELECT extract(epoch FROM due_at - now()) FROM auto_top_up_firings")
        assert seconds - 1 < due < seconds + 0.1
    top_ups.after = top_ups.before
    await expire_waits(database)
    assert await worker.run_once() == 2, "this one, and the next one for what was spent meanwhile"
    assert top_ups.paid() == [AMOUNT, AMOUNT]


async def test_a_fault_leaves_the_firing_open(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    top_ups.answer = ValueError("a fault")
    await charge_down(ruled, database)
    assert await worker.run_once() == 0
    top_ups.answer = SUCCEEDED
    await expire_waits(database)
    assert await worker.run_once() == 1


async def test_a_pending_top_up_is_in_flight_until_it_ends(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    top_ups.answer = PENDING
    await charge_down(ruled, database)
    for _ in range(3):
        assert await worker.run_once() == 0
        await expire_waits(database)
    assert {firing.top_up for firing in top_ups.started} == {"auto-1"}
    assert await mail_templates(database) == []
    top_ups.answer = SUCCEEDED
    assert await worker.run_once() == 1
    assert top_ups.paid() == [AMOUNT]


async def test_an_id_that_is_taken_is_skipped(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    async def take_two(firing: Firing) -> None:
        top_ups.answer = ID_TAKEN if firing.number <= 2 else SUCCEEDED

    top_ups.before = take_two
    await charge_down(ruled, database)
    # It is no end by itself in the fake, so that the worker must record it.
    assert await worker.run_once() == 3
    assert [firing.top_up for firing in top_ups.started] == ["auto-1", "auto-2", "auto-3"]
    assert top_ups.paid() == [AMOUNT]
    assert (await rule(ruled)).declines == 0
    assert await mail_templates(database) == ["auto_top_up_first"]


# Declines


async def test_an_amount_that_no_card_can_pay_is_a_decline(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    """The provider refuses the amount before there is a top-up."""
    top_ups.answer = ProviderRefused("amount_too_small", "A payment by card is at least 0.50 EUR.")
    await charge_down(ruled, database)
    assert await worker.run_once() == 1
    assert ((await rule(ruled)).declines, (await rule(ruled)).in_flight) == (1, "")
    assert await mail_templates(database) == ["auto_top_up_failed"]


async def test_declines_wait_ever_longer_and_pause_at_last(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    """The first has a mail, and so has the pause."""
    top_ups.answer = DECLINED
    await charge_down(ruled, database)
    for declines, seconds in ((1, 600), (2, 3_600), (3, 21_600)):
        assert await worker.run_once() == 1
        assert await worker.run_once() == 0
        assert (await rule(ruled)).declines == declines
        waits = await database.fetchval("SELECT extract(epoch FROM wait_until - now()) FROM auto_top_ups")
        assert seconds - 5 < waits <= seconds
        assert await mail_templates(database) == ["auto_top_up_failed"]
        await expire_waits(database)
    assert await worker.run_once() == 1
    paused = await rule(ruled)
    assert (paused.state, paused.pause_reason) == (RuleState.PAUSED, PauseReason.DECLINES)
    await expire_waits(database)
    assert await worker.run_once() == 0
    assert await mail_templates(database) == ["auto_top_up_failed", "auto_top_up_paused_declines"]
    assert await event_types(database) == ["started", "failed"] * 4 + ["paused"]
    top_ups.answer = SUCCEEDED
    resumed = await ruled.auto_top_ups.resume("acme")
    assert (resumed.state, resumed.declines, resumed.waits_until) == (RuleState.ACTIVE, 0, 0)
    assert await worker.run_once() == 1


async def test_declines_are_counted_anew_after_a_payment(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    for _ in range(2):
        await charge_down(ruled, database)
        top_ups.answer = DECLINED
        assert await worker.run_once() == 1
        top_ups.answer = SUCCEEDED
        await expire_waits(database)
        assert await worker.run_once() == 1
        assert (await rule(ruled)).declines == 0
    assert await mail_templates(database) == ["auto_top_up_failed", "auto_top_up_first", "auto_top_up_failed"]


async def test_another_card_is_tried_at_once(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    top_ups.answer = DECLINED
    await charge_down(ruled, database)
    assert await worker.run_once() == 1
    changed = await ruled.auto_top_ups.put("acme", AutoTopUpChange(payment_method="pm_2"))
    assert (changed.declines, changed.waits_until) == (0, 0)
    top_ups.answer = SUCCEEDED
    assert await worker.run_once() == 1
    assert top_ups.started[-1].payment_method == "pm_2"


async def test_a_required_authentication_may_still_succeed(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    """It counts as a decline until then."""
    top_ups.answer = REQUIRES_ACTION
    await charge_down(ruled, database)
    for _ in range(3):
        assert await worker.run_once() == 0
        await expire_waits(database)
    waiting = await rule(ruled)
    assert (waiting.in_flight, waiting.declines) == ("auto-1", 1)
    assert await mail_templates(database) == ["auto_top_up_authentication"]
    top_ups.answer = SUCCEEDED
    assert await worker.run_once() == 1
    assert (await rule(ruled)).declines == 0
    assert await mail_templates(database) == ["auto_top_up_authentication", "auto_top_up_first"]


async def test_a_failed_authentication_is_one_decline(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    await charge_down(ruled, database)
    for answer, declines in (
        (DECLINED, 1),
        (REQUIRES_ACTION, 2),
        (AUTHENTICATION_FAILED, 2),
        (AUTHENTICATION_FAILED, 3),
    ):
        top_ups.answer = answer
        await worker.run_once()
        await expire_waits(database)
        assert (await rule(ruled)).declines == declines
    assert await mail_templates(database) == ["auto_top_up_failed", "auto_top_up_authentication"]


# Bounds


async def test_bounds_of_a_day_and_a_month_hold_until_it_ends(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    """The company is notified once for each."""
    bounds = AutoTopUpChange(day_amount_max=2 * AMOUNT + 1, month_amount_max=3 * AMOUNT)
    await ruled.auto_top_ups.put("acme", bounds)
    for _ in range(4):
        await charge_down(ruled, database)
        await worker.run_once()
    assert top_ups.paid() == [AMOUNT, AMOUNT]
    assert await database.fetchval(
        "SELECT wait_until = date_trunc('day', now(), 'UTC') + interval '1 day' FROM auto_top_ups"
    )
    await pass_a_day(database)
    assert await worker.run_once() == 1
    await charge_down(ruled, database)
    await worker.run_once()
    assert top_ups.paid() == [AMOUNT] * 3
    assert await mail_templates(database) == ["auto_top_up_first", "auto_top_up_limited", "auto_top_up_limited"]
    await database.execute("UPDATE auto_top_up_firings SET fired_at = fired_at - interval '31 days'")
    await expire_waits(database)
    assert await worker.run_once() == 1
    assert (await rule(ruled)).month_amount == AMOUNT


async def test_a_declined_firing_counts_in_no_bound(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    await ruled.auto_top_ups.put("acme", AutoTopUpChange(day_amount_max=AMOUNT, day_count_max=1, month_count_max=1))
    await charge_down(ruled, database)
    top_ups.answer = DECLINED
    assert await worker.run_once() == 1
    top_ups.answer = SUCCEEDED
    await expire_waits(database)
    assert await worker.run_once() == 1
    assert top_ups.paid() == [AMOUNT]


async def pass_a_day(database: asyncpg.Connection) -> None:
    """Let a day pass, within the month."""
    await database.execute(
        "UPDATE auto_top_up_firings "
        "SET fired_at = greatest(date_trunc('month', now(), 'UTC'), fired_at - interval '1 day')"
    )
    await expire_waits(database)


async def test_a_bound_reduces_the_charge_before_it_forbids_it(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    await ruled.auto_top_ups.put("acme", AutoTopUpChange(threshold=10_000, day_amount_max=2 * AMOUNT))
    assert await worker.run_once() == 1
    assert top_ups.paid() == [2 * AMOUNT]


async def test_the_count_of_a_month_holds(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    await ruled.auto_top_ups.put("acme", AutoTopUpChange(month_count_max=2))
    for _ in range(3):
        await charge_down(ruled, database)
        await worker.run_once()
    assert top_ups.paid() == [AMOUNT, AMOUNT]
    assert (await rule(ruled)).state is RuleState.ACTIVE
    await ruled.auto_top_ups.put("acme", AutoTopUpChange(month_count_max=0))
    assert await worker.run_once() == 1, "the bound is taken away, and what waited for it goes on"


async def test_a_runaway_pauses_the_rule(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    for count in range(1, 12):
        await charge_down(ruled, database)
        assert await worker.run_once() == (count <= 10)
    paused = await rule(ruled)
    assert (paused.state, paused.pause_reason) == (RuleState.PAUSED, PauseReason.RUNAWAY)
    assert len(top_ups.paid()) == 10
    assert await mail_templates(database) == ["auto_top_up_first", "auto_top_up_paused_runaway"]
    await ruled.auto_top_ups.resume("acme")
    assert await worker.run_once() == 1, "a person has resumed it, so it begins anew"


# Pause, resume, end


async def test_a_pause_keeps_the_rule_and_a_resumed_rule_catches_up(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    before = await rule(ruled)
    paused = await ruled.auto_top_ups.pause_by_request("acme")
    assert (paused.state, paused.pause_reason) == (RuleState.PAUSED, PauseReason.REQUESTED)
    assert paused.terms == before.terms
    await ruled.auto_top_ups.pause_by_request("acme")
    await charge_down(ruled, database)
    assert await worker.run_once() == 0
    assert await mail_templates(database) == [], "a person did it and needs no mail"
    assert await event_types(database) == ["paused"]
    await ruled.auto_top_ups.resume("acme")
    assert await worker.run_once() == 1


async def test_a_dispute_replaces_another_reason_of_a_pause(
    ruled: Wallets, worker: AutoTopUpWorker, database: asyncpg.Connection
) -> None:
    await ruled.auto_top_ups.pause_by_request("acme")
    for _ in range(2):
        await ruled.auto_top_ups.pause_for_dispute("acme")
        await ruled.auto_top_ups.pause_by_request("acme")
    assert (await rule(ruled)).pause_reason is PauseReason.DISPUTE
    assert await mail_templates(database) == ["auto_top_up_paused_dispute"]
    await charge_down(ruled, database)
    assert await worker.run_once() == 0
    await ruled.auto_top_ups.pause_for_dispute("nobody")


async def test_a_firing_ends_although_its_rule_is_paused_or_deleted(
    ruled: Wallets, worker: AutoTopUpWorker, top_ups: FakeTopUps, database: asyncpg.Connection
) -> None:
    top_ups.answer = PENDING
    await charge_down(ruled, database)
    assert await worker.run_once() == 0
    await ruled.auto_top_ups.pause_by_request("acme")
    await ruled.auto_top_ups.delete("acme")
    await ruled.auto_top_ups.put("acme", AutoTopUpChange(THRESHOLD, AMOUNT, "pm_1"))
    assert await worker.run_once() == 0
    assert (await rule(ruled)).in_flight == "auto-1"
    await ruled.auto_top_ups.delete("acme")
    top_ups.answer = SUCCEEDED
    await expire_waits(database)
    assert await worker.run_once() == 1
    await ruled.auto_top_ups.put("acme", AutoTopUpChange(THRESHOLD, AMOUNT, "pm_1"))
    await charge_down(ruled, database)
    assert await worker.run_once() == 1
    assert [firing.top_up for firing in top_ups.started] == ["auto-1", "auto-1", "auto-2"], (
        "a number is never given twice"
    )


async def test_a_suspended_company_is_not_topped_up_until_it_is_resumed(
    ruled: Wallets, worker: AutoTopUpWorker, database: asyncpg.Connection
) -> None:
    await charge_down(ruled, database)
    await ruled.companies.suspend("acme")
    assert await worker.run_once() == 0
    await ruled.companies.resume("acme")
    assert await worker.run_once() == 1


async def test_errors_of_a_rule_that_is_missing_or_not_possible(wallets: Wallets, database: asyncpg.Connection) -> None:
    rules = wallets.auto_top_ups
    whole = AutoTopUpChange(THRESHOLD, AMOUNT, "pm_1")
    await make_company(database)
    for ask in (
        rules.get("acme"),
        rules.pause_by_request("acme"),
        rules.resume("acme"),
        rules.delete("acme"),
        rules.put("acme", AutoTopUpChange(threshold=1, amount=1)),
    ):
        with pytest.raises(AutoTopUpNotFound):
            await ask
    with pytest.raises(CompanyNotFound):
        await rules.put("nobody", whole)
    await rules.put("acme", whole)
    await database.execute("UPDATE wallets SET state = 3")
    for ask in (rules.put("acme", whole), rules.resume("acme")):
        with pytest.raises(CompanyClosed):
            await ask


async def test_p2_the_database_allows_one_open_firing(ruled: Wallets, database: asyncpg.Connection) -> None:
    insert = "INSERT INTO auto_top_up_firings VALUES ('acme', $1, 1, 'EUR', 'pm_1', 1, false, '', 0, now(), now())"
    await database.execute(insert, 1)
    with pytest.raises(asyncpg.UniqueViolationError):
        await database.execute(insert, 2)
    await database.execute("DELETE FROM auto_top_up_firings")
