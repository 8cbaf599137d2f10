"""Subscriptions: each period is charged once and in order, at the price of its terms."""

import asyncio
from typing import Any

import asyncpg
import pytest

from admin.companies.domain import CompanyChange
from admin.subscriptions.domain import Subscription, SubscriptionState, TermsChange
from admin.subscriptions.periods import Unit
from tests.conftest import OpenWallets
from tests.support.builders import top_up
from tests.support.rates import import_deck, rate
from tests.support.subscribing import (
    DAY,
    HOUR,
    NUMBER,
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
    CompanyNotFound,
    IdempotencyKeyReused,
    RateNotFound,
    SubscriptionNotFound,
)
from wallet.domain.usage import Channel

pytestmark = pytest.mark.usefixtures("clean_afterwards")

START = parse_time("2027-01-31T09:30")
ACTIVE = SubscriptionState.ACTIVE


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
    assert await balance_of(acme) == 1_000 - 100, "ten days of 31"
    await run_worker(acme, parse_time("2027-02-01"))
    assert await balance_of(acme) == 1_000 - 100 - 310


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
    assert await balance_of(acme) == 1_000 - 300


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
    assert await balance_of(acme) == 101_000 - 48 * PRICE
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
