"""Subscriptions: each period is charged once, in order; without money they are past due, then suspended."""

import asyncio
from typing import Any

import asyncpg
import pytest

from admin.companies.domain import CompanyChange
from admin.mail.render import render_message
from admin.subscriptions.domain import Subscription, SubscriptionState, TermsChange
from admin.subscriptions.periods import Unit
from tests.conftest import OpenWallets
from tests.support.builders import change_settings, top_up
from tests.support.rates import import_deck, rate
from tests.support.subscribing import (
    DAY,
    HOUR,
    NUMBER,
    PRICE,
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
    CompanyNotFound,
    CompanySuspended,
    IdempotencyKeyReused,
    InsufficientFunds,
    RateNotFound,
    SubscriptionCanceled,
    SubscriptionNotFound,
)
from wallet.domain.limits import SpendLimit, Window
from wallet.domain.usage import Channel

pytestmark = pytest.mark.usefixtures("clean_afterwards")

START = parse_time("2027-01-31T09:30")
EMAIL = "people@acme.example"
ACTIVE, PAST_DUE, SUSPENDED, CANCELED = (
    SubscriptionState.ACTIVE,
    SubscriptionState.PAST_DUE,
    SubscriptionState.SUSPENDED,
    SubscriptionState.CANCELED,
)


@pytest.fixture(autouse=True)
async def _address(acme: Wallets, database: asyncpg.Connection) -> None:
    """The company has 1 000 micros, ten times the price of a period, and a billing address."""
    await database.execute("UPDATE companies SET billing_email = $1", EMAIL)


async def balance(wallets: Wallets) -> int:
    return (await wallets.reader.wallet("acme")).balance


async def test_the_first_period_is_charged_at_once(acme: Wallets, database: asyncpg.Connection) -> None:
    made = await acme.lifecycle.create(new_subscription(), now=START)
    assert (made.state, made.charged, made.schedule.anchor_day) == (ACTIVE, 1, 31)
    assert (made.period_starts_at, made.period_ends_at) == (START, parse_time("2027-02-28T09:30"))
    assert made.due_at == made.period_ends_at
    assert made.last_number is not None
    entry = await acme.reader.entry("acme", made.last_number)
    assert (entry.amount, entry.usage, entry.idempotency_key) == (-PRICE, NUMBER, "~sub:line:1")
    assert entry.reference == "subscriptions/line"
    assert await event_types(database) == ["subscription.renewed"]
    assert await mail_templates(database) == []


async def test_p2_a_repeated_request_returns_the_same_subscription(acme: Wallets, database: asyncpg.Connection) -> None:
    made = await asyncio.gather(*(acme.lifecycle.create(new_subscription(), now=START) for _ in range(5)))
    assert {each.charged for each in made} == {1}
    assert await acme.lifecycle.create(new_subscription(), now=START + DAY) == made[0]
    with pytest.raises(IdempotencyKeyReused):
        await acme.lifecycle.create(new_subscription(amount=PRICE + 1), now=START)
    assert await charge_keys(database) == ["~sub:line:1"]


async def test_a_year_from_the_31st_is_charged_at_each_months_end(acme: Wallets, database: asyncpg.Connection) -> None:
    await acme.engine.submit(top_up(10_000))
    await acme.lifecycle.create(new_subscription(), now=START)
    starts: list[int] = []
    now = START
    while len(starts) < 13:
        now += HOUR
        if await run_worker(acme, now):
            line = await read_subscription(acme)
            assert line.period_starts_at is not None
            assert now - HOUR < line.period_starts_at <= now
            starts.append(line.period_starts_at)
        else:
            due_at = (await read_subscription(acme)).due_at
            assert due_at is not None
            now = max(now, due_at - HOUR)
    days = ("02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30", "12-31")
    assert starts == [
        *(parse_time(f"2027-{day}T09:30") for day in days),
        parse_time("2028-01-31T09:30"),
        parse_time("2028-02-29T09:30"),
    ]
    assert await charge_keys(database) == [f"~sub:line:{number}" for number in range(1, 15)]


async def test_after_an_outage_each_missed_period_is_charged_once_in_order(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    await acme.engine.submit(top_up(10_000))
    await acme.lifecycle.create(new_subscription(unit=Unit.DAY), now=START)
    now = START + 30 * DAY + HOUR
    assert await run_worker(acme, now) == 30
    assert await run_worker(acme, now) == 0
    assert await charge_keys(database) == [f"~sub:line:{number}" for number in range(1, 32)]
    line = await read_subscription(acme)
    assert (line.charged, line.period_starts_at) == (31, START + 30 * DAY)


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


async def test_each_period_is_priced_by_the_rate_card_of_its_day(acme: Wallets) -> None:
    number = {"channel": Channel.PHONE_NUMBER, "effective_at": 1}
    await import_deck(acme.rate_cards, [rate("DE", 70, **number), rate("+4930", 90, **number)])
    await acme.companies.update("acme", CompanyChange(rate_card="standard"))
    made = await acme.lifecycle.create(new_subscription(amount=None, number="+493012345"), now=START)
    await import_deck(acme.rate_cards, [rate("+4930", 95, channel=Channel.PHONE_NUMBER, effective_at=START + DAY)])
    await run_worker(acme, START + 40 * DAY)
    first, second = [
        await acme.reader.entry("acme", number)
        for number in (made.last_number or 0, (await read_subscription(acme)).last_number or 0)
    ]
    assert (first.amount, second.amount) == (-90, -95)
    assert first.price is not None
    assert second.price is not None
    assert second.price.rate == "phone_number.+4930"


async def test_a_missing_price_suspends_nothing_and_is_charged_once_known(
    acme: Wallets, database: asyncpg.Connection
) -> None:
    with pytest.raises(RateNotFound):
        await acme.lifecycle.create(new_subscription(amount=None), now=START)
    await acme.lifecycle.create(new_subscription("other", starts_at=START + DAY, amount=None), now=START)
    for days in (2, 20, 200):
        assert await run_worker(acme, START + days * DAY) == 0
        other = await read_subscription(acme, "other")
        assert (other.state, other.declined) == (SubscriptionState.PENDING, "RateNotFound")
    await acme.lifecycle.update("acme", "other", TermsChange(sets_amount=True, amount=PRICE))
    assert await run_worker(acme, START + 201 * DAY) == 7
    assert await mail_templates(database) == []


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


async def test_a_subscription_that_begins_later_is_charged_then(acme: Wallets) -> None:
    begin = parse_time("2027-02-14")
    made = await acme.lifecycle.create(new_subscription(starts_at=begin), now=START)
    assert (made.state, made.charged, made.due_at) == (SubscriptionState.PENDING, 0, begin)
    assert await run_worker(acme, begin - 1) == 0
    assert await run_worker(acme, begin) == 1
    assert (await read_subscription(acme)).period_ends_at == parse_time("2027-03-14")


async def test_a_cut_first_period_costs_its_share(acme: Wallets) -> None:
    made = await acme.lifecycle.create(new_subscription(anchor_day=1, amount=310), now=parse_time("2027-01-22"))
    assert made.period_ends_at == parse_time("2027-02-01")
    assert await balance(acme) == 1_000 - 100, "ten days of 31"
    await run_worker(acme, parse_time("2027-02-01"))
    assert await balance(acme) == 1_000 - 100 - 310


async def test_changed_terms_hold_for_the_periods_to_come(acme: Wallets) -> None:
    await acme.lifecycle.create(new_subscription(), now=START)
    change = TermsChange(
        display_name="Two numbers", usage=NUMBER, number="+4930123", sets_amount=True, amount=200, grace_seconds=5
    )
    changed = await acme.lifecycle.update("acme", "line", change)
    assert changed.terms == change.apply(changed.terms)
    assert (changed.terms.amount, changed.charged) == (200, 1)
    with pytest.raises(RateNotFound):
        await acme.lifecycle.update("acme", "line", TermsChange(sets_amount=True))
    assert (await acme.lifecycle.update("acme", "line", TermsChange())).terms == changed.terms
    await run_worker(acme, START + 31 * DAY)
    assert await balance(acme) == 1_000 - 300


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
    assert await balance(acme) == 1_000 - 2 * PRICE
    await asyncio.gather(*(run_worker(each, due + DAY) for each in (acme, other)))
    assert await balance(acme) == 1_000 - PRICE
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


async def test_two_workers_at_once_charge_each_period_once(
    acme: Wallets, open_more: OpenWallets, database: asyncpg.Connection
) -> None:
    await acme.engine.submit(top_up(100_000))
    other = await open_more()
    for number in range(8):
        await acme.lifecycle.create(new_subscription(f"line-{number}", unit=Unit.WEEK), now=START)
    for week in (1, 2, 5):
        await asyncio.gather(*(run_worker(each, START + 7 * week * DAY) for each in (acme, other, acme, other)))
    assert sorted(await charge_keys(database)) == [
        f"~sub:line-{line}:{week}" for line in range(8) for week in range(1, 7)
    ]
    assert await balance(acme) == 101_000 - 48 * PRICE
    assert await event_types(database) == ["subscription.renewed"] * 48


async def test_an_error_of_one_subscription_delays_no_other_and_is_raised(
    acme: Wallets, monkeypatch: pytest.MonkeyPatch
) -> None:
    for subscription in ("bad", "good"):
        await acme.lifecycle.create(new_subscription(subscription), now=START)
    step, now = acme.lifecycle.step, START + 31 * DAY

    async def fail(subscription: Subscription, *arguments: Any, **options: Any) -> Subscription:
        if subscription.id == "bad":
            raise ZeroDivisionError
        return await step(subscription, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(acme.lifecycle, "step", fail)
        with pytest.raises(ZeroDivisionError):
            await run_worker(acme, now)
        assert (await read_subscription(acme, "good")).charged == 2
        assert await run_worker(acme, now) == 0, "it is postponed"
    assert await run_worker(acme, now + HOUR) == 1


async def test_an_error_postpones_no_subscription_that_was_changed_since(
    acme: Wallets, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await acme.lifecycle.create(new_subscription("line"), now=START)
    step, now = acme.lifecycle.step, START + 31 * DAY

    async def overtaken(subscription: Subscription, *arguments: Any, **options: Any) -> Subscription:
        await step(subscription, *arguments, **options)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(acme.lifecycle, "step", overtaken)
        with pytest.raises(ZeroDivisionError):
            await run_worker(acme, now)
    after = await read_subscription(acme, "line")
    assert (after.charged, after.due_at) == (2, after.period_ends_at)
    assert after.due_at != made.due_at


async def test_unknown_companies_and_subscriptions_are_not_found(acme: Wallets) -> None:
    with pytest.raises(CompanyNotFound):
        await acme.lifecycle.create(new_subscription(company="unknown"), now=START)
    for call in (
        acme.subscriptions.get("acme", "none"),
        acme.lifecycle.resume("acme", "none"),
        acme.lifecycle.update("acme", "none", TermsChange()),
        acme.lifecycle.cancel("acme", "none", at_period_end=False),
    ):
        with pytest.raises(SubscriptionNotFound):
            await call


async def test_subscriptions_are_listed_oldest_first_by_company_and_state(acme: Wallets) -> None:
    for subscription in ("a", "b", "c"):
        await acme.lifecycle.create(new_subscription(subscription), now=START)
    await acme.lifecycle.cancel("acme", "b", at_period_end=False, now=START)
    listed = await acme.subscriptions.list_subscriptions(company="acme", after=0, limit=10)
    assert [each.id for each in listed] == ["a", "b", "c"]
    assert [each.id for each in await acme.subscriptions.list_subscriptions(after=listed[0].serial, limit=1)] == ["b"]
    assert [each.id for each in await acme.subscriptions.list_subscriptions(state=ACTIVE, after=0, limit=10)] == [
        "a",
        "c",
    ]
    assert await acme.subscriptions.list_subscriptions(company="other", after=0, limit=10) == []
