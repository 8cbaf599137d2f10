"""Subscriptions without money are past due, then suspended; they are resumed and canceled."""

import asyncio

import asyncpg
import pytest

from admin.mail.render import render_message
from admin.subscriptions.domain import SubscriptionState, TermsChange
from admin.subscriptions.periods import Unit
from tests.conftest import OpenWallets
from tests.support.builders import change_settings, top_up
from tests.support.subscribing import (
    DAY,
    HOUR,
    PRICE,
    balance_of,
    charge_keys,
    event_types,
    mail_templates,
    new_subscription,
    parse_time,
    read_subscription,
    run_worker,
)
from tests.support.wallets import Wallets
from wallet.domain.errors import (
    CompanyClosed,
    CompanySuspended,
    InsufficientFunds,
    SubscriptionCanceled,
)
from wallet.domain.limits import SpendLimit, Window

pytestmark = pytest.mark.usefixtures("clean_afterwards")

START = parse_time("2027-01-31T09:30")
ACTIVE = SubscriptionState.ACTIVE
PAST_DUE = SubscriptionState.PAST_DUE
SUSPENDED = SubscriptionState.SUSPENDED
CANCELED = SubscriptionState.CANCELED


async def test_past_due_counts_from_the_first_decline_after_an_outage(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await acme.lifecycle.create(new_subscription(unit=Unit.DAY), now=START)
    now = START + 30 * DAY
    assert await run_worker(acme, now) == 9, "1 000 are ten periods"
    line = await read_subscription(acme)
    assert (line.state, line.charged, line.past_due_at) == (PAST_DUE, 10, now)
    await acme.engine.submit(top_up(10_000))
    assert [await run_worker(acme, now + HOUR) for _ in range(3)] == [12, 9, 0], "a bounded number in each run"
    assert (await read_subscription(acme)).state is ACTIVE


async def test_without_money_it_is_past_due_with_one_notice_then_suspended(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await acme.lifecycle.create(new_subscription(amount=600, display_name="Hotline"), now=START)
    due = parse_time("2027-02-28T09:30")
    attempts = 0
    now = due
    while (line := await read_subscription(acme)).state is not SUSPENDED:
        assert line.due_at is not None
        assert now <= line.due_at
        now = line.due_at
        assert await run_worker(acme, now) == 0
        attempts += 1
        assert await run_worker(acme, now) == 0, "it is postponed"
    assert now == due + 7 * DAY
    assert 24 * 7 < attempts < 24 * 7 + 10, "after an hour at most"
    assert (line.due_at, line.charged) == (None, 1)
    assert await mail_templates(database) == ["subscription_past_due", "subscription_suspended"]
    assert await event_types(database) == ["subscription.renewed", "subscription.past_due", "subscription.suspended"]
    assert await run_worker(acme, now + 365 * DAY) == 0, "it is not charged any more"
    messages = [render_message(mail, "billing@charging.example") for mail in await acme.mails.claim(10, 60.0)]
    assert [each["Subject"] for each in messages] == [
        "acme: Hotline could not be paid, please top up",
        "acme: Hotline is suspended",
    ]
    for text in ("0.0006 EUR are required", "0.0004 EUR are available", "2027-03-07 09:30 UTC"):
        body = messages[0].get_body(("plain",))
        assert body is not None
        assert text in " ".join(body.get_content().split())


async def test_a_top_up_within_the_grace_period_pays_at_the_next_attempt(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await acme.lifecycle.create(new_subscription(amount=600), now=START)
    due = parse_time("2027-02-28T09:30")
    await run_worker(acme, due)
    await acme.engine.submit(top_up(1_000))
    assert await run_worker(acme, due + HOUR) == 1
    line = await read_subscription(acme)
    assert (line.state, line.past_due_at, line.declines) == (ACTIVE, None, 0)
    assert (line.period_starts_at, line.period_ends_at) == (due, parse_time("2027-03-31T09:30")), (
        "as if it had been in time"
    )
    assert await mail_templates(database) == ["subscription_past_due"]


async def test_without_grace_it_is_suspended_at_once(acme: Wallets, database: asyncpg.Connection) -> None:
    await acme.lifecycle.create(new_subscription(amount=600, grace_seconds=0), now=START)
    await run_worker(acme, START + 31 * DAY)
    assert (await read_subscription(acme)).state is SUSPENDED
    assert await mail_templates(database) == ["subscription_suspended"]


@pytest.mark.parametrize(
    ("days", "starts", "ends", "anchor_day"),
    [
        (10, "2027-02-28T09:30", "2027-03-31T09:30", 31),  # The period that was not paid is still running.
        (40, "2027-04-09T09:30", "2027-05-09T09:30", 9),  # It is over: a new one begins.
    ],
)
async def test_a_resumed_subscription_pays_the_period_that_is_due(
    acme: Wallets, days: int, starts: str, ends: str, anchor_day: int
) -> None:
    await acme.lifecycle.create(new_subscription(amount=600, grace_seconds=0), now=START)
    due = parse_time("2027-02-28T09:30")
    await run_worker(acme, due)
    for earlier in (1, 2):
        with pytest.raises(InsufficientFunds):
            await acme.lifecycle.resume("acme", "line", now=due + earlier * DAY)
        assert await run_worker(acme, due + earlier * DAY + HOUR) == 0, "no worker tries again"
    assert (await read_subscription(acme)).state is SUSPENDED
    await acme.engine.submit(top_up(1_000))
    resumed = await acme.lifecycle.resume("acme", "line", now=due + days * DAY)
    assert (resumed.state, resumed.charged, resumed.schedule.anchor_day) == (ACTIVE, 2, anchor_day)
    assert (resumed.period_starts_at, resumed.period_ends_at, resumed.due_at) == (
        parse_time(starts),
        parse_time(ends),
        parse_time(ends),
    )
    assert (resumed.resumed_at, resumed.past_due_at, resumed.declined) == (None, None, "")
    assert await acme.lifecycle.resume("acme", "line", now=due + days * DAY) == resumed
    await acme.engine.submit(top_up(1_000))
    await run_worker(acme, parse_time(ends))
    assert (await read_subscription(acme)).period_starts_at == parse_time(ends)


async def test_a_declined_first_charge_is_tried_again_only_by_its_caller(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    with pytest.raises(InsufficientFunds):
        await acme.lifecycle.create(new_subscription(amount=5_000), now=START)
    line = await read_subscription(acme)
    assert (line.state, line.charged, line.due_at, line.declined) == (
        SubscriptionState.PENDING,
        0,
        None,
        "InsufficientFunds",
    )
    await acme.engine.submit(top_up(10_000))
    assert await run_worker(acme, START + DAY) == 0
    later = START + 3 * DAY
    made = await acme.lifecycle.create(new_subscription(amount=5_000), now=later)
    assert (made.state, made.period_starts_at, made.starts_at, made.schedule.anchor_day) == (ACTIVE, later, later, 3)
    assert await event_types(database) == ["subscription.renewed"]
    assert await mail_templates(database) == []


async def test_a_canceled_subscription_is_not_charged_any_more(acme: Wallets, database: asyncpg.Connection) -> None:
    for subscription in ("now", "later", "kept"):
        await acme.lifecycle.create(new_subscription(subscription), now=START)
    ended = await acme.lifecycle.cancel("acme", "now", at_period_end=False, now=START + DAY)
    assert (ended.state, ended.canceled_at) == (CANCELED, START + DAY)
    for subscription in ("later", "kept"):
        ending = await acme.lifecycle.cancel("acme", subscription, at_period_end=True, now=START + DAY)
        assert (ending.state, ending.cancel_at_period_end) == (ACTIVE, True)
    assert not (await acme.lifecycle.resume("acme", "kept", now=START + 2 * DAY)).cancel_at_period_end
    assert await run_worker(acme, START + 31 * DAY) == 1
    states = [(await read_subscription(acme, subscription)).state for subscription in ("now", "later", "kept")]
    assert states == [CANCELED, CANCELED, ACTIVE]
    assert (await read_subscription(acme, "later")).canceled_at == parse_time("2027-02-28T09:30")
    assert await acme.lifecycle.cancel("acme", "now", at_period_end=True) == await read_subscription(acme, "now")
    for again in (
        acme.lifecycle.resume("acme", "now"),
        acme.lifecycle.update("acme", "now", TermsChange()),
    ):
        with pytest.raises(SubscriptionCanceled):
            await again
    assert (await acme.lifecycle.create(new_subscription("now"), now=START + DAY)).state is CANCELED
    await run_worker(acme, START + 200 * DAY)
    assert await charge_keys(database, "~sub:later") == ["~sub:later:1"]
    assert await charge_keys(database, "~sub:now") == ["~sub:now:1"]
    renewed, canceled = "subscription.renewed", "subscription.canceled"
    assert await event_types(database) == [*[renewed] * 3, canceled, canceled, *[renewed] * 6]


@pytest.mark.parametrize("checked_before", [False, True], ids=["before_the_check", "after_the_check"])
async def test_a_charge_concurrent_with_cancellation_is_refunded_once(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection, checked_before: bool
) -> None:
    await acme.lifecycle.create(new_subscription(), now=START)
    due = parse_time("2027-02-28T09:30")
    about_to = await read_subscription(acme)
    await acme.lifecycle.cancel("acme", "line", at_period_end=False, now=due)
    other = await open_more()
    if checked_before:
        await run_worker(acme, due + HOUR)
        assert (await read_subscription(acme)).due_at is None
    left = await other.lifecycle.step(about_to, due)
    assert (left.state, left.charged) == (CANCELED, 1)
    assert await balance_of(acme) == 1_000 - 2 * PRICE
    await asyncio.gather(*(run_worker(each, due + DAY) for each in (acme, other)))
    assert await balance_of(acme) == 1_000 - PRICE
    assert (await read_subscription(acme)).due_at is None
    assert await run_worker(acme, due + 100 * DAY) == 0
    assert await charge_keys(database, "~sub") == ["~sub:line:1", "~sub:line:2", "~sub-refund:line:2"]


async def test_a_suspended_company_is_past_due_and_a_closed_one_canceled(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await acme.lifecycle.create(new_subscription(), now=START)
    await change_settings(database, state=2)
    with pytest.raises(CompanySuspended):
        await acme.lifecycle.create(new_subscription("another"), now=START)
    due = parse_time("2027-02-28T09:30")
    await run_worker(acme, due)
    line = await read_subscription(acme)
    assert (line.state, line.declined) == (PAST_DUE, "CompanySuspended")
    await change_settings(database, state=3)
    await run_worker(acme, due + DAY)
    assert (await read_subscription(acme)).state is CANCELED
    with pytest.raises(CompanyClosed):
        await acme.lifecycle.create(new_subscription("late"), now=due)
    await run_worker(acme, due + 2 * DAY)
    assert (await read_subscription(acme)).due_at is None
    assert await charge_keys(database) == ["~sub:line:1"]


@pytest.mark.parametrize("reason", ["DestinationBlocked", "SpendLimitReached"])
async def test_a_charge_that_a_rule_of_the_company_blocks_is_past_due(
    acme: Wallets, database: asyncpg.Connection, reason: str
) -> None:
    await acme.lifecycle.create(new_subscription(), now=START)
    if reason == "DestinationBlocked":
        await change_settings(database, blocked="DE")
    else:
        await acme.spend_limits.create(SpendLimit("acme", "daily", Window.DAY, PRICE - 1))
    due = parse_time("2027-02-28T09:30")
    await run_worker(acme, due)
    line = await read_subscription(acme)
    assert (line.state, line.declined) == (PAST_DUE, reason)
    if reason == "DestinationBlocked":
        await change_settings(database, blocked="")
    else:
        await acme.spend_limits.delete("acme", "daily")
    assert (await acme.lifecycle.resume("acme", "line", now=due + 1)).state is ACTIVE
    assert await mail_templates(database) == ["subscription_past_due"]
